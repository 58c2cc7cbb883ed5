// What nobody else removes: old events, pods whose node is gone, finished pods beyond a bound.

import { EVENTS, NODES, PODS } from '../../kube/resource.ts';
import type { Pod } from '../../objects/api-types.ts';
import { deleteAction, type Action } from '../../controllers/action.ts';
import {
  CLUSTER_KEY,
  clusterKey,
  source,
  type Controller,
  type ReconcileContext,
} from '../../controllers/controller.ts';
import { isFinished } from '../../controllers/pod-state.ts';
import { controllerOf } from './ownership.ts';

const EVENT_TTL_MS = 3_600_000;
const EVENT_ROUND_MS = 60_000;
const MAX_PER_ROUND = 200;
/** Finished pods that nobody's history bounds are kept for their logs, but not without end. */
const MAX_FINISHED_PODS = 1000;

/** Events live an hour, as upstream's server keeps them. */
export const eventExpiry: Controller = {
  name: 'event-expiry',
  sources: [source(EVENTS, ({ before }) => (before === undefined ? [CLUSTER_KEY] : []))],
  reconcile: (_key, context) => expireEvents(context),
  concurrency: 1,
  restMs: EVENT_ROUND_MS,
};

export function expireEvents({
  cluster,
  nowMs,
}: Pick<ReconcileContext, 'cluster' | 'nowMs'>): readonly Action[] {
  const events = [...cluster.of(EVENTS).values()];
  const old = events.filter(({ metadata }) => Date.parse(metadata.creationTimestamp) + EVENT_TTL_MS < nowMs);
  const deletes = old.slice(0, MAX_PER_ROUND).map((event) => deleteAction(EVENTS, event));
  return events.length === 0 ? [] : [...deletes, { kind: 'later', afterMs: EVENT_ROUND_MS }];
}

export const podCollector: Controller = {
  name: 'pod-garbage-collector',
  sources: [
    clusterKey(NODES),
    source(PODS, ({ before, after }) =>
      after !== undefined &&
      (isFinished(after) || after.metadata.deletionTimestamp !== undefined || before === undefined)
        ? [CLUSTER_KEY]
        : [],
    ),
  ],
  reconcile: (_key, context) => collectPods(context),
  concurrency: 1,
  restMs: 1000,
};

export function collectPods({ cluster }: Pick<ReconcileContext, 'cluster'>): readonly Action[] {
  const pods = [...cluster.of(PODS).values()];
  const lost = pods.filter((pod) => {
    const node = pod.spec?.nodeName ?? '';
    if (node === '') return pod.metadata.deletionTimestamp !== undefined;
    return !cluster.of(NODES).has(node);
  });
  const finished = pods
    .filter(
      (pod) =>
        isFinished(pod) && pod.metadata.deletionTimestamp === undefined && controllerOf(pod) === undefined,
    )
    .sort(byAge);
  const surplus = finished.slice(0, Math.max(0, finished.length - MAX_FINISHED_PODS));
  // A node is named by its kubelet and by pods; which watch tells first is open, so the server itself is asked.
  return [...lost.map(forget), ...surplus.map((pod) => deleteAction(PODS, pod))];
}

function forget(pod: Pod): Action {
  const action = deleteAction(PODS, pod, { options: { gracePeriodSeconds: 0 } });
  const name = pod.spec?.nodeName ?? '';
  if (name === '') return action;
  return { kind: 'if-absent', absent: [{ resource: NODES, at: { name }, uid: undefined }], action };
}

function byAge(a: Pod, b: Pod): number {
  return a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1;
}
