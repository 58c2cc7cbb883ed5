// What has to happen next in a pod: pure, from the object, the record and the time. The order of kubelet's own sync:
// sandbox, what debugs, init containers one by one, then all others; the other way round at the end.

import type { Container, Pod } from '../../objects/api-types.ts';
import { isEphemeral } from './pod-containers.ts';
import type { ContainerRecord, ExitedState, PodRecord } from './pod-record.ts';

export type Step =
  | { readonly kind: 'make-sandbox' }
  | { readonly kind: 'start'; readonly container: Container; readonly attempt: number }
  | { readonly kind: 'back-off'; readonly container: string; readonly untilMs: number }
  | { readonly kind: 'stop'; readonly containers: readonly string[] }
  | { readonly kind: 'remove-sandbox' };

export interface PlanInput {
  readonly pod: Pod;
  readonly record: PodRecord;
  readonly nowMs: number;
  /** Containers whose startup probe has succeeded (or that have none). */
  readonly isStarted: (container: string) => boolean;
  /** The pod shall end: deleted, evicted, or gone from the API. */
  readonly isTerminating: boolean;
}

/** Steps that may run now; those of several containers are independent of each other. Empty: nothing to do. */
export function planPod(input: PlanInput): readonly Step[] {
  if (input.isTerminating || isFinished(input.pod, input.record)) return planEnd(input.record);
  if (input.record.sandbox === undefined) return [{ kind: 'make-sandbox' }];
  // Whoever looks for what keeps a pod from starting must not wait for its start.
  const debugging = (input.pod.spec?.ephemeralContainers ?? []).flatMap((it) => planContainer(input, it));
  const init = planInit(input);
  if (!init.isDone) return [...debugging, ...init.steps];
  const steps = (input.pod.spec?.containers ?? []).flatMap((container) => planContainer(input, container));
  return [...debugging, ...init.steps, ...steps];
}

function planEnd(record: PodRecord): readonly Step[] {
  const running = Object.values(record.containers).filter((it) => it.state.kind === 'running');
  if (running.length > 0) return [{ kind: 'stop', containers: running.map((it) => it.name) }];
  return record.sandbox === undefined ? [] : [{ kind: 'remove-sandbox' }];
}

/** Init containers run one after the other; a sidecar (restartPolicy Always) only has to be started before the next. */
function planInit(input: PlanInput): { readonly isDone: boolean; readonly steps: readonly Step[] } {
  const steps: Step[] = [];
  for (const container of input.pod.spec?.initContainers ?? []) {
    const own = planContainer(input, container);
    steps.push(...own);
    if (!isInitDone(container, input)) return { isDone: false, steps };
  }
  return { isDone: true, steps };
}

function isInitDone(container: Container, input: PlanInput): boolean {
  const state = input.record.containers[container.name]?.state;
  if (isSidecar(container)) return state?.kind === 'running' && input.isStarted(container.name);
  return state?.kind === 'exited' && state.exitCode === 0;
}

function planContainer(input: PlanInput, container: Container): readonly Step[] {
  const record = input.record.containers[container.name];
  if (record === undefined) return [{ kind: 'start', container, attempt: 0 }];
  const { state } = record;
  if (state.kind === 'running') return [];
  if (state.kind === 'waiting') return [{ kind: 'start', container, attempt: record.attempt }];
  if (!restarts(input.pod, container, state)) return [];
  const untilMs = state.finishedAtMs + record.backoffMs;
  if (untilMs > input.nowMs) return [{ kind: 'back-off', container: container.name, untilMs }];
  return [{ kind: 'start', container, attempt: record.attempt + 1 }];
}

export function isSidecar(container: Container): boolean {
  // restartPolicy of a container came after the schema package's version.
  return (container as { restartPolicy?: string }).restartPolicy === 'Always';
}

/** Whether an exit is followed by another start. */
export function restarts(pod: Pod, container: Container, exit: ExitedState): boolean {
  if (isSidecar(container)) return true;
  if (isEphemeral(pod, container)) return false;
  const isInit = (pod.spec?.initContainers ?? []).some((it) => it.name === container.name);
  if (isInit && exit.exitCode === 0) return false;
  const policy = pod.spec?.restartPolicy ?? 'Always';
  return policy === 'Always' || (policy === 'OnFailure' && exit.exitCode !== 0);
}

/** True when no container will ever run again: the pod is Succeeded or Failed. */
export function isFinished(pod: Pod, record: PodRecord): boolean {
  if (record.failure !== undefined) return true;
  const ended = (container: Container): boolean => {
    const state = record.containers[container.name]?.state;
    return state?.kind === 'exited' && !restarts(pod, container, state);
  };
  const hasFailed = (container: Container): boolean => {
    const state = record.containers[container.name]?.state;
    return ended(container) && state?.kind === 'exited' && state.exitCode !== 0;
  };
  const inits = (pod.spec?.initContainers ?? []).filter((it) => !isSidecar(it));
  if (inits.some(hasFailed)) return true;
  const containers = pod.spec?.containers ?? [];
  return containers.length > 0 && containers.every(ended);
}

const BACKOFF_FIRST_MS = 10_000;
const BACKOFF_MAX_MS = 300_000;
/** A container that ran this long begins anew with the shortest wait (twice the longest, as kubelet has it). */
const BACKOFF_RESET_MS = 2 * BACKOFF_MAX_MS;

/** How long a container waits after this exit: nothing the first time, then 10 s doubling to 300 s. */
export function backoffAfter(record: ContainerRecord, exit: ExitedState): number {
  const ranMs = exit.finishedAtMs - exit.startedAtMs;
  if (record.attempt === 0 || ranMs >= BACKOFF_RESET_MS) return 0;
  return Math.min(BACKOFF_MAX_MS, Math.max(BACKOFF_FIRST_MS, record.backoffMs * 2));
}
