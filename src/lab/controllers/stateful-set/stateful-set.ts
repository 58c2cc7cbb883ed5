// StatefulSet: pods with names that stay, made in order, updated from the last to the first.

import { isDeepStrictEqual } from 'node:util';
import {
  CONTROLLER_REVISIONS,
  PERSISTENT_VOLUME_CLAIMS,
  PODS,
  STATEFUL_SETS,
} from '../../../kube/resource.ts';
import type { ControllerRevision, Pod, StatefulSet } from '../../../objects/api-types.ts';
import { createAction, statusAction, type Action } from '../../../controllers/action.ts';
import {
  ownKey,
  type ClusterReader,
  type Controller,
  type ReconcileContext,
} from '../../../controllers/controller.ts';
import { isFinished, isReady, msUntilAvailable } from '../../../controllers/pod-state.ts';
import { historyOf, trimHistory, type History } from '../history.ts';
import { dependentsOf, ownedObjects } from '../ownership.ts';
import { controllerRef, deletePod } from '../pod-from-template.ts';
import { createStatefulPod, ordinalOf, revisionOfPod, slotsOf } from './stateful-pods.ts';

export const statefulSetController: Controller = {
  name: 'statefulset-controller',
  sources: [
    ownKey(STATEFUL_SETS),
    dependentsOf(PODS, STATEFUL_SETS, 'StatefulSet'),
    dependentsOf(CONTROLLER_REVISIONS, STATEFUL_SETS, 'StatefulSet'),
  ],
  reconcile: reconcileStatefulSet,
};

/** All that one decision needs. */
interface Round {
  readonly set: StatefulSet;
  readonly pods: ReadonlyMap<number, Pod>;
  /** The revision of pods that are not to be updated (yet). */
  readonly current: ControllerRevision;
  readonly update: ControllerRevision;
  readonly history: History;
  readonly context: ReconcileContext;
}

export function reconcileStatefulSet(key: string, context: ReconcileContext): readonly Action[] {
  const { cluster } = context;
  const set = cluster.of(STATEFUL_SETS).get(key);
  if (set === undefined) return [];
  const ref = controllerRef(set, 'apps/v1', 'StatefulSet');
  const { selector, template = {} } = set.spec ?? {};
  const owned = ownedObjects(PODS, { owner: set, ref, selector }, cluster);
  if (owned.actions.length > 0) return owned.actions;
  const history = historyOf({ owner: set, ref, selector, template }, cluster);
  if (history.actions.length > 0 || history.update === undefined) return history.actions;
  const round: Round = {
    set,
    pods: byOrdinal(set, owned.objects),
    current: currentRevision(set, history, history.update),
    update: history.update,
    history,
    context,
  };
  const status = statusActions(round);
  if (set.metadata.deletionTimestamp !== undefined) return status;
  return [...stepsOf(round), ...trim(round), ...status];
}

function stepsOf(round: Round): readonly Action[] {
  const isParallel = round.set.spec?.podManagementPolicy === 'Parallel';
  const filled = fill(round, isParallel);
  if (filled.isBlocked) return filled.actions;
  const condemned = shrink(round, isParallel);
  if (condemned.isBlocked) return [...filled.actions, ...condemned.actions];
  return [...filled.actions, ...condemned.actions, ...updateNext(round)];
}

interface Step {
  readonly actions: readonly Action[];
  /** True where what follows has to wait for this. */
  readonly isBlocked: boolean;
}

/** In order, each pod only when all before it are available, unless the set is parallel. */
function fill(round: Round, isParallel: boolean): Step {
  const { set, pods } = round;
  const { start, end } = slotsOf(set);
  const actions: Action[] = [];
  for (let ordinal = start; ordinal < end; ordinal++) {
    const pod = pods.get(ordinal);
    if (pod === undefined) actions.push(...make(round, ordinal));
    else if (isFinished(pod) && pod.metadata.deletionTimestamp === undefined)
      actions.push(deletePod(set, pod));
    else if (isUp(round, pod)) continue;
    if (!isParallel) return { actions, isBlocked: true };
  }
  return { actions, isBlocked: actions.length > 0 };
}

/** Pods beyond the wanted number, the last first, one at a time unless the set is parallel. */
function shrink({ set, pods }: Round, isParallel: boolean): Step {
  const { start, end } = slotsOf(set);
  const condemned = [...pods]
    .filter(([ordinal]) => ordinal < start || ordinal >= end)
    .sort(([a], [b]) => b - a)
    .map(([, pod]) => pod);
  const next = isParallel ? condemned : condemned.slice(0, 1);
  const leaving = next.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  return { actions: leaving.map((pod) => deletePod(set, pod)), isBlocked: condemned.length > 0 };
}

