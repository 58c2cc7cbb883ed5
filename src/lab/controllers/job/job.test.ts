import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { clusterOf } from '../../../../test/support/cluster-of.ts';
import { timeText } from '../../../base/clock.ts';
import { JOBS, PODS, type Draft } from '../../../kube/resource.ts';
import type { Job, Pod } from '../../../objects/api-types.ts';
import { formatIndexes, parseIndexes } from './job-counts.ts';
import { reconcileJob } from './job.ts';

const NOW_MS = Date.parse('2026-01-01T12:00:00Z');

function aPod(name: string, phase: string, agoS = 0): Draft<Pod> {
  const finishedAt = timeText(NOW_MS - agoS * 1000);
  const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'task', uid: 'Job/shop/task', controller: true };
  return {
    metadata: { namespace: 'shop', name, labels: { job: 'task' }, ownerReferences: [owner] },
    status: {
      phase,
      containerStatuses: [
        {
          name: 'c',
          image: '',
          imageID: '',
          ready: false,
          restartCount: 0,
          state: { terminated: { exitCode: 1, finishedAt } },
        },
      ],
    },
  };
}

/** "create 2", "delete p", and the status that is written. */
function outcome(
  spec: Readonly<Record<string, unknown>>,
  pods: readonly Draft<Pod>[],
  status: Job['status'] = {},
) {
  const job: Draft<Job> = {
    metadata: { namespace: 'shop', name: 'task' },
    spec: {
      parallelism: 1,
      completions: 1,
      selector: { matchLabels: { job: 'task' } },
      template: {},
      ...spec,
    },
    status: { startTime: timeText(NOW_MS - 100_000), ...status },
  };
  const cluster = clusterOf([JOBS, [job]], [PODS, pods]);
  const actions = reconcileJob('shop/task', { cluster, nowMs: NOW_MS, failure: undefined });
  const ended = actions.flatMap((action) =>
    action.kind === 'patch' ? ((action.patch['status'] as NonNullable<Job['status']>).conditions ?? []) : [],
  );
  return {
    creates: actions.filter(({ kind }) => kind === 'create').length,
    deletes: actions.flatMap((action) => (action.kind === 'delete' ? [action.at.name] : [])),
    ended: ended.map(({ type, reason }) => `${type} ${reason}`),
    againMs: actions.flatMap((action) => (action.kind === 'later' ? [action.afterMs] : [])),
  };
}

const ROWS: readonly {
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly pods: readonly Draft<Pod>[];
  readonly expected: Partial<ReturnType<typeof outcome>>;
}[] = [
  {
    name: 'starts as many as may run at once',
    spec: { parallelism: 3, completions: 5 },
    pods: [],
    expected: { creates: 3 },
  },
  {
    name: 'starts no more than are still needed',
    spec: { parallelism: 3, completions: 5 },
    pods: ['a', 'b', 'c', 'd'].map((name) => aPod(name, 'Succeeded')),
    expected: { creates: 1 },
  },
  {
    name: 'waits after a failure, longer after each',
    spec: {},
    pods: [aPod('a', 'Failed', 30), aPod('b', 'Failed', 5)],
    expected: { creates: 0, againMs: [15_050] },
  },
  {
    name: 'tries again when the wait is over',
    spec: {},
    pods: [aPod('a', 'Failed', 11)],
    expected: { creates: 1 },
  },
  {
    name: 'gives up beyond the limit and stops what runs',
    spec: { parallelism: 2, completions: 2, backoffLimit: 1 },
    pods: [aPod('a', 'Failed'), aPod('b', 'Failed'), aPod('c', 'Running')],
    expected: { creates: 0, deletes: ['c'], ended: ['Failed BackoffLimitExceeded'] },
  },
  {
    name: 'ends at its deadline',
    spec: { activeDeadlineSeconds: 99 },
    pods: [aPod('a', 'Running')],
    expected: { deletes: ['a'], ended: ['Failed DeadlineExceeded'] },
  },
  {
    name: 'without a number of completions waits for all pods after the first success',
    spec: { parallelism: 2, completions: undefined },
    pods: [aPod('a', 'Succeeded'), aPod('b', 'Running')],
    expected: { creates: 0, deletes: [], ended: [] },
  },
  {
    name: 'stops its pods when it is suspended',
    spec: { suspend: true },
    pods: [aPod('a', 'Running')],
    expected: { creates: 0, deletes: ['a'], ended: ['Suspended JobSuspended'] },
  },
];

for (const { name, spec, pods, expected } of ROWS) {
  test(`a Job ${name}`, () => {
    const found: Readonly<Record<string, unknown>> = outcome(spec, pods);
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, found[key]])), expected);
  });
}

test('completed indexes are written in ranges and read back', () => {
  assert.equal(formatIndexes([0, 1, 2, 5, 7, 8]), '0-2,5,7,8');
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(200)), (values) => {
      const sorted = [...values].sort((a, b) => a - b);
      assert.deepEqual(parseIndexes(formatIndexes(sorted)), sorted);
    }),
  );
});
