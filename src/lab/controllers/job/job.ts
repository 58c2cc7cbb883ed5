// Job: runs pods until enough of them succeeded, or too many failed.

import { isDeepStrictEqual } from 'node:util';
import { JOBS, PODS } from '../../../kube/resource.ts';
import type { Job } from '../../../objects/api-types.ts';
import type { OwnerReference } from '../../../objects/meta.ts';
import { deleteAction, eventAction, statusAction, type Action } from '../../../controllers/action.ts';
import { ownKey, type Controller, type ReconcileContext } from '../../../controllers/controller.ts';
import { timeText } from '../../../base/clock.ts';
import { findCondition, mergeCondition, type Condition } from '../conditions.ts';
import { dependentsOf, ownedObjects } from '../ownership.ts';
import { controllerRef, createPod, deletePod } from '../pod-from-template.ts';
import { countsOf, formatIndexes, INDEX_ANNOTATION, indexOf, type JobCounts } from './job-counts.ts';

const FIRST_BACKOFF_MS = 10_000;
const MAX_BACKOFF_MS = 600_000;
const MAX_PER_ROUND = 500;

export const jobController: Controller = {
  name: 'job-controller',
  sources: [ownKey(JOBS), dependentsOf(PODS, JOBS, 'Job')],
  reconcile: reconcileJob,
};

interface Round {
  readonly job: Job;
  readonly ref: OwnerReference;
  readonly counts: JobCounts;
  readonly nowMs: number;
}

export function reconcileJob(key: string, { cluster, nowMs }: ReconcileContext): readonly Action[] {
  const job = cluster.of(JOBS).get(key);
  if (job === undefined) return [];
  const ref = controllerRef(job, 'batch/v1', 'Job');
  const owned = ownedObjects(PODS, { owner: job, ref, selector: job.spec?.selector }, cluster);
  if (owned.actions.length > 0) return owned.actions;
  const round: Round = { job, ref, counts: countsOf(job, owned.objects), nowMs };
  if (isOver(job)) return afterwards(round);
  if (job.metadata.deletionTimestamp !== undefined) return [];
  const verdict = verdictOf(round);
  if (verdict !== undefined) return finish(round, verdict);
  return [...podActions(round), ...statusActions(round, runningConditions(round)), ...timers(round)];
}

/** The condition that ends the Job; undefined while it goes on. */
function verdictOf({ job, counts, nowMs }: Round): Condition | undefined {
  const { completions, backoffLimit = 6, activeDeadlineSeconds } = job.spec ?? {};
  const isDone =
    completions === undefined
      ? counts.succeeded > 0 && counts.active.length === 0
      : counts.succeeded >= completions;
  if (isDone)
    return {
      type: 'Complete',
      status: 'True',
      reason: 'CompletionsReached',
      message: 'Reached expected number of succeeded pods',
    };
  if (counts.failed > backoffLimit) {
    const message = 'Job has reached the specified backoff limit';
    return { type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message };
  }
  const startMs = Date.parse(job.status?.startTime ?? '');
  if (activeDeadlineSeconds !== undefined && startMs + activeDeadlineSeconds * 1000 <= nowMs) {
    const message = 'Job was active longer than specified deadline';
    return { type: 'Failed', status: 'True', reason: 'DeadlineExceeded', message };
  }
  return undefined;
}

function finish(round: Round, verdict: Condition): readonly Action[] {
  const { job, counts, nowMs } = round;
  const deletes = counts.active.map((pod) => deletePod(job, pod));
  const conditions = mergeCondition(job.status?.conditions ?? [], verdict, nowMs);
  const isComplete = verdict.type === 'Complete';
  const extra = isComplete ? { completionTime: timeText(nowMs) } : {};
  const event = isComplete
    ? eventAction(job, 'Normal', 'Completed', 'Job completed')
    : eventAction(job, 'Warning', verdict.reason ?? 'Failed', verdict.message ?? '');
  return [
    ...deletes,
    ...statusActions({ ...round, counts: { ...counts, active: [] } }, conditions, extra),
    event,
  ];
}

/** A finished Job only waits for its time to live to end. */
function afterwards({ job, counts, nowMs }: Round): readonly Action[] {
  const left = counts.active.map((pod) => deletePod(job, pod));
  const ttl = job.spec?.ttlSecondsAfterFinished;
  const finished = (job.status?.conditions ?? []).find((each) => isFinal(each));
  const endedMs = Date.parse(finished?.lastTransitionTime ?? '');
  if (ttl === undefined || Number.isNaN(endedMs) || job.metadata.deletionTimestamp !== undefined) return left;
  const waitMs = endedMs + ttl * 1000 - nowMs;
  if (waitMs > 0) return [...left, { kind: 'later', afterMs: waitMs + 100 }];
  return [deleteAction(JOBS, job, { options: { propagationPolicy: 'Background' } })];
}

