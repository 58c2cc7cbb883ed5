// The scale subresource: how many replicas a workload wants and has, as autoscaling/v1 Scale.

import { scalarText, objectOf, type Draft } from '../../objects/json.ts';
import { parseObject } from '../body.ts';
import type { ApiContext } from '../context.ts';
import { managedAfterWrite, managerOf } from '../field-managers.ts';
import { applyPatch, parsePatch } from '../patch.ts';
import { selectorText } from '../printers/printer.ts';
import { storedOf } from '../read.ts';
import { jsonReply, type ApiRequest, type ObjectTarget, type Reply } from '../request.ts';
import type { StoredObject } from '../object-store.ts';
import { badRequest, invalid, methodNotAllowed } from '../status-error.ts';
import { updateObject } from '../write.ts';

export async function handleScale(
  context: ApiContext,
  request: ApiRequest,
  target: ObjectTarget,
): Promise<Reply> {
  switch (request.method) {
    case 'GET':
      return jsonReply(200, scaleOf(storedOf(context, target)));
    case 'PUT': {
      const scale = parseObject(await request.readBody(), request.headers['content-type']);
      return setReplicas(context, request, target, scale);
    }
    case 'PATCH': {
      const patch = parsePatch(await request.readBody(), request.headers['content-type']);
      const scale = applyPatch('autoscaling.Scale', scaleOf(storedOf(context, target)), patch);
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
  const draft = structuredClone(previous.object) as unknown as Draft;
  draft['spec'] = { ...objectOf(draft['spec']), replicas };
  const { resourceVersion } = objectOf(scale['metadata']);
  draft['metadata'] = { ...objectOf(draft['metadata']), resourceVersion: resourceVersion ?? '' };
  const { resource } = target;
  const manager = managerOf(request, target, 'Update');
  const stored = updateObject(context, resource, draft, {
    previous,
    isDryRun: request.query.has('dryRun'),
    managedFields: (written) => managedAfterWrite(context, { resource, manager, ...written }),
  });
  return jsonReply(200, scaleOf(stored));
}

function scaleOf({ object }: StoredObject): object {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const spec = objectOf(object['spec']);
  const replicas = objectOf(object['status'])['replicas'];
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: spec['replicas'] ?? 0 },
    status: {
      replicas: typeof replicas === 'number' ? replicas : 0,
      selector: selectorText(spec['selector']),
    },
  };
}
