// The scale subresource: how many replicas a workload wants and has, as autoscaling/v1 Scale.

import type { ScalePaths } from '../../objects/custom/custom-version.ts';
import { firstAt, setAt } from '../../objects/custom/json-path.ts';
import { scalarText, objectOf, type Draft } from '../../objects/json.ts';
import type { Resource } from '../../objects/resources.ts';
import { admitWrite } from '../admission/admit-write.ts';
import { parseObject } from '../http/body.ts';
import type { ApiContext } from '../context.ts';
import { managedAfterWrite, managerOf } from '../writes/field-managers.ts';
import { applyPatch, parsePatch } from '../writes/patch.ts';
import { selectorText } from '../printers/printer.ts';
import { storedOf } from '../reads/read.ts';
import { jsonReply, type ApiRequest, type ObjectTarget, type Reply } from '../http/request.ts';
import { badRequest, invalid, methodNotAllowed } from '../http/status-error.ts';
import { updateObject } from '../writes/write.ts';

export async function handleScale(
  context: ApiContext,
  request: ApiRequest,
  target: ObjectTarget,
): Promise<Reply> {
  switch (request.method) {
    case 'GET':
      return jsonReply(200, scaleOf(target.resource, storedOf(context, target).object));
    case 'PUT': {
      const scale = parseObject(await request.readBody(), request.headers['content-type']);
      return setReplicas(context, request, target, scale);
    }
    case 'PATCH': {
      const patch = parsePatch(await request.readBody(), request.headers['content-type']);
      const scale = applyPatch(
        'autoscaling.Scale',
        scaleOf(target.resource, storedOf(context, target).object),
        patch,
      );
      return setReplicas(context, request, target, scale);
    }
    default:
      throw methodNotAllowed();
  }
}

function setReplicas(
  context: ApiContext,
  request: ApiRequest,
  target: ObjectTarget,
  scale: Readonly<Draft>,
): Reply {
  const previous = storedOf(context, target);
  const replicas = objectOf(scale['spec'])['replicas'] ?? 0;
  if (!Number.isInteger(replicas)) throw badRequest('Scale: field "spec.replicas": expected an integer');
  if (Number(replicas) < 0) {
    const message = `Invalid value: ${scalarText(replicas)}: must be greater than or equal to 0`;
    const cause = { reason: 'FieldValueInvalid', field: 'spec.replicas', message };
    throw invalid({ group: 'autoscaling', kind: 'Scale' }, target.name, [cause]);
  }
  const draft: Draft = structuredClone({ ...previous.object });
  setAt(draft, pathsOf(target.resource).specReplicas, replicas);
  const { resourceVersion } = objectOf(scale['metadata']);
  draft['metadata'] = { ...objectOf(draft['metadata']), resourceVersion: resourceVersion ?? '' };
  const { resource } = target;
  const manager = managerOf(request, target, 'Update');
  const isDryRun = request.query.has('dryRun');
  const stored = updateObject(context, resource, draft, {
    previous,
    isDryRun,
    admit: ({ after }) => {
      // Policies see what the client sees: a Scale.
      const [object, oldObject] = [after, previous.object].map((it) => scaleOf(resource, it));
      const kind = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
      admitWrite(context, request, target, { operation: 'UPDATE', object, oldObject, isDryRun, kind });
    },
    managedFields: (written) => managedAfterWrite(context, { resource, manager, ...written }),
  });
  return jsonReply(200, scaleOf(resource, stored.object));
}

const WORKLOAD: ScalePaths = {
  specReplicas: '.spec.replicas',
  statusReplicas: '.status.replicas',
  labelSelector: '.spec.selector',
};

/** Workloads have theirs in the same places; of custom kinds the definition says where. */
function pathsOf({ custom }: Resource): ScalePaths {
  return custom?.scale ?? WORKLOAD;
}

function scaleOf(resource: Resource, object: Readonly<Draft>): Draft {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = objectOf(object['metadata']);
  const { specReplicas, statusReplicas, labelSelector } = pathsOf(resource);
  const replicas = firstAt(object, statusReplicas);
  const selector = labelSelector === undefined ? undefined : firstAt(object, labelSelector);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: firstAt(object, specReplicas) ?? 0 },
    status: {
      replicas: typeof replicas === 'number' ? replicas : 0,
      selector: typeof selector === 'string' ? selector : selectorText(selector),
    },
  };
}
