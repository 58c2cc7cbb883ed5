// DaemonSet: one pod on every node that it fits, whatever the node's troubles.

import { isDeepStrictEqual } from 'node:util';
import { CONTROLLER_REVISIONS, DAEMON_SETS, NODES, PODS } from '../../../kube/resource.ts';
import type { DaemonSet, Node, Pod, PodSpec } from '../../../objects/api-types.ts';
import type { OwnerReference } from '../../../objects/meta.ts';
import { statusAction, type Action } from '../../../controllers/action.ts';
import { ownKey, source, type Controller, type ReconcileContext } from '../../../controllers/controller.ts';
import { isActive, isFinished, isReady, msUntilAvailable } from '../../../controllers/pod-state.ts';
import { scaled } from '../deployment/rollout.ts';
import { historyOf, REVISION_LABEL, trimHistory } from '../history.ts';
import { dependentsOf, ownedObjects } from '../ownership.ts';
import { controllerRef, createPod, deletePod } from '../pod-from-template.ts';
import { isTolerated, matchesNode } from '../scheduler/filters.ts';

type Toleration = NonNullable<PodSpec['tolerations']>[number];

const TOLERATED: readonly (readonly [string, string])[] = [
  ['node.kubernetes.io/not-ready', 'NoExecute'],
  ['node.kubernetes.io/unreachable', 'NoExecute'],
  ['node.kubernetes.io/disk-pressure', 'NoSchedule'],
  ['node.kubernetes.io/memory-pressure', 'NoSchedule'],
  ['node.kubernetes.io/pid-pressure', 'NoSchedule'],
  ['node.kubernetes.io/unschedulable', 'NoSchedule'],
];

export const daemonSetController: Controller = {
  name: 'daemonset-controller',
  sources: [
    ownKey(DAEMON_SETS),
    dependentsOf(PODS, DAEMON_SETS, 'DaemonSet'),
    dependentsOf(CONTROLLER_REVISIONS, DAEMON_SETS, 'DaemonSet'),
    source(NODES, ({ before, after }, cluster) =>
      isFitChange(before, after) ? cluster.of(DAEMON_SETS).keys() : [],
    ),
  ],
  reconcile: reconcileDaemonSet,
  restMs: 50,
};

interface Round {
  readonly set: DaemonSet;
  readonly ref: OwnerReference;
  readonly hash: string;
  /** Nodes that the pod fits, by name. */
  readonly nodes: ReadonlyMap<string, Node>;
  /** Names of nodes that get no pod (a NoSchedule taint) but keep the one that they have. */
  readonly keeping: ReadonlySet<string>;
  /** Pods by the node that they run on or are meant for. */
  readonly pods: ReadonlyMap<string, readonly Pod[]>;
  readonly nowMs: number;
}

export function reconcileDaemonSet(key: string, context: ReconcileContext): readonly Action[] {
  const { cluster, nowMs } = context;
  const set = cluster.of(DAEMON_SETS).get(key);
  if (set === undefined) return [];
  const ref = controllerRef(set, 'apps/v1', 'DaemonSet');
  const { selector, template = {} } = set.spec ?? {};
  const owned = ownedObjects(PODS, { owner: set, ref, selector }, cluster);
  if (owned.actions.length > 0) return owned.actions;
  const history = historyOf({ owner: set, ref, selector, template }, cluster);
  if (history.actions.length > 0 || history.update === undefined) return history.actions;
  const all = [...cluster.of(NODES).values()];
  const nodes = all.filter((node) => fits(set, node, ['NoSchedule', 'NoExecute']));
  const keeping = all.filter((node) => fits(set, node, ['NoExecute'])).map((node) => node.metadata.name);
  const hash = hashOf(history.update.metadata.labels);
  const round: Round = {
    set,
    ref,
    hash,
    nodes: new Map(nodes.map((node) => [node.metadata.name, node])),
    keeping: new Set(keeping),
    pods: Map.groupBy(owned.objects, nodeOf),
    nowMs,
  };
  const status = statusActions(round);
  if (set.metadata.deletionTimestamp !== undefined) return status;
  const used = new Set(owned.objects.map((pod) => pod.metadata.labels?.[REVISION_LABEL]));
  const trimmed = trimHistory(history, set.spec?.revisionHistoryLimit, (each) =>
    used.has(hashOf(each.metadata.labels)),
  );
  const places = placeActions(round);
  return [...(places.length > 0 ? places : updateActions(round)), ...trimmed, ...status];
}

/** A pod where one is missing; none where it does not fit or is one too many; failed ones make room for new ones. */
function placeActions(round: Round): readonly Action[] {
  const { set, nodes, pods } = round;
  const creates: Action[] = [];
  const deletes: Action[] = [];
  for (const name of nodes.keys()) {
    const there = pods.get(name) ?? [];
    const finished = there.filter((pod) => isFinished(pod) && pod.metadata.deletionTimestamp === undefined);
    const active = there.filter(isActive).sort(byAge);
    deletes.push(...[...finished, ...active.slice(1)].map((pod) => deletePod(set, pod)));
    if (there.length === 0) creates.push(create(round, name));
  }
  for (const [name, there] of pods) {
    if (nodes.has(name) || round.keeping.has(name)) continue;
    deletes.push(
      ...there
        .filter((pod) => pod.metadata.deletionTimestamp === undefined)
        .map((pod) => deletePod(set, pod)),
    );
  }
  return [...creates, ...deletes];
}

