// Chooses a node for every pod that has none: filters by what the pod demands, then spreads.

import { NODES, PODS } from '../../../kube/resource.ts';
import type { Pod } from '../../../objects/api-types.ts';
import { eventAction, nameOf, statusAction, type Action } from '../../../controllers/action.ts';
import {
  CLUSTER_KEY,
  clusterKey,
  source,
  type Controller,
  type ReconcileContext,
} from '../../../controllers/controller.ts';
import { isActive, isFinished } from '../../../controllers/pod-state.ts';
import { findCondition, mergeCondition } from '../conditions.ts';
import { controllerOf } from '../ownership.ts';
import { isTolerated, matchesTerm, reasonsAgainst } from './filters.ts';
import { NodeState } from './node-state.ts';

export const SCHEDULER_NAME = 'default-scheduler';

export const scheduler: Controller = {
  name: SCHEDULER_NAME,
  sources: [
    clusterKey(NODES),
    // Only what can change a decision: a new pod without a node, or room that became free.
    source(PODS, ({ before, after }) => {
      const isWaiting = after !== undefined && after.spec?.nodeName === undefined;
      const isFreed = before?.spec?.nodeName !== undefined && (after === undefined || isFinished(after));
      return isWaiting || isFreed ? [CLUSTER_KEY] : [];
    }),
  ],
  reconcile: (_key, context) => schedule(context),
  concurrency: 1,
  restMs: 5,
};

/** All waiting pods in one look, the oldest of the highest priority first, each counted before the next is placed. */
export function schedule({ cluster, nowMs }: ReconcileContext): readonly Action[] {
  const waiting = [...cluster.of(PODS).by('node', '')].filter(isWaiting).sort(inOrder);
  if (waiting.length === 0) return [];
  const states = [...cluster.of(NODES).values()]
    .filter((node) => node.metadata.deletionTimestamp === undefined)
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .map((node) => new NodeState(node, notFinished(cluster.of(PODS).by('node', node.metadata.name))));
  const bindings: Action[] = [];
  const others: Action[] = [];
  for (const pod of waiting) {
    const decision = decide(pod, states);
    if (typeof decision === 'string') {
      others.push(...refuse(pod, decision, nowMs));
      continue;
    }
    decision.add(pod);
    bindings.push({ kind: 'bind', at: nameOf(pod), uid: pod.metadata.uid, node: decision.name });
    const what = `${pod.metadata.namespace ?? ''}/${pod.metadata.name}`;
    const message = `Successfully assigned ${what} to ${decision.name}`;
    others.push(eventAction(pod, 'Normal', 'Scheduled', message));
  }
  return [...bindings, ...others];
}

/** The node, or why there is none: "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable." */
function decide(pod: Pod, states: readonly NodeState[]): NodeState | string {
  const counts = new Map<string, number>();
  let best: { readonly state: NodeState; readonly score: readonly number[] } | undefined;
  for (const state of states) {
    const reasons = reasonsAgainst(pod, state, states);
    for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    if (reasons.length > 0) continue;
    const score = scoreOf(pod, state);
    if (best === undefined || isLower(score, best.score)) best = { state, score };
  }
  if (best !== undefined) return best.state;
  if (states.length === 0) return 'no nodes available to schedule pods';
  const reasons = [...counts].map(([reason, count]) => `${count} ${reason}`).sort(byText);
  return `0/${states.length} nodes are available: ${reasons.join(', ')}.`;
}

/** Lower is better: soft taints, preferences not met, pods of the same owner, load, number of pods. */
function scoreOf(pod: Pod, state: NodeState): readonly number[] {
  const softTaints = (state.node.spec?.taints ?? []).filter(
    (taint) => taint.effect === 'PreferNoSchedule' && !isTolerated(taint, pod),
  );
  const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const met = preferred.filter(({ preference }) => matchesTerm(preference, state.node));
  const weight = met.reduce((total, each) => total + each.weight, 0);
  const owner = controllerOf(pod)?.uid;
  const siblings = state.pods.filter((each) => owner !== undefined && controllerOf(each)?.uid === owner);
  return [softTaints.length, -weight, siblings.length, Math.round(state.load * 20), state.pods.length];
}

function refuse(pod: Pod, message: string, nowMs: number): readonly Action[] {
  const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
  const known = pod.status?.conditions ?? [];
  if (findCondition(known, 'PodScheduled')?.message === message) return [];
  return [
    statusAction(PODS, pod, { phase: 'Pending', conditions: mergeCondition(known, condition, nowMs) }),
    eventAction(pod, 'Warning', 'FailedScheduling', message),
  ];
}

function isWaiting(pod: Pod): boolean {
  const { nodeName, schedulingGates = [], schedulerName = SCHEDULER_NAME } = pod.spec ?? {};
  return (
    (nodeName ?? '') === '' &&
    isActive(pod) &&
    schedulingGates.length === 0 &&
    schedulerName === SCHEDULER_NAME
  );
}

function notFinished(pods: Iterable<Pod>): readonly Pod[] {
  return [...pods].filter((pod) => !isFinished(pod));
}

function inOrder(a: Pod, b: Pod): number {
  const priority = (b.spec?.priority ?? 0) - (a.spec?.priority ?? 0);
  return (
    priority ||
    byText(a.metadata.creationTimestamp, b.metadata.creationTimestamp) ||
    byText(a.metadata.name, b.metadata.name)
  );
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isLower(a: readonly number[], b: readonly number[]): boolean {
  for (const [i, value] of a.entries()) {
    const difference = value - (b[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
