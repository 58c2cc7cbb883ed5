import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterOf } from '../../../../test/support/cluster-of.ts';
import { timeText } from '../../../base/clock.ts';
import { CRON_JOBS, JOBS, type Draft } from '../../../kube/resource.ts';
import type { CronJob, Job } from '../../../objects/api-types.ts';
import { reconcileCronJob } from './cron-job.ts';

const NOW_MS = Date.parse('2026-01-01T12:00:30Z');
const at = (minutesAgo: number) => timeText(NOW_MS - minutesAgo * 60_000);

function aJob(name: string, ended?: 'Complete' | 'Failed', minutesAgo = 1): Draft<Job> {
  const owner = {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    name: 'tick',
    uid: 'CronJob/shop/tick',
    controller: true,
  };
  return {
    metadata: { namespace: 'shop', name, creationTimestamp: at(minutesAgo), ownerReferences: [owner] },
    status: ended === undefined ? {} : { conditions: [{ type: ended, status: 'True' }] },
  };
}

/** "create tick-29...", "delete old", "event Reason". */
function outcome(spec: Readonly<Record<string, unknown>>, jobs: readonly Draft<Job>[], lastMinutesAgo = 1) {
  const cron: Draft<CronJob> = {
    metadata: { namespace: 'shop', name: 'tick' },
    spec: { schedule: '* * * * *', jobTemplate: {}, ...spec },
    status: { lastScheduleTime: at(lastMinutesAgo) },
  };
  const cluster = clusterOf([CRON_JOBS, [cron]], [JOBS, jobs]);
  return reconcileCronJob('shop/tick', { cluster, nowMs: NOW_MS, failure: undefined }).flatMap((action) => {
    if (action.kind === 'create') return [`create ${action.object.metadata.name}`];
    if (action.kind === 'delete') return [`delete ${action.at.name}`];
    return action.kind === 'event' ? [`event ${action.event.reason}`] : [];
  });
}

const DUE = `create tick-${Math.floor(NOW_MS / 60_000)}`;
const ROWS = [
  { name: 'makes a job at its due time', spec: {}, jobs: [], last: 1, expected: [DUE] },
  { name: 'makes one job for many missed times', spec: {}, jobs: [], last: 300, expected: [DUE] },
  { name: 'waits until it is due', spec: {}, jobs: [], last: 0, expected: [] },
  { name: 'does nothing while it is suspended', spec: { suspend: true }, jobs: [], last: 1, expected: [] },
  {
    name: 'leaves out what is due while a job runs, where overlaps are forbidden',
    spec: { concurrencyPolicy: 'Forbid' },
    jobs: [aJob('running')],
    last: 1,
    expected: ['event JobAlreadyActive'],
  },
  {
    name: 'replaces the running job where it shall',
    spec: { concurrencyPolicy: 'Replace' },
    jobs: [aJob('running')],
    last: 1,
    expected: ['delete running', DUE],
  },
  {
    name: 'keeps the history that it is told to keep',
    spec: { successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0 },
    jobs: [aJob('old', 'Complete', 9), aJob('new', 'Complete', 5), aJob('bad', 'Failed', 7)],
    last: 0,
    expected: ['delete old', 'delete bad'],
  },
  {
    name: 'says that its schedule cannot be read',
    spec: { schedule: 'now and then' },
    jobs: [],
    last: 1,
    expected: ['event UnparseableSchedule'],
  },
];

for (const { name, spec, jobs, last, expected } of ROWS) {
  test(`a CronJob ${name}`, () => assert.deepEqual(outcome(spec, jobs, last), expected));
}
