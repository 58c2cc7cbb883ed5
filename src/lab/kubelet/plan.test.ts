import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, Pod, PodSpec } from '../../objects/api-types.ts';
import { backoffAfter, isFinished, planPod, type PlanInput, type Step } from './plan.ts';
import {
  newPodRecord,
  type ContainerRecord,
  type ContainerState,
  type ExitedState,
  type PodRecord,
} from './pod-record.ts';

const NOW = 1_000_000;

function aPod(spec: Partial<PodSpec> = {}): Pod {
  const metadata = { name: 'p', namespace: 'n', uid: 'u', resourceVersion: '1', creationTimestamp: '' };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: { containers: [{ name: 'a' }, { name: 'b' }], ...spec },
  };
}

const RUNNING: ContainerState = { kind: 'running', startedAtMs: NOW - 1000 };

function exit(exitCode: number, finishedAtMs = NOW): ExitedState {
  return {
    kind: 'exited',
    startedAtMs: NOW - 5000,
    finishedAtMs,
    exitCode,
    signal: undefined,
    reason: 'Error',
    message: undefined,
  };
}

function aRecord(states: Readonly<Record<string, ContainerState>>, more: Partial<PodRecord> = {}): PodRecord {
  const containers = Object.fromEntries(
    Object.entries(states).map(([name, state]): [string, ContainerRecord] => [
      name,
      {
        name,
        runner: 'workload',
        servedBy: undefined,
        attempt: 2,
        id: 'x',
        state,
        last: undefined,
        backoffMs: 10_000,
      },
    ]),
  );
  const sandbox = { netns: '/run/netns/x', isHostNetwork: false, ips: [], cniResult: undefined, madeAtMs: 0 };
  return {
    ...newPodRecord({ uid: 'u', namespace: 'n', name: 'p', node: 'n1' }, NOW),
    sandbox,
    containers,
    ...more,
  };
}

function texts(steps: readonly Step[]): readonly string[] {
  return steps.map((step) => {
    if (step.kind === 'start') return `start ${step.container.name} ${step.attempt}`;
    if (step.kind === 'back-off') return `back-off ${step.container} ${step.untilMs - NOW}`;
    if (step.kind === 'stop') return `stop ${step.containers.join(' ')}`;
    return step.kind;
  });
}

