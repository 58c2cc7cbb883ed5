// What is done to pods beside changing them: binding to a node, eviction.

import { listOf, objectOf, textOf, type Draft } from '../../objects/json.ts';
import { matchesSelector, selectorOf, type KubeObject, type LabelSelector } from '../../objects/meta.ts';
import { admitSubresource } from '../admission/admit-write.ts';
import { timestampOf, type ApiContext } from '../context.ts';
import { deleteObject, deleteOptionsOf } from '../writes/delete.ts';
import { readBodyObject } from '../object-routes.ts';
import { storedOf } from '../reads/read.ts';
import { jsonReply, type ApiRequest, type ObjectTarget, type Reply } from '../http/request.ts';
import { badRequest, conflict, methodNotAllowed, StatusError } from '../http/status-error.ts';
import { replaceObject } from '../writes/write.ts';

const SUCCESS = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };

/** POST binding: the scheduler's word on which node a pod runs; once only. */
export async function handleBinding(
  context: ApiContext,
  request: ApiRequest,
  target: ObjectTarget,
): Promise<Reply> {
  if (request.method !== 'POST') throw methodNotAllowed();
  const body = await readBodyObject(request);
  const node = textOf(objectOf(body['target'])['name']);
  if (node === undefined) throw badRequest('Binding: target.name: Required value');
  const previous = storedOf(context, target);
  const { object } = previous;
  const bound = textOf(objectOf(object['spec'])['nodeName']);
  if (object.metadata.deletionTimestamp !== undefined) {
    throw conflict(
      target.resource,
      target.name,
      `pod ${target.name} is being deleted, cannot be assigned to a host`,
    );
  }
  if (bound !== undefined) {
    throw conflict(target.resource, target.name, `pod ${target.name} is already assigned to node "${bound}"`);
  }
  admitSubresource(context, request, target, body);
  replaceObject(context, target.resource, boundPod(context, object, node), {
    previous,
    isDryRun: request.query.has('dryRun'),
  });
  return jsonReply(201, SUCCESS);
}

function boundPod(context: ApiContext, pod: KubeObject, nodeName: string): Draft {
  const status = objectOf(pod['status']);
  const others = listOf(status['conditions']).filter((it) => objectOf(it)['type'] !== 'PodScheduled');
  const scheduled = {
    type: 'PodScheduled',
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: timestampOf(context.clock.nowMs()),
  };
  return {
    ...pod,
    spec: { ...objectOf(pod['spec']), nodeName },
    status: { ...status, conditions: [...others, scheduled] },
  };
}

/** POST eviction: a deletion that disruption budgets may hold back (429). */
export async function handleEviction(
  context: ApiContext,
  request: ApiRequest,
  target: ObjectTarget,
): Promise<Reply> {
  if (request.method !== 'POST') throw methodNotAllowed();
  const body = await readBodyObject(request);
  const stored = storedOf(context, target);
  const options = deleteOptionsOf(objectOf(body['deleteOptions']), request.query);
  const { phase } = objectOf(stored.object['status']);
  const isRunning = phase !== 'Succeeded' && phase !== 'Failed' && phase !== 'Pending';
  if (isRunning && stored.object.metadata.deletionTimestamp === undefined)
    checkBudgets(context, stored.object);
  admitSubresource(context, request, target, body);
  deleteObject(context, target.resource, stored, options);
  return jsonReply(201, SUCCESS);
}

function checkBudgets(context: ApiContext, pod: KubeObject): void {
  for (const { object } of context.store.list('poddisruptionbudgets.policy', pod.metadata.namespace)) {
    const selector = objectOf(object['spec'])['selector'] as LabelSelector | undefined; // Types were checked when it was written.
    if (selector === undefined || !matchesSelector(selectorOf(selector), pod.metadata.labels)) continue;
    const allowed = objectOf(object['status'])['disruptionsAllowed'];
    if (typeof allowed === 'number' && allowed > 0) continue;
    const message = "Cannot evict pod as it would violate the pod's disruption budget.";
    const cause = {
      reason: 'DisruptionBudget',
      message: `The disruption budget ${object.metadata.name} allows no disruption right now`,
    };
    throw new StatusError(429, 'TooManyRequests', message, { causes: [cause] });
  }
}
