// Which pods go first when there are too many: those that serve least. Pure.

import { PODS } from '../../kube/resource.ts';
import type { Pod } from '../../objects/api-types.ts';
import { isActive, isReady, readySinceMs } from '../../controllers/pod-state.ts';
import type { ClusterReader } from '../../controllers/controller.ts';
import { controllerOf } from './ownership.ts';

const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
const PHASES: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/**
 * First to go first, by the ranks that upstream documents: unscheduled, pending, not ready, lower deletion cost, on a node
 * with more of its kind, ready for less time, restarted more, younger.
 */
export function deletionOrder(pods: readonly Pod[], cluster: ClusterReader, nowMs: number): readonly Pod[] {
  const perNode = countPerNode(pods, cluster);
  const ranked = pods.map((pod) => ({ pod, rank: rankOf(pod, perNode, nowMs) }));
  ranked.sort((a, b) => compareRanks(a.rank, b.rank) || (a.pod.metadata.name < b.pod.metadata.name ? -1 : 1));
  return ranked.map(({ pod }) => pod);
}

function rankOf(pod: Pod, perNode: ReadonlyMap<string, number>, nowMs: number): readonly number[] {
  const cost = Number(pod.metadata.annotations?.[DELETION_COST] ?? '0');
  const restarts = (pod.status?.containerStatuses ?? []).map((status) => status.restartCount);
  const sinceMs = (fromMs: number): number => Math.floor(Math.log2(Math.max(1, nowMs - fromMs)));
  return [
    pod.spec?.nodeName === undefined ? 0 : 1,
    PHASES[pod.status?.phase ?? 'Pending'] ?? 0,
    isReady(pod) ? 1 : 0,
    Number.isInteger(cost) ? cost : 0,
    -(perNode.get(pod.spec?.nodeName ?? '') ?? 0),
    isReady(pod) ? sinceMs(readySinceMs(pod) ?? nowMs) : 0,
    -Math.max(0, ...restarts),
    sinceMs(Date.parse(pod.metadata.creationTimestamp)),
  ];
}

/** Pods of the same family per node: those of all ReplicaSets of one Deployment count together, so that a rollout levels nodes out. */
function countPerNode(pods: readonly Pod[], cluster: ClusterReader): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const pod of familyOfPods(pods, cluster)) {
    const node = pod.spec?.nodeName ?? '';
    counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  return counts;
}

function familyOfPods(pods: readonly Pod[], cluster: ClusterReader): Iterable<Pod> {
  const [first] = pods;
  const owner = first === undefined ? undefined : controllerOf(first);
  if (first === undefined || owner === undefined) return pods;
  const hash = 'pod-template-hash';
  if (first.metadata.labels?.[hash] === undefined) return pods;
  const withoutHash = (pod: Pod): string =>
    JSON.stringify(
      Object.entries(pod.metadata.labels ?? {})
        .filter(([key]) => key !== hash)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  const family = withoutHash(first);
  return [...cluster.of(PODS).by('namespace', first.metadata.namespace ?? '')].filter(
    (pod) => isActive(pod) && controllerOf(pod)?.kind === owner.kind && withoutHash(pod) === family,
  );
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (const [i, rank] of a.entries()) {
    const difference = rank - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