function podActions(round: Round): readonly Action[] {
  const { job, counts, nowMs } = round;
  if (job.spec?.suspend === true) return counts.active.map((pod) => deletePod(job, pod));
  const wanted = wantedActive(round);
  const surplus = counts.active.length - wanted;
  if (surplus > 0) return counts.active.slice(wanted).map((pod) => deletePod(job, pod));
  if (surplus === 0 || backoffEndMs(counts) > nowMs) return [];
  const count = Math.min(-surplus, MAX_PER_ROUND);
  return job.spec?.completionMode === 'Indexed' ? createIndexed(round, count) : createPlain(round, count);
}

function wantedActive({ job, counts }: Round): number {
  const { parallelism = 1, completions } = job.spec ?? {};
  // Without a number of completions the first success ends the making of new pods.
  if (completions === undefined)
    return counts.succeeded > 0 ? Math.min(counts.active.length, parallelism) : parallelism;
  return Math.min(parallelism, completions - counts.succeeded);
}

function createPlain({ job, ref }: Round, count: number): readonly Action[] {
  const template = job.spec?.template ?? {};
  return Array.from({ length: count }, () => createPod(job, ref, template, { labels: labelsOf(job) }));
}

/** The lowest indexes that are neither done nor under way. */
function createIndexed({ job, ref, counts }: Round, count: number): readonly Action[] {
  const taken = new Set([...counts.doneIndexes, ...counts.active.flatMap(indexOf)]);
  const all = Array.from({ length: job.spec?.completions ?? 0 }, (_, index) => index);
  const free = all.filter((index) => !taken.has(index)).slice(0, count);
  return free.map((index) => {
    const text = String(index);
    const template = job.spec?.template ?? {};
    const env = { name: 'JOB_COMPLETION_INDEX', value: text };
    const containers = (template.spec?.containers ?? []).map((each) => ({
      ...each,
      env: [...(each.env ?? []), env],
    }));
    return createPod(job, ref, template, {
      labels: { ...labelsOf(job), [INDEX_ANNOTATION]: text },
      annotations: { [INDEX_ANNOTATION]: text },
      spec: { containers, hostname: `${job.metadata.name}-${text}` },
    });
  });
}

/** The server writes these into the template of most Jobs; those with a selector of their own lack them. */
function labelsOf(job: Job): Readonly<Record<string, string>> {
  const { name, uid } = job.metadata;
  return {
    'batch.kubernetes.io/job-name': name,
    'batch.kubernetes.io/controller-uid': uid,
    'job-name': name,
    'controller-uid': uid,
  };
}

function statusActions(
  { job, counts, nowMs }: Round,
  conditions: readonly Condition[],
  extra: Readonly<Record<string, unknown>> = {},
): readonly Action[] {
  const isSuspended = job.spec?.suspend === true;
  const status = {
    active: counts.active.length,
    ready: counts.active.length === 0 ? 0 : counts.ready,
    succeeded: counts.succeeded,
    failed: counts.failed,
    terminating: counts.terminating,
    conditions,
    ...(job.status?.startTime === undefined && !isSuspended ? { startTime: timeText(nowMs) } : {}),
    ...(job.spec?.completionMode === 'Indexed'
      ? { completedIndexes: formatIndexes(counts.doneIndexes) }
      : {}),
    ...extra,
  };
  const known = (job.status ?? {}) as Readonly<Record<string, unknown>>; // Read by the names that are about to be written.
  const before = Object.fromEntries(Object.keys(status).map((name) => [name, known[name] ?? emptyOf(name)]));
  return isDeepStrictEqual(before, status) ? [] : [statusAction(JOBS, job, status)];
}

function emptyOf(name: string): unknown {
  return name === 'conditions' ? [] : name.endsWith('Time') || name.endsWith('Indexes') ? '' : 0;
}

function runningConditions({ job, nowMs }: Round): readonly Condition[] {
  const known = job.status?.conditions ?? [];
  const isSuspended = job.spec?.suspend === true;
  if (!isSuspended && findCondition(known, 'Suspended') === undefined) return known;
  const condition = isSuspended
    ? { type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' }
    : { type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' };
  return mergeCondition(known, condition, nowMs);
}

function timers({ job, counts, nowMs }: Round): readonly Action[] {
  const deadline = job.spec?.activeDeadlineSeconds;
  const startMs = Date.parse(job.status?.startTime ?? '');
  const ends = [backoffEndMs(counts), deadline === undefined ? 0 : startMs + deadline * 1000];
  const waits = ends.map((ms) => ms - nowMs).filter((ms) => ms > 0);
  return waits.length === 0 ? [] : [{ kind: 'later', afterMs: Math.min(...waits) + 50 }];
}

/** Doubles with each failure, as upstream: 10 s, 20 s, ... 10 min. */
function backoffEndMs({ failed, lastFailureMs }: JobCounts): number {
  if (lastFailureMs === undefined) return 0;
  return lastFailureMs + Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (Math.max(1, failed) - 1));
}

function isOver(job: Job): boolean {
  return (job.status?.conditions ?? []).some(isFinal);
}

function isFinal({ type, status }: Condition): boolean {
  return (type === 'Complete' || type === 'Failed') && status === 'True';
}
