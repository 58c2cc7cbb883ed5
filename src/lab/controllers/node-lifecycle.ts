// Nodes whose kubelet has fallen silent: their condition becomes Unknown, they are tainted, and their pods are moved away in time.

import { LEASES, NODES, PODS } from '../../kube/resource.ts';
import type { Node, Pod } from '../../objects/api-types.ts';
import {
  deleteAction,
  eventAction,
  patchAction,
  statusAction,
  type Action,
} from '../../controllers/action.ts';
import {
  ownKey,
  source,
  type ClusterReader,
  type Controller,
  type ReconcileContext,
} from '../../controllers/controller.ts';
import { isActive, isReady } from '../../controllers/pod-state.ts';
import { findCondition, mergeCondition } from './conditions.ts';

type Taint = NonNullable<NonNullable<Node['spec']>['taints']>[number];

const LEASE_NAMESPACE = 'kube-node-lease';
/** Four missed renewals at the kubelet's ten seconds: upstream's grace period. */
const GRACE_MS = 40_000;
/** How long pods stay on a node in trouble where they do not say otherwise (upstream's DefaultTolerationSeconds). */
const EVICTION_MS = 300_000;
const NOT_READY = 'node.kubernetes.io/not-ready';
const UNREACHABLE = 'node.kubernetes.io/unreachable';

export const nodeLifecycleController: Controller = {
  name: 'node-controller',
  sources: [
    ownKey(NODES),
    source(LEASES, ({ before, after, key }) =>
      // Renewals come every ten seconds and say nothing new: the timer of the last look is enough.
      key.startsWith(`${LEASE_NAMESPACE}/`) && (before === undefined || after === undefined)
        ? [key.slice(LEASE_NAMESPACE.length + 1)]
        : [],
    ),
  ],
  reconcile: watchNode,
};

type ReadyState = 'True' | 'False' | 'Unknown';

export function watchNode(key: string, { cluster, nowMs }: ReconcileContext): readonly Action[] {
  const node = cluster.of(NODES).get(key);
  if (node === undefined) return [];
  const renewedMs = Date.parse(cluster.of(LEASES).get(`${LEASE_NAMESPACE}/${key}`)?.spec?.renewTime ?? '');
  const isSilent = !Number.isNaN(renewedMs) && nowMs - renewedMs > GRACE_MS;
  const ready = findCondition(node.status?.conditions, 'Ready');
  const state: ReadyState = isSilent ? 'Unknown' : ready?.status === 'True' ? 'True' : 'False';
  const actions = [
    ...markSilent(node, isSilent, nowMs),
    ...taint(node, ready === undefined ? 'True' : state),
  ];
  const evictions = state === 'True' || ready === undefined ? [] : evict(node, cluster, nowMs);
  const again = Number.isNaN(renewedMs) ? [] : [Math.max(1000, renewedMs + GRACE_MS + 500 - nowMs)];
  const laters = (isSilent ? [10_000] : again).map((afterMs) => ({ kind: 'later', afterMs }) as const);
  return [...actions, ...evictions, ...laters];
}

/** A kubelet that comes back writes its conditions anew by itself. */
function markSilent(node: Node, isSilent: boolean, nowMs: number): readonly Action[] {
  const ready = findCondition(node.status?.conditions, 'Ready');
  if (!isSilent || ready === undefined || ready.status === 'Unknown') return [];
  const condition = {
    type: 'Ready',
    status: 'Unknown',
    reason: 'NodeStatusUnknown',
    message: 'Kubelet stopped posting node status.',
  };
  const conditions = mergeCondition(node.status?.conditions ?? [], condition, nowMs);
  return [
    statusAction(NODES, node, { conditions }),
    eventAction(node, 'Normal', 'NodeNotReady', `Node ${node.metadata.name} status is now: NodeNotReady`),
  ];
}

function taint(node: Node, state: ReadyState): readonly Action[] {
  const known = node.spec?.taints ?? [];
  const others = known.filter(({ key }) => key !== NOT_READY && key !== UNREACHABLE);
  const key = state === 'True' ? undefined : state === 'False' ? NOT_READY : UNREACHABLE;
  const own = key === undefined ? [] : [aTaint(key, 'NoSchedule'), aTaint(key, 'NoExecute')];
  const isSame = known.length === others.length + own.length && own.every((each) => has(known, each));
  return isSame ? [] : [patchAction(NODES, node, { spec: { taints: [...others, ...own] } })];
}

function aTaint(key: string, effect: string): Taint {
  return { key, effect };
}

function has(taints: readonly Taint[], wanted: Taint): boolean {
  return taints.some(({ key, effect }) => key === wanted.key && effect === wanted.effect);
}

/** Pods of a node in trouble no longer count as ready, and are deleted when their patience is over. */
function evict(node: Node, cluster: ClusterReader, nowMs: number): readonly Action[] {
  const ready = findCondition(node.status?.conditions, 'Ready');
  const sinceMs = Date.parse(ready?.lastTransitionTime ?? '');
  const key = ready?.status === 'False' ? NOT_READY : UNREACHABLE;
  const pods = [...cluster.of(PODS).by('node', node.metadata.name)].filter(isActive);
  const unready = pods.filter((pod) => isReady(pod) && key === UNREACHABLE).map((pod) => markPod(pod, nowMs));
  const leaving = Number.isNaN(sinceMs)
    ? []
    : pods.filter((pod) => sinceMs + patienceMs(pod, key) < nowMs).map((pod) => deleteAction(PODS, pod));
  const next = pods
    .map((pod) => sinceMs + patienceMs(pod, key) - nowMs)
    .filter((ms) => ms > 0 && Number.isFinite(ms));
  const later = next.length === 0 ? [] : [{ kind: 'later', afterMs: Math.min(...next) + 500 } as const];
  return [...unready, ...leaving, ...later];
}

function markPod(pod: Pod, nowMs: number): Action {
  const condition = { type: 'Ready', status: 'False', reason: 'NodeNotReady' };
  return statusAction(PODS, pod, {
    conditions: mergeCondition(pod.status?.conditions ?? [], condition, nowMs),
  });
}

function patienceMs(pod: Pod, key: string): number {
  const own = (pod.spec?.tolerations ?? []).filter(
    (each) =>
      (each.key === key || (each.operator === 'Exists' && (each.key ?? '') === '')) &&
      (each.effect === undefined || each.effect === '' || each.effect === 'NoExecute'),
  );
  if (own.length === 0) return EVICTION_MS;
  return Math.min(...own.map((each) => (each.tolerationSeconds ?? Infinity) * 1000));
}