const SIDECAR: Container = { name: 'side', restartPolicy: 'Always' };
const rows: readonly { name: string; input: Partial<PlanInput>; steps: readonly string[] }[] = [
  {
    name: 'a new pod gets its sandbox first',
    input: { record: aRecord({}, { sandbox: undefined }) },
    steps: ['make-sandbox'],
  },
  { name: 'then all containers', input: { record: aRecord({}) }, steps: ['start a 0', 'start b 0'] },
  { name: 'what runs is left alone', input: { record: aRecord({ a: RUNNING, b: RUNNING }) }, steps: [] },
  {
    name: 'an exited one waits for its back-off',
    input: { record: aRecord({ a: RUNNING, b: exit(1, NOW - 4000) }) },
    steps: ['back-off b 6000'],
  },
  {
    name: 'and starts when it is over',
    input: { record: aRecord({ a: RUNNING, b: exit(0, NOW - 10_000) }) },
    steps: ['start b 3'],
  },
  {
    name: 'OnFailure does not start what succeeded',
    input: { pod: aPod({ restartPolicy: 'OnFailure' }), record: aRecord({ a: RUNNING, b: exit(0, 0) }) },
    steps: [],
  },
  {
    name: 'what debugs starts beside a pod that does not get to its start',
    input: {
      pod: aPod({ initContainers: [{ name: 'i1' }], ephemeralContainers: [{ name: 'e' }] }),
      record: aRecord({ i1: RUNNING }),
    },
    steps: ['start e 0'],
  },
  {
    name: 'and never again',
    input: {
      pod: aPod({ ephemeralContainers: [{ name: 'e' }] }),
      record: aRecord({ a: RUNNING, b: RUNNING, e: exit(1, 0) }),
    },
    steps: [],
  },
  {
    name: 'init containers come one by one',
    input: { pod: aPod({ initContainers: [{ name: 'i1' }, { name: 'i2' }] }), record: aRecord({}) },
    steps: ['start i1 0'],
  },
  {
    name: 'the next one when the first has succeeded',
    input: {
      pod: aPod({ initContainers: [{ name: 'i1' }, { name: 'i2' }] }),
      record: aRecord({ i1: exit(0) }),
    },
    steps: ['start i2 0'],
  },
  {
    name: 'a failed init container is tried again',
    input: { pod: aPod({ initContainers: [{ name: 'i1' }] }), record: aRecord({ i1: exit(1, 0) }) },
    steps: ['start i1 3'],
  },
  {
    name: 'a sidecar only has to be started',
    input: { pod: aPod({ initContainers: [SIDECAR] }), record: aRecord({ side: RUNNING }) },
    steps: ['start a 0', 'start b 0'],
  },
  {
    name: 'a sidecar that is not started yet holds the rest back',
    input: {
      pod: aPod({ initContainers: [SIDECAR] }),
      record: aRecord({ side: RUNNING }),
      isStarted: () => false,
    },
    steps: [],
  },
  {
    name: 'a deleted pod stops what runs',
    input: { record: aRecord({ a: RUNNING, b: exit(1) }), isTerminating: true },
    steps: ['stop a'],
  },
  {
    name: 'then gives its sandbox back',
    input: { record: aRecord({ a: exit(0) }), isTerminating: true },
    steps: ['remove-sandbox'],
  },
  {
    name: 'then nothing',
    input: { record: aRecord({}, { sandbox: undefined }), isTerminating: true },
    steps: [],
  },
  {
    name: 'a finished pod gives its sandbox back, sidecars end with it',
    input: {
      pod: aPod({ restartPolicy: 'Never', initContainers: [SIDECAR] }),
      record: aRecord({ a: exit(0), b: exit(2), side: RUNNING }),
    },
    steps: ['stop side'],
  },
  {
    name: 'a pod over its deadline is stopped',
    input: { record: aRecord({ a: RUNNING }, { failure: { reason: 'DeadlineExceeded', message: '' } }) },
    steps: ['stop a'],
  },
];

for (const { name, input, steps } of rows) {
  test(`planPod(): ${name}`, () => {
    const whole: PlanInput = {
      pod: aPod(),
      record: aRecord({}),
      nowMs: NOW,
      isStarted: () => true,
      isTerminating: false,
      ...input,
    };
    assert.deepEqual(texts(planPod(whole)), steps);
  });
}

test('isFinished() is true only when no container will ever run again', () => {
  const never = aPod({ restartPolicy: 'Never', initContainers: [{ name: 'i' }] });
  assert.equal(isFinished(never, aRecord({ i: exit(0), a: exit(0) })), false);
  assert.equal(isFinished(never, aRecord({ i: exit(0), a: exit(0), b: exit(1) })), true);
  assert.equal(isFinished(never, aRecord({ i: exit(1) })), true);
  assert.equal(isFinished(aPod(), aRecord({ a: exit(0), b: exit(0) })), false);
});

test('backoffAfter() is nothing first, then 10 s doubling to 300 s, and begins anew after a long run', () => {
  const record = (attempt: number, backoffMs: number): ContainerRecord => ({
    name: 'a',
    runner: 'workload',
    servedBy: undefined,
    attempt,
    id: '',
    state: RUNNING,
    last: undefined,
    backoffMs,
  });
  const seen = [0];
  for (let attempt = 1; attempt < 8; attempt++)
    seen.push(backoffAfter(record(attempt, seen.at(-1) ?? 0), exit(1)));
  assert.deepEqual(seen, [0, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
  assert.equal(backoffAfter(record(0, 0), exit(1)), 0);
  assert.equal(backoffAfter(record(9, 300_000), { ...exit(1), startedAtMs: NOW - 600_000 }), 0);
});