/** Outdated pods go as far as the number of nodes without a working pod allows. */
function updateActions({ set, hash, nodes, pods, nowMs }: Round): readonly Action[] {
  if (set.spec?.updateStrategy?.type === 'OnDelete') return [];
  const wanted = set.spec?.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1;
  const maxUnavailable = Math.max(1, scaled(wanted, nodes.size, Math.ceil));
  const active = [...nodes.keys()].flatMap((name) => (pods.get(name) ?? []).filter(isActive));
  const up = (pod: Pod): boolean => msUntilAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs) === 0;
  const outdated = active.filter((pod) => pod.metadata.labels?.[REVISION_LABEL] !== hash);
  // A pod that does not work costs nothing to replace.
  const broken = outdated.filter((pod) => !up(pod));
  const working = outdated.filter(up);
  const unavailable = nodes.size - active.filter(up).length;
  const budget = Math.max(0, maxUnavailable - unavailable);
  return [...broken, ...working.slice(0, budget)].map((pod) => deletePod(set, pod));
}

function create({ set, ref, hash }: Round, node: string): Action {
  const template = set.spec?.template ?? {};
  const generation = set.metadata.annotations?.['deprecated.daemonset.template.generation'];
  return createPod(set, ref, template, {
    labels: {
      [REVISION_LABEL]: hash,
      ...(generation === undefined ? {} : { 'pod-template-generation': generation }),
    },
    spec: {
      affinity: { ...template.spec?.affinity, nodeAffinity: nodeAffinity(node) },
      tolerations: [...(template.spec?.tolerations ?? []), ...tolerations(template.spec)],
    },
  });
}

/** Names the node; the scheduler still decides whether there is room. The template's own demands were judged for the node already. */
function nodeAffinity(node: string): NonNullable<NonNullable<PodSpec['affinity']>['nodeAffinity']> {
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [node] }];
  return { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields }] } };
}

function tolerations(spec: PodSpec | undefined): readonly Toleration[] {
  const all =
    spec?.hostNetwork === true
      ? [...TOLERATED, ['node.kubernetes.io/network-unavailable', 'NoSchedule'] as const]
      : TOLERATED;
  return all.map(([key, effect]) => ({ key, effect, operator: 'Exists' }));
}

/** `effects` are those of the taints that count. */
function fits(set: DaemonSet, node: Node, effects: readonly string[]): boolean {
  const spec = set.spec?.template.spec;
  if (node.metadata.deletionTimestamp !== undefined) return false;
  const probe = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: set.metadata,
    spec: { containers: [], ...spec, tolerations: [...(spec?.tolerations ?? []), ...tolerations(spec)] },
  };
  const taints = (node.spec?.taints ?? []).filter(({ effect }) => effects.includes(effect));
  // A not-ready node's NoSchedule taint keeps new pods away, but must not remove the one that is there.
  const lasting = taints.filter(({ key }) => !key.startsWith('node.kubernetes.io/'));
  return matchesNode(probe, node) && lasting.every((taint) => isTolerated(taint, probe));
}

function nodeOf(pod: Pod): string {
  const { nodeName = '', affinity } = pod.spec ?? {};
  if (nodeName !== '') return nodeName;
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required?.nodeSelectorTerms[0]?.matchFields?.[0]?.values?.[0] ?? '';
}

function statusActions({ set, hash, nodes, pods, nowMs }: Round): readonly Action[] {
  const minReady = set.spec?.minReadySeconds ?? 0;
  const placed = [...nodes.keys()].map((name) => (pods.get(name) ?? []).filter(isActive).sort(byAge)[0]);
  const active = placed.filter((pod) => pod !== undefined);
  const waits = active.map((pod) => msUntilAvailable(pod, minReady, nowMs));
  const available = waits.filter((wait) => wait === 0).length;
  const status = {
    currentNumberScheduled: active.length,
    numberMisscheduled: [...pods].filter(([name, there]) => !nodes.has(name) && there.some(isActive)).length,
    desiredNumberScheduled: nodes.size,
    numberReady: active.filter(isReady).length,
    numberAvailable: available,
    numberUnavailable: nodes.size - available,
    updatedNumberScheduled: active.filter((pod) => pod.metadata.labels?.[REVISION_LABEL] === hash).length,
    observedGeneration: set.metadata.generation ?? 0,
  };
  const soonest = Math.min(...waits.filter((wait) => wait !== undefined && wait > 0).map(Number));
  const later: readonly Action[] = Number.isFinite(soonest) ? [{ kind: 'later', afterMs: soonest + 10 }] : [];
  const known = (set.status ?? {}) as Readonly<Record<string, unknown>>; // Read by the names that are about to be written.
  const isSame = isDeepStrictEqual(
    Object.fromEntries(
      Object.keys(status).map((name) => [
        name,
        known[name] ?? (name === 'observedGeneration' ? undefined : 0),
      ]),
    ),
    status,
  );
  return isSame && set.status !== undefined ? later : [statusAction(DAEMON_SETS, set, status), ...later];
}

function hashOf(labels: Readonly<Record<string, string>> | undefined): string {
  return labels?.['controller.kubernetes.io/hash'] ?? '';
}

function byAge(a: Pod, b: Pod): number {
  return a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1;
}

/** Most changes of a Node are heartbeats. */
function isFitChange(before: Node | undefined, after: Node | undefined): boolean {
  return (
    !isDeepStrictEqual(before?.metadata.labels, after?.metadata.labels) ||
    !isDeepStrictEqual(before?.spec, after?.spec) ||
    before?.metadata.deletionTimestamp !== after?.metadata.deletionTimestamp ||
    (before === undefined) !== (after === undefined)
  );
}
