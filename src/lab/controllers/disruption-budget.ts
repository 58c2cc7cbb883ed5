// PodDisruptionBudget: how many of the selected pods may be evicted now. Evictions themselves are the API server's affair.

import { isDeepStrictEqual } from 'node:util';
import { POD_DISRUPTION_BUDGETS, PODS, REPLICA_SETS, STATEFUL_SETS } from '../../kube/resource.ts';
import type { Pod, PodDisruptionBudget } from '../../objects/api-types.ts';
import { matchesSelector, selectorOf } from '../../objects/meta.ts';
import { statusAction, type Action } from '../../controllers/action.ts';
import {
  ownKey,
  source,
  type ClusterReader,
  type Controller,
  type ReconcileContext,
} from '../../controllers/controller.ts';
import { isFinished, isReady } from '../../controllers/pod-state.ts';
import { mergeCondition } from './conditions.ts';
import { scaled } from './deployment/rollout.ts';
import { controllerOf } from './ownership.ts';

export const disruptionController: Controller = {
  name: 'disruption-controller',
  sources: [
    ownKey(POD_DISRUPTION_BUDGETS),
    source(PODS, ({ before, after }, cluster) => {
      const namespace = (after ?? before)?.metadata.namespace ?? '';
      const budgets = [...cluster.of(POD_DISRUPTION_BUDGETS).by('namespace', namespace)];
      const concerned = budgets.filter((budget) =>
        [before, after].some((pod) => pod !== undefined && selects(budget, pod)),
      );
      return concerned.map((budget) => `${namespace}/${budget.metadata.name}`);
    }),
  ],
  reconcile: reconcileBudget,
  restMs: 500,
};

export function reconcileBudget(key: string, { cluster, nowMs }: ReconcileContext): readonly Action[] {
  const budget = cluster.of(POD_DISRUPTION_BUDGETS).get(key);
  if (budget === undefined) return [];
  const inNamespace = [...cluster.of(PODS).by('namespace', budget.metadata.namespace ?? '')];
  const pods = inNamespace.filter((pod) => !isFinished(pod) && selects(budget, pod));
  const expectedPods = Math.max(pods.length, replicasOf(pods, cluster));
  const currentHealthy = pods.filter(
    (pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined,
  ).length;
  const desiredHealthy = desired(budget, expectedPods);
  const disruptionsAllowed = expectedPods === 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const condition = {
    type: 'DisruptionAllowed',
    status: disruptionsAllowed > 0 ? 'True' : 'False',
    reason: disruptionsAllowed > 0 ? 'SufficientPods' : 'InsufficientPods',
    message: '',
    observedGeneration: budget.metadata.generation ?? 0,
  };
  const status = {
    observedGeneration: budget.metadata.generation ?? 0,
    expectedPods,
    currentHealthy,
    desiredHealthy,
    disruptionsAllowed,
    conditions: mergeCondition(budget.status?.conditions ?? [], condition, nowMs),
  };
  const { disruptedPods: _, ...known } = budget.status ?? {};
  return isDeepStrictEqual(known, status) ? [] : [statusAction(POD_DISRUPTION_BUDGETS, budget, status)];
}

function desired(budget: PodDisruptionBudget, expected: number): number {
  const { minAvailable, maxUnavailable } = budget.spec ?? {};
  if (maxUnavailable !== undefined)
    return Math.max(0, expected - scaled(maxUnavailable, expected, Math.ceil));
  return scaled(minAvailable ?? 1, expected, Math.ceil);
}

/** What the owners of the pods ask for, so that a pod that is missing counts as unhealthy. */
function replicasOf(pods: readonly Pod[], cluster: ClusterReader): number {
  const owners = new Map(
    pods.flatMap((pod) => {
      const owner = controllerOf(pod);
      return owner === undefined
        ? []
        : [[owner.uid, { owner, namespace: pod.metadata.namespace ?? '' }] as const];
    }),
  );
  let total = 0;
  for (const { owner, namespace } of owners.values()) {
    const key = `${namespace}/${owner.name}`;
    if (owner.kind === 'ReplicaSet') total += cluster.of(REPLICA_SETS).get(key)?.spec?.replicas ?? 0;
    if (owner.kind === 'StatefulSet') total += cluster.of(STATEFUL_SETS).get(key)?.spec?.replicas ?? 0;
  }
  return total;
}

/** An empty selector selects all pods of the namespace, an absent one none (policy/v1). */
function selects(budget: PodDisruptionBudget, pod: Pod): boolean {
  const { selector } = budget.spec ?? {};
  return selector !== undefined && matchesSelector(selectorOf(selector), pod.metadata.labels);
}
