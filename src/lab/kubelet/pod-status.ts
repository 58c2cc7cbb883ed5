// The status of a pod as the API shows it: pure, from the object, the record and the probes' results.

import type { Container, ContainerStatus, Pod, PodStatus } from '../../objects/api-types.ts';
import type { Ip } from '../../base/ip.ts';
import { imageIdOf } from '../../objects/served-by.ts';
import { isFinished, isSidecar, restarts } from './plan.ts';
import { isEphemeral } from './pod-containers.ts';
import type { ContainerRecord, ContainerState, ExitedState, PodRecord } from './pod-record.ts';

type PodCondition = NonNullable<PodStatus['conditions']>[number];

export interface StatusInput {
  readonly pod: Pod;
  readonly record: PodRecord;
  readonly hostIps: readonly Ip[];
  readonly nowMs: number;
  readonly isStarted: (container: string) => boolean;
  /** Whether the readiness probe holds (or there is none). */
  readonly isReady: (container: string) => boolean;
  readonly isTerminating: boolean;
  /** The status that was written last, where the object may still show an older one. */
  readonly previous: PodStatus | undefined;
}

/** The whole status; conditions of others (readiness gates, ...) are kept, times change only where the state does. */
export function podStatus(input: StatusInput): PodStatus {
  const { pod, record } = input;
  const phase = phaseOf(input);
  const ips = phase === 'Pending' && record.sandbox === undefined ? [] : record.ips;
  return {
    phase,
    conditions: conditionsOf(input, phase),
    ...record.failure,
    startTime: isoSeconds(record.acceptedAtMs),
    qosClass: qosClassOf(pod),
    ...(input.hostIps[0] !== undefined && {
      hostIP: input.hostIps[0],
      hostIPs: input.hostIps.map((ip) => ({ ip })),
    }),
    ...(ips[0] !== undefined && { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }),
    ...((pod.spec?.initContainers ?? []).length > 0 && {
      initContainerStatuses: (pod.spec?.initContainers ?? []).map((it) => containerStatus(input, it)),
    }),
    containerStatuses: (pod.spec?.containers ?? []).map((it) => containerStatus(input, it)),
    ...((pod.spec?.ephemeralContainers ?? []).length > 0 && {
      ephemeralContainerStatuses: (pod.spec?.ephemeralContainers ?? []).map((it) =>
        containerStatus(input, it),
      ),
    }),
  };
}

function phaseOf(input: StatusInput): string {
  const { pod, record } = input;
  if (record.failure !== undefined) return 'Failed';
  const exits = (pod.spec?.containers ?? []).map((it) => record.containers[it.name]?.state);
  if (isFinished(pod, record) || (input.isTerminating && exits.every((it) => it?.kind === 'exited'))) {
    const inits = (pod.spec?.initContainers ?? [])
      .filter((it) => !isSidecar(it))
      .map((it) => record.containers[it.name]?.state);
    const hasFailure = [...inits, ...exits].some((it) => it?.kind === 'exited' && it.exitCode !== 0);
    return hasFailure ? 'Failed' : 'Succeeded';
  }
  if (!isInitialized(input)) return 'Pending';
  const hasBegun = (pod.spec?.containers ?? []).every((it) => {
    const container = record.containers[it.name];
    return container !== undefined && (container.state.kind !== 'waiting' || container.last !== undefined);
  });
  return hasBegun ? 'Running' : 'Pending';
}

function isInitialized({ pod, record, isStarted }: StatusInput): boolean {
  return (pod.spec?.initContainers ?? []).every((it) => {
    const state = record.containers[it.name]?.state;
    if (isSidecar(it)) return state?.kind === 'running' && isStarted(it.name);
    return state?.kind === 'exited' && state.exitCode === 0;
  });
}

