// A Deployment's status: counts, and the conditions that `kubectl rollout status` and `kubectl wait` read. Pure.

import { isDeepStrictEqual } from 'node:util';
import { DEPLOYMENTS } from '../../../kube/resource.ts';
import { timeText } from '../../../base/clock.ts';
import { statusAction, type Action } from '../../../controllers/action.ts';
import { findCondition, mergeCondition, type Condition } from '../conditions.ts';
import { allSets, availableReplicas, specReplicas, sum, type Rollout } from './rollout.ts';

interface Counts {
  readonly replicas: number;
  readonly updatedReplicas: number;
  readonly readyReplicas: number;
  readonly availableReplicas: number;
  readonly unavailableReplicas: number;
}

/** The status patch where something changed, and when to look again at the progress deadline. */
export function statusActions(rollout: Rollout, nowMs: number): readonly Action[] {
  const { deployment } = rollout;
  const counts = countsOf(rollout);
  const conditions = conditionsOf(rollout, counts, nowMs);
  const status = { ...counts, observedGeneration: deployment.metadata.generation ?? 0, conditions };
  const old = deployment.status;
  const known = {
    replicas: old?.replicas ?? 0,
    updatedReplicas: old?.updatedReplicas ?? 0,
    readyReplicas: old?.readyReplicas ?? 0,
    availableReplicas: old?.availableReplicas ?? 0,
    unavailableReplicas: old?.unavailableReplicas ?? 0,
    observedGeneration: old?.observedGeneration,
    conditions: old?.conditions ?? [],
  };
  const writes = isDeepStrictEqual(known, status) ? [] : [statusAction(DEPLOYMENTS, deployment, status)];
  return [...writes, ...deadline(rollout, conditions, nowMs)];
}

export function isComplete(rollout: Rollout): boolean {
  return isCompleteBy(rollout, countsOf(rollout));
}

function countsOf(rollout: Rollout): Counts {
  const sets = allSets(rollout);
  const available = sum(sets, availableReplicas);
  return {
    replicas: sum(sets, (set) => set.status?.replicas ?? 0),
    updatedReplicas: rollout.current?.status?.replicas ?? 0,
    readyReplicas: sum(sets, (set) => set.status?.readyReplicas ?? 0),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum(sets, specReplicas) - available),
  };
}

function isCompleteBy({ replicas }: Rollout, counts: Counts): boolean {
  return (
    counts.updatedReplicas === replicas &&
    counts.replicas === replicas &&
    counts.availableReplicas === replicas
  );
}

function conditionsOf(rollout: Rollout, counts: Counts, nowMs: number): readonly Condition[] {
  const known: readonly Condition[] = rollout.deployment.status?.conditions ?? [];
  const available = mergeCondition(known, availableCondition(rollout, counts), nowMs);
  const failure = allSets(rollout)
    .map((set) => findCondition(set.status?.conditions, 'ReplicaFailure'))
    .find((condition) => condition?.status === 'True');
  const withFailure =
    failure === undefined
      ? available.filter((condition) => condition.type !== 'ReplicaFailure')
      : mergeCondition(available, failure, nowMs);
  const progressing = progressCondition(rollout, counts, nowMs);
  if (progressing === undefined) return withFailure;
  const hasProgress = progressing.reason === 'ReplicaSetUpdated' && isBetter(rollout, counts);
  return mergeProgress(withFailure, progressing, nowMs, hasProgress);
}

function availableCondition({ replicas, maxUnavailable }: Rollout, counts: Counts): Condition {
  const isAvailable = counts.availableReplicas >= replicas - maxUnavailable;
  return {
    type: 'Available',
    status: isAvailable ? 'True' : 'False',
    reason: isAvailable ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
    message: isAvailable
      ? 'Deployment has minimum availability.'
      : 'Deployment does not have minimum availability.',
  };
}

/** The condition as it shall be, undefined where it stays as it is. */
function progressCondition(rollout: Rollout, counts: Counts, nowMs: number): Condition | undefined {
  const { deployment, current } = rollout;
  const old = findCondition(deployment.status?.conditions, 'Progressing');
  if (deployment.spec?.paused === true)
    return progress('Unknown', 'DeploymentPaused', 'Deployment is paused');
  if (deployment.spec?.progressDeadlineSeconds === undefined) return undefined;
  if (old?.reason === 'DeploymentPaused') {
    return progress('Unknown', 'DeploymentResumed', 'Deployment is resumed');
  }
  const name = current?.metadata.name;
  const what = name === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${name}"`;
  const isUnchanged = counts.replicas === counts.updatedReplicas && old?.reason === 'NewReplicaSetAvailable';
  if (isCompleteBy(rollout, counts) && name !== undefined) {
    return progress('True', 'NewReplicaSetAvailable', `${what} has successfully progressed.`);
  }
  // A finished rollout stays finished when a pod falls out of it later.
  if (isUnchanged && old.message?.includes(`"${name}"`) === true) return undefined;
  if (isBetter(rollout, counts) || old === undefined || old.reason === 'NewReplicaSetAvailable') {
    return progress('True', 'ReplicaSetUpdated', `${what} is progressing.`);
  }
  if (nowMs < deadlineMs(rollout, old)) return undefined;
  return progress('False', 'ProgressDeadlineExceeded', `${what} has timed out progressing.`);
}

function progress(status: string, reason: string, message: string): Condition {
  return { type: 'Progressing', status, reason, message };
}

/** Progress moves the update time, from which the deadline counts, even where the text stays the same. */
function mergeProgress(
  conditions: readonly Condition[],
  condition: Condition,
  nowMs: number,
  hasProgress: boolean,
): readonly Condition[] {
  const merged = mergeCondition(conditions, condition, nowMs);
  if (merged === conditions && !hasProgress) return conditions;
  const lastUpdateTime = timeText(nowMs);
  return merged.map((each) => (each.type === 'Progressing' ? { ...each, lastUpdateTime } : each));
}

function isBetter({ deployment }: Rollout, counts: Counts): boolean {
  const old = deployment.status;
  const oldOutdated = (old?.replicas ?? 0) - (old?.updatedReplicas ?? 0);
  return (
    counts.updatedReplicas > (old?.updatedReplicas ?? 0) ||
    counts.replicas - counts.updatedReplicas < oldOutdated ||
    counts.readyReplicas > (old?.readyReplicas ?? 0) ||
    counts.availableReplicas > (old?.availableReplicas ?? 0)
  );
}

function deadlineMs({ deployment }: Rollout, progressing: Condition): number {
  const from = Date.parse(progressing.lastUpdateTime ?? progressing.lastTransitionTime ?? '');
  const seconds = deployment.spec?.progressDeadlineSeconds ?? 600;
  return (Number.isNaN(from) ? 0 : from) + seconds * 1000;
}

function deadline(rollout: Rollout, conditions: readonly Condition[], nowMs: number): readonly Action[] {
  const progressing = findCondition(conditions, 'Progressing');
  const isRunning = progressing?.status === 'True' && progressing.reason !== 'NewReplicaSetAvailable';
  if (rollout.deployment.spec?.paused === true) return [];
  if (progressing?.reason === 'DeploymentResumed') return [{ kind: 'later', afterMs: 0 }];
  if (!isRunning || rollout.deployment.spec?.progressDeadlineSeconds === undefined) return [];
  return [{ kind: 'later', afterMs: Math.max(0, deadlineMs(rollout, progressing) - nowMs) + 1000 }];
}
