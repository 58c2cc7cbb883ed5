// ReplicaSet: as many active pods of its template as it asks for.

import { isDeepStrictEqual } from 'node:util';
import { PODS, REPLICA_SETS } from '../../kube/resource.ts';
import type { Pod, ReplicaSet } from '../../objects/api-types.ts';
import { matchesSelector, selectorOf } from '../../objects/meta.ts';
import { statusAction, type Action } from '../../controllers/action.ts';
import { ownKey, type Controller, type ReconcileContext } from '../../controllers/controller.ts';
import { isActive, isReady, msUntilAvailable } from '../../controllers/pod-state.ts';
import { mergeCondition, type Condition } from './conditions.ts';
import { dependentsOf, ownedObjects } from './ownership.ts';
import { deletionOrder } from './pod-deletion-order.ts';
import { controllerRef, createPod, deletePod } from './pod-from-template.ts';

/** Per round, as upstream's controller bounds a burst. */
const MAX_PER_ROUND = 500;

export const replicaSetController: Controller = {
  name: 'replicaset-controller',
  sources: [ownKey(REPLICA_SETS), dependentsOf(PODS, REPLICA_SETS, 'ReplicaSet')],
  reconcile: reconcileReplicaSet,
  restMs: 50,
};

export function reconcileReplicaSet(key: string, context: ReconcileContext): readonly Action[] {
  const { cluster, failure } = context;
  const set = cluster.of(REPLICA_SETS).get(key);
  if (set === undefined) return [];
  const ref = controllerRef(set, 'apps/v1', 'ReplicaSet');
  const owned = ownedObjects(PODS, { owner: set, ref, selector: set.spec?.selector }, cluster);
  if (owned.actions.length > 0) return owned.actions;
  const active = owned.objects.filter(isActive);
  const status = statusActions(set, active, context);
  if (set.metadata.deletionTimestamp !== undefined) return status;
  const missing = (set.spec?.replicas ?? 1) - active.length;
  if (missing > 0) {
    // After a failure one attempt shows whether the cause is gone (a quota, an admission rule), as well as many would.
    const count = failure === undefined ? Math.min(missing, MAX_PER_ROUND) : 1;
    return [...status, ...Array.from({ length: count }, () => createPod(set, ref, set.spec?.template ?? {}))];
  }
  const surplus = deletionOrder(active, cluster, context.nowMs).slice(0, Math.min(-missing, MAX_PER_ROUND));
  return [...status, ...surplus.map((pod) => deletePod(set, pod))];
}

function statusActions(
  set: ReplicaSet,
  active: readonly Pod[],
  context: ReconcileContext,
): readonly Action[] {
  const minReady = set.spec?.minReadySeconds ?? 0;
  const waits = active.map((pod) => msUntilAvailable(pod, minReady, context.nowMs));
  const templateLabels = selectorOf({ matchLabels: set.spec?.template?.metadata?.labels ?? {} });
  const status = {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) => matchesSelector(templateLabels, pod.metadata.labels)).length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: waits.filter((wait) => wait === 0).length,
    observedGeneration: set.metadata.generation ?? 0,
    conditions: conditionsOf(set, context),
  };
  const soonest = Math.min(...waits.filter((wait) => wait !== undefined && wait > 0).map(Number));
  const later: readonly Action[] = Number.isFinite(soonest) ? [{ kind: 'later', afterMs: soonest + 10 }] : [];
  const old = set.status;
  const known = {
    replicas: old?.replicas,
    fullyLabeledReplicas: old?.fullyLabeledReplicas ?? 0,
    readyReplicas: old?.readyReplicas ?? 0,
    availableReplicas: old?.availableReplicas ?? 0,
    observedGeneration: old?.observedGeneration,
    conditions: old?.conditions ?? [],
  };
  return isDeepStrictEqual(known, status) ? later : [statusAction(REPLICA_SETS, set, status), ...later];
}

function conditionsOf(set: ReplicaSet, { failure, nowMs }: ReconcileContext): readonly Condition[] {
  const conditions = set.status?.conditions ?? [];
  const others = conditions.filter((condition) => condition.type !== 'ReplicaFailure');
  if (failure === undefined) return others;
  const condition = {
    type: 'ReplicaFailure',
    status: 'True',
    reason: 'FailedCreate',
    message: failure,
  } as const;
  return mergeCondition(conditions, condition, nowMs);
}