/** From the last ordinal down to the partition: the next outdated pod is deleted, when all above it are up again. */
function updateNext(round: Round): readonly Action[] {
  const { set, pods, update } = round;
  if (set.spec?.updateStrategy?.type === 'OnDelete') return [];
  const { start, end } = slotsOf(set);
  const last = Math.max(start, partitionOf(set) + start);
  for (let ordinal = end - 1; ordinal >= last; ordinal--) {
    const pod = pods.get(ordinal);
    if (pod === undefined) return [];
    if (revisionOfPod(pod) !== update.metadata.name) {
      return pod.metadata.deletionTimestamp === undefined ? [deletePod(set, pod)] : [];
    }
    if (!isUp(round, pod)) return [];
  }
  return [];
}

function make(round: Round, ordinal: number): readonly Action[] {
  const { set, current, update, context } = round;
  const ref = controllerRef(set, 'apps/v1', 'StatefulSet');
  const isHeldBack = ordinal < slotsOf(set).start + partitionOf(set);
  const isRolling = set.spec?.updateStrategy?.type !== 'OnDelete';
  const revision = isRolling && isHeldBack ? current : update;
  return [...makeClaims(set, ordinal, context.cluster), createStatefulPod(set, ref, ordinal, revision)];
}

function makeClaims(set: StatefulSet, ordinal: number, cluster: ClusterReader): readonly Action[] {
  const { namespace, name } = set.metadata;
  return (set.spec?.volumeClaimTemplates ?? []).flatMap(({ metadata, spec }) => {
    const claim = `${metadata?.name ?? ''}-${name}-${ordinal}`;
    if (cluster.of(PERSISTENT_VOLUME_CLAIMS).has(`${namespace ?? ''}/${claim}`)) return [];
    const labels = { ...metadata?.labels, ...set.spec?.selector.matchLabels };
    const at = namespace === undefined ? { name: claim } : { namespace, name: claim };
    return [createAction(PERSISTENT_VOLUME_CLAIMS, { metadata: { ...at, labels }, spec: spec ?? {} })];
  });
}

function partitionOf(set: StatefulSet): number {
  return set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
}

/** Ready for minReadySeconds, and not on its way out. */
function isUp({ set, context }: Round, pod: Pod): boolean {
  const minReady = set.spec?.minReadySeconds ?? 0;
  return (
    pod.metadata.deletionTimestamp === undefined &&
    pod.status?.phase === 'Running' &&
    msUntilAvailable(pod, minReady, context.nowMs) === 0
  );
}

function byOrdinal(set: StatefulSet, pods: readonly Pod[]): ReadonlyMap<number, Pod> {
  return new Map(
    pods.flatMap((pod) => {
      const ordinal = ordinalOf(set, pod);
      return ordinal === undefined ? [] : [[ordinal, pod] as const];
    }),
  );
}

function currentRevision(
  set: StatefulSet,
  { revisions }: History,
  update: ControllerRevision,
): ControllerRevision {
  return revisions.find((each) => each.metadata.name === set.status?.currentRevision) ?? update;
}

function trim({ set, pods, current, history }: Round): readonly Action[] {
  const used = new Set([...pods.values()].map(revisionOfPod));
  return trimHistory(
    history,
    set.spec?.revisionHistoryLimit,
    (revision) => revision === current || used.has(revision.metadata.name),
  );
}

function statusActions(round: Round): readonly Action[] {
  const { set, current, update, context } = round;
  const pods = [...round.pods.values()];
  const minReady = set.spec?.minReadySeconds ?? 0;
  const live = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined && !isFinished(pod));
  const updated = live.filter((pod) => revisionOfPod(pod) === update.metadata.name).length;
  const ready = pods.filter((pod) => pod.status?.phase === 'Running' && isReady(pod)).length;
  const waits = live.map((pod) => msUntilAvailable(pod, minReady, context.nowMs));
  const replicas = set.spec?.replicas ?? 1;
  // The update is complete: from now on a pod that is made anew is of this revision, whatever its ordinal.
  const isComplete = updated === replicas && ready === replicas && pods.length === replicas;
  const settled = isComplete ? update : current;
  const status = {
    observedGeneration: set.metadata.generation ?? 0,
    replicas: pods.length,
    readyReplicas: ready,
    availableReplicas: waits.filter((wait) => wait === 0).length,
    currentReplicas: live.filter((pod) => revisionOfPod(pod) === settled.metadata.name).length,
    updatedReplicas: updated,
    currentRevision: settled.metadata.name,
    updateRevision: update.metadata.name,
    collisionCount: set.status?.collisionCount ?? 0,
  };
  const soonest = Math.min(...waits.filter((wait) => wait !== undefined && wait > 0).map(Number));
  const later: readonly Action[] = Number.isFinite(soonest) ? [{ kind: 'later', afterMs: soonest + 10 }] : [];
  const known = Object.fromEntries(Object.keys(status).map((name) => [name, valueOf(set, name)]));
  return isDeepStrictEqual(known, status) ? later : [statusAction(STATEFUL_SETS, set, status), ...later];
}

/** Absent counts are 0. */
function valueOf(set: StatefulSet, name: string): unknown {
  const status = (set.status ?? {}) as Readonly<Record<string, unknown>>; // Read by the names that are about to be written.
  return status[name] ?? (name.endsWith('Revision') || name === 'observedGeneration' ? undefined : 0);
}