function conditionsOf(input: StatusInput, phase: string): PodCondition[] {
  const before = input.pod.status?.conditions ?? [];
  const isOver = phase === 'Succeeded' || phase === 'Failed';
  const unready = (input.pod.spec?.containers ?? [])
    .filter((it) => !isContainerReady(input, it))
    .map((it) => it.name);
  const notReady = isOver
    ? { reason: phase === 'Succeeded' ? 'PodCompleted' : 'PodFailed' }
    : { reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` };
  const areReady = unready.length === 0 && !isOver;
  const gates = (input.pod.spec?.readinessGates ?? []).every(
    (gate) => before.find((it) => it.type === gate.conditionType)?.status === 'True',
  );
  const initialized = isInitialized(input) || phase === 'Succeeded';
  const wanted: Condition[] = [
    { type: 'PodReadyToStartContainers', isTrue: input.record.sandbox !== undefined },
    initialized
      ? { type: 'Initialized', isTrue: true, ...(phase === 'Succeeded' && { reason: 'PodCompleted' }) }
      : { type: 'Initialized', isTrue: false, reason: 'ContainersNotInitialized' },
    !areReady
      ? { type: 'Ready', isTrue: false, ...notReady }
      : gates
        ? { type: 'Ready', isTrue: true }
        : { type: 'Ready', isTrue: false, reason: 'ReadinessGatesNotReady' },
    { type: 'ContainersReady', isTrue: areReady, ...(!areReady && notReady) },
    { type: 'PodScheduled', isTrue: true },
  ];
  const own = new Set(wanted.map((it) => it.type));
  const foreign = before.filter((it) => !own.has(it.type));
  const latest = input.previous?.conditions ?? before;
  return [...wanted.map((it) => conditionOf(it, latest, input.nowMs)), ...foreign];
}

interface Condition {
  readonly type: string;
  readonly isTrue: boolean;
  readonly reason?: string;
  readonly message?: string;
}

function conditionOf(wanted: Condition, before: readonly PodCondition[], nowMs: number): PodCondition {
  const status = wanted.isTrue ? 'True' : 'False';
  const old = before.find((it) => it.type === wanted.type);
  const lastTransitionTime = old?.status === status ? old.lastTransitionTime : isoSeconds(nowMs);
  return {
    type: wanted.type,
    status,
    ...(lastTransitionTime !== undefined && { lastTransitionTime }),
    ...(wanted.reason !== undefined && { reason: wanted.reason }),
    ...(wanted.message !== undefined && { message: wanted.message }),
  };
}

function isContainerReady(input: StatusInput, container: Container): boolean {
  const state = input.record.containers[container.name]?.state;
  return state?.kind === 'running' && input.isStarted(container.name) && input.isReady(container.name);
}

function containerStatus(input: StatusInput, container: Container): ContainerStatus {
  const record = input.record.containers[container.name];
  const isInit = (input.pod.spec?.initContainers ?? []).includes(container);
  const state =
    record === undefined
      ? waitingState(input, !isInit && !isEphemeral(input.pod, container))
      : stateOf(input, container, record);
  const isRunning = record?.state.kind === 'running';
  const isDoneInit =
    isInit && !isSidecar(container) && record?.state.kind === 'exited' && record.state.exitCode === 0;
  // Until its first start there is neither a container nor an image.
  const hasBegun = record !== undefined && (record.state.kind !== 'waiting' || record.last !== undefined);
  // An end that is shown as the state is not shown as an earlier one, too.
  const last = state.terminated === undefined ? record?.last : undefined;
  return {
    name: container.name,
    image: container.image ?? '',
    imageID: hasBegun ? imageIdOf(record.servedBy) : '',
    ...(hasBegun && record.id !== '' && { containerID: record.id }),
    restartCount: record?.attempt ?? 0,
    ready: isInit && !isSidecar(container) ? isDoneInit : isContainerReady(input, container),
    started: isRunning && input.isStarted(container.name),
    state,
    ...(record !== undefined && last !== undefined && { lastState: apiState(last, record.id) }),
  };
}

function waitingState(input: StatusInput, isBehind: boolean): NonNullable<ContainerStatus['state']> {
  const isBehindInit = isBehind && !isInitialized(input);
  return { waiting: { reason: isBehindInit ? 'PodInitializing' : 'ContainerCreating' } };
}

/** An exited container that will start again shows as waiting, its exit moves to lastState. */
function stateOf(
  input: StatusInput,
  container: Container,
  record: ContainerRecord,
): NonNullable<ContainerStatus['state']> {
  const { state } = record;
  const isOver = input.isTerminating || isFinished(input.pod, input.record);
  const isWaiting =
    state.kind === 'exited' && record.backoffMs > 0 && restarts(input.pod, container, state) && !isOver;
  if (!isWaiting) return apiState(state, record.id);
  const message =
    `back-off ${record.backoffMs / 1000}s restarting failed container=${container.name} ` +
    `pod=${input.record.name}_${input.record.namespace}(${input.record.uid})`;
  return { waiting: { reason: 'CrashLoopBackOff', message } };
}

function apiState(state: ContainerState, id: string): NonNullable<ContainerStatus['state']> {
  if (state.kind === 'running') return { running: { startedAt: isoSeconds(state.startedAtMs) } };
  if (state.kind === 'waiting') {
    return {
      waiting: { reason: state.reason, ...(state.message !== undefined && { message: state.message }) },
    };
  }
  return { terminated: terminatedOf(state, id) };
}

function terminatedOf(
  state: ExitedState,
  id: string,
): NonNullable<NonNullable<ContainerStatus['state']>['terminated']> {
  return {
    exitCode: state.exitCode,
    reason: state.reason,
    startedAt: isoSeconds(state.startedAtMs),
    finishedAt: isoSeconds(state.finishedAtMs),
    containerID: id,
    ...(state.signal !== undefined && { signal: state.signal }),
    ...(state.message !== undefined && { message: state.message }),
  };
}

/** Guaranteed, Burstable or BestEffort, from cpu and memory of all containers. */
export function qosClassOf(pod: Pod): string {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const wants = containers.map((it) => it.resources ?? {});
  const isEmpty = wants.every((it) => !hasCompute(it.requests) && !hasCompute(it.limits));
  if (isEmpty) return 'BestEffort';
  const isGuaranteed = wants.every(({ requests, limits }) =>
    ['cpu', 'memory'].every((key) => {
      const limit = limits?.[key];
      return limit !== undefined && (requests?.[key] ?? limit) === limit;
    }),
  );
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
}

function hasCompute(list: Readonly<Record<string, unknown>> | undefined): boolean {
  return list?.['cpu'] !== undefined || list?.['memory'] !== undefined;
}

/** Times of the API have whole seconds. */
export function isoSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
