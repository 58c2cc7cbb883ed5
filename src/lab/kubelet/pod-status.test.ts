import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerStatus, Pod, PodSpec } from '../../objects/api-types.ts';
import { newPodRecord, type ContainerRecord, type ExitedState, type PodRecord } from './pod-record.ts';
import { podStatus } from './pod-status.ts';

const NOW = 1_000_000;

function aPod(spec: Partial<PodSpec>): Pod {
  const metadata = { name: 'p', namespace: 'n', uid: 'u', resourceVersion: '1', creationTimestamp: '' };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [{ name: 'main' }], ...spec } };
}

function exit(exitCode: number): ExitedState {
  return {
    kind: 'exited',
    startedAtMs: NOW - 2000,
    finishedAtMs: NOW - 1000,
    exitCode,
    signal: undefined,
    reason: exitCode === 0 ? 'Completed' : 'Error',
    message: undefined,
  };
}

/** A record after the JSON of a file: equal states are no longer one object. */
function aRecord(...containers: readonly Partial<ContainerRecord>[]): PodRecord {
  const whole = containers.map((it): readonly [string, ContainerRecord] => [
    it.name ?? 'main',
    {
      name: 'main',
      runner: 'process',
      servedBy: 'process',
      attempt: 1,
      id: 'fairlead://1',
      state: { kind: 'running', startedAtMs: NOW },
      last: undefined,
      backoffMs: 10_000,
      ...it,
    },
  ]);
  const record = newPodRecord({ uid: 'u', namespace: 'n', name: 'p', node: 'n1' }, NOW);
  return { ...record, containers: Object.fromEntries(whole) };
}

/** State and last state of each container as one word each. */
function seen(pod: Pod, record: PodRecord): readonly string[] {
  const status = podStatus({
    pod,
    record,
    hostIps: [],
    nowMs: NOW,
    isStarted: () => true,
    isReady: () => true,
    isTerminating: false,
    previous: undefined,
  });
  const word = (state: ContainerStatus['state']): string =>
    state?.waiting?.reason ?? state?.terminated?.reason ?? (state?.running === undefined ? '-' : 'running');
  const all = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  return [
    status.phase ?? '',
    ...all.map((it) => `${it.name} ${word(it.state)} ${word(it.lastState)} ${it.containerID ?? 'no id'}`),
  ];
}

const ROWS: readonly (readonly [string, Pod, PodRecord, readonly string[]])[] = [
  [
    'a container that never started has neither id nor image',
    aPod({}),
    aRecord({ state: { kind: 'waiting', reason: 'InvalidImageName', message: undefined } }),
    ['Pending', 'main InvalidImageName - no id'],
  ],
  [
    'an end for good is the state and no earlier one',
    aPod({ restartPolicy: 'Never' }),
    aRecord({ state: exit(0), last: exit(0), backoffMs: 0 }),
    ['Succeeded', 'main Completed - fairlead://1'],
  ],
  [
    'an end that is waited after is an earlier one, also when the record was read anew',
    aPod({}),
    aRecord({ state: exit(1), last: exit(1) }),
    ['Running', 'main CrashLoopBackOff Error fairlead://1'],
  ],
  [
    'what succeeded at last waits for nothing',
    aPod({ restartPolicy: 'OnFailure' }),
    aRecord({ state: exit(0), last: exit(0) }),
    ['Succeeded', 'main Completed - fairlead://1'],
  ],
  [
    'an init container that succeeded at last waits for nothing',
    aPod({ initContainers: [{ name: 'init' }] }),
    aRecord({ name: 'init', state: exit(0), last: exit(0) }, {}),
    ['Running', 'init Completed - fairlead://1', 'main running - fairlead://1'],
  ],
];

for (const [name, pod, record, expected] of ROWS) {
  test(`podStatus(): ${name}`, () => assert.deepEqual(seen(pod, record), expected));
}
