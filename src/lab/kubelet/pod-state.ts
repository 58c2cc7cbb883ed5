// What one pod is right now, shared by those who work on it: the newest object, the record, and what follows from both.

import type { Container, Pod } from '../../objects/api-types.ts';
import type { RunExit, RunName } from './container-runner.ts';
import { backoffAfter, isFinished } from './plan.ts';
import { containersOf } from './pod-containers.ts';
import { withContainer, type ContainerRecord, type ExitedState, type PodRecord } from './pod-record.ts';
import type { PodWorld } from './pod-world.ts';

/** A pod that was taken out of the API by force has no owner who would wait for it. */
const GONE_GRACE_MS = 2000;

export class PodState {
  /** The newest object. */
  pod: Pod;
  /** The API has the pod no more: it ends, and nothing is written any more. */
  isGone = false;
  /** Containers whose start is under way: their runner may not know them yet. */
  readonly starting = new Set<string>();
  readonly #world: PodWorld;
  #record: PodRecord;
  #saved: PodRecord | undefined;

  constructor(world: PodWorld, pod: Pod, record: PodRecord) {
    this.#world = world;
    this.pod = pod;
    this.#record = record;
  }

  get record(): PodRecord {
    return this.#record;
  }

  /** Takes the changed fields over; `save` brings them to disk. */
  change(fields: Partial<PodRecord>): void {
    this.#record = { ...this.#record, ...fields };
  }

  setContainer(container: ContainerRecord): void {
    this.#record = withContainer(this.#record, container);
  }

  /** Writes the record where it has changed since the last time. */
  async save(): Promise<void> {
    const record = this.#record;
    if (record === this.#saved) return;
    await this.#world.save(record);
    this.#saved = record;
  }

  isRunning(container: string): boolean {
    return this.#record.containers[container]?.state.kind === 'running';
  }

  /** The object asks for the end; a deadline is the record's `failure` and no termination. */
  get isTerminating(): boolean {
    return this.isGone || this.pod.metadata.deletionTimestamp !== undefined;
  }

  /** When `activeDeadlineSeconds` is over; undefined where there is none or the pod has finished. */
  get deadlineMs(): number | undefined {
    const seconds = this.pod.spec?.activeDeadlineSeconds;
    if (seconds === undefined || isFinished(this.pod, this.#record)) return undefined;
    return this.#record.acceptedAtMs + seconds * 1000;
  }

  get graceMs(): number {
    const own = this.pod.spec?.terminationGracePeriodSeconds ?? 30;
    const graceMs = (this.pod.metadata.deletionGracePeriodSeconds ?? own) * 1000;
    return this.isGone ? Math.min(graceMs, GONE_GRACE_MS) : graceMs;
  }

  container(name: string): Container | undefined {
    return containersOf(this.pod).find((it) => it.name === name);
  }

  runOf(container: ContainerRecord): RunName {
    const { node, namespace, name, uid } = this.#record;
    return { node, namespace, name, uid, container: container.name, attempt: container.attempt };
  }

  event(type: 'Normal' | 'Warning', reason: string, message: string, container?: string): void {
    if (!this.isGone) this.#world.api.event(this.pod, { type, reason, message, container });
  }
}

/** The record of a container that has ended, with the time until its next start. */
export function exitedContainer(
  record: ContainerRecord,
  exit: RunExit,
  why: { readonly reason: string; readonly message: string | undefined },
): ContainerRecord {
  const state: ExitedState = {
    kind: 'exited',
    startedAtMs: record.state.kind === 'running' ? record.state.startedAtMs : exit.finishedAtMs,
    finishedAtMs: exit.finishedAtMs,
    exitCode: exit.exitCode,
    signal: exit.signal,
    ...why,
  };
  return { ...record, state, last: state, backoffMs: backoffAfter(record, state) };
}
