// CronJob: a Job at each due time, by the policy for overlaps, with a bounded history.

import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../../../base/errors.ts';
import { CRON_JOBS, JOBS, type Draft } from '../../../kube/resource.ts';
import type { CronJob, Job } from '../../../objects/api-types.ts';
import {
  createAction,
  deleteAction,
  eventAction,
  statusAction,
  type Action,
} from '../../../controllers/action.ts';
import { ownKey, type Controller, type ReconcileContext } from '../../../controllers/controller.ts';
import { timeText } from '../../../base/clock.ts';
import { dependentsOf } from '../ownership.ts';
import { controllerRef } from '../pod-from-template.ts';
import { nextDueMs, parseCron, type CronSchedule } from './cron-schedule.ts';

/** Due times that were missed (the controllers were away) are not made up for one by one: the latest counts. */
const MAX_MISSED = 1000;

export const cronJobController: Controller = {
  name: 'cronjob-controller',
  sources: [ownKey(CRON_JOBS), dependentsOf(JOBS, CRON_JOBS, 'CronJob')],
  reconcile: reconcileCronJob,
};

export function reconcileCronJob(key: string, { cluster, nowMs }: ReconcileContext): readonly Action[] {
  const cron = cluster.of(CRON_JOBS).get(key);
  if (cron === undefined || cron.metadata.deletionTimestamp !== undefined) return [];
  const jobs = [...cluster.of(JOBS).by('controller', cron.metadata.uid)];
  const running = jobs.filter((job) => endOf(job) === undefined);
  const history = trim(cron, jobs);
  if (cron.spec?.suspend === true) return [...history, ...status(cron, running, undefined)];
  const schedule = readSchedule(cron);
  if (typeof schedule === 'string') {
    return [...history, eventAction(cron, 'Warning', 'UnparseableSchedule', schedule)];
  }
  const due = latestDueMs(cron, schedule, nowMs);
  const next = nextDueMs(schedule, nowMs);
  const later: readonly Action[] = next === undefined ? [] : [{ kind: 'later', afterMs: next - nowMs + 50 }];
  const started = due === undefined ? { actions: [], isStarted: false } : start(cron, due, running);
  const scheduledMs = started.isStarted ? due : undefined;
  return [...started.actions, ...history, ...status(cron, running, scheduledMs), ...later];
}

/** The schedule, or why it cannot be read. */
function readSchedule(cron: CronJob): CronSchedule | string {
  try {
    return parseCron(cron.spec?.schedule ?? '');
  } catch (error) {
    return messageOf(error);
  }
}

/** The last due time that no Job was made for; its deadline may be over. */
function latestDueMs(cron: CronJob, schedule: CronSchedule, nowMs: number): number | undefined {
  const from = Date.parse(cron.status?.lastScheduleTime ?? cron.metadata.creationTimestamp);
  const deadline = cron.spec?.startingDeadlineSeconds;
  const earliest = deadline === undefined ? from : Math.max(from, nowMs - deadline * 1000);
  let latest: number | undefined;
  let at = nextDueMs(schedule, Math.max(earliest, nowMs - MAX_MISSED * 60_000));
  while (at !== undefined && at <= nowMs) {
    latest = at;
    at = nextDueMs(schedule, at);
  }
  return latest;
}

function start(
  cron: CronJob,
  dueMs: number,
  running: readonly Job[],
): { readonly actions: readonly Action[]; readonly isStarted: boolean } {
  const policy = cron.spec?.concurrencyPolicy ?? 'Allow';
  if (policy === 'Forbid' && running.length > 0) {
    const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
    return { actions: [eventAction(cron, 'Normal', 'JobAlreadyActive', message)], isStarted: false };
  }
  const replaced = policy === 'Replace' ? running.map(remove) : [];
  return { actions: [...replaced, create(cron, dueMs)], isStarted: true };
}

/** The name follows from the due time, so that no due time is ever served twice. */
function create(cron: CronJob, dueMs: number): Action {
  const { namespace, name } = cron.metadata;
  const { metadata, spec } = cron.spec?.jobTemplate ?? {};
  const object: Draft<Job> = {
    metadata: {
      ...(namespace === undefined ? {} : { namespace }),
      name: `${name}-${Math.floor(dueMs / 60_000)}`,
      labels: metadata?.labels ?? {},
      annotations: {
        ...metadata?.annotations,
        'batch.kubernetes.io/cronjob-scheduled-timestamp': timeText(dueMs),
      },
      ownerReferences: [controllerRef(cron, 'batch/v1', 'CronJob')],
    },
    ...(spec === undefined ? {} : { spec }),
  };
  return createAction(JOBS, object, { about: cron, reason: 'SuccessfulCreate', text: 'Created job ' });
}

function trim(cron: CronJob, jobs: readonly Job[]): readonly Action[] {
  const { successfulJobsHistoryLimit = 3, failedJobsHistoryLimit = 1 } = cron.spec ?? {};
  const surplus = (type: string, limit: number): readonly Job[] => {
    const ended = jobs.filter((job) => endOf(job) === type && job.metadata.deletionTimestamp === undefined);
    return ended.sort(byAge).slice(0, Math.max(0, ended.length - limit));
  };
  return [
    ...surplus('Complete', successfulJobsHistoryLimit),
    ...surplus('Failed', failedJobsHistoryLimit),
  ].map(remove);
}

function status(cron: CronJob, running: readonly Job[], scheduledMs: number | undefined): readonly Action[] {
  const active = running.map(({ metadata }) => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid,
  }));
  const known = (cron.status?.active ?? []).map(({ uid }) => uid);
  const isSame =
    isDeepStrictEqual(
      known,
      active.map(({ uid }) => uid),
    ) && scheduledMs === undefined;
  if (isSame) return [];
  const times = scheduledMs === undefined ? {} : { lastScheduleTime: timeText(scheduledMs) };
  return [statusAction(CRON_JOBS, cron, { active, ...times })];
}

function remove(job: Job): Action {
  return deleteAction(JOBS, job, { options: { propagationPolicy: 'Background' } });
}

function endOf(job: Job): string | undefined {
  const ends = (job.status?.conditions ?? []).filter(({ status: is }) => is === 'True');
  return ends.find(({ type }) => type === 'Complete' || type === 'Failed')?.type;
}

function byAge(a: Job, b: Job): number {
  return a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1;
}
