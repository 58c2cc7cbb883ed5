// Drives one pod from its object to running containers and back to nothing, one step after the other. What to do next is
// `planPod`'s decision; how, is the runners' and the sandbox's. A pod never waits for another one, except for a free place.

import { randomBytes } from 'node:crypto';
import { FairleadError, hasCode, messageOf } from '../../base/errors.ts';
import type { Container, Pod } from '../../objects/api-types.ts';
import { ContainerStopper } from './container-stopper.ts';
import type { RunExit, RunName } from './container-runner.ts';
import { backoffAfter, isFinished, planPod, type Step } from './plan.ts';
import { withContainer, type ContainerRecord, type ExitedState, type PodRecord } from './pod-record.ts';
import { podStatus } from './pod-status.ts';
import { prepareVolumes } from './pod-volumes.ts';
import { PodProbes } from './pod-probes.ts';
import type { PodWorld } from './pod-world.ts';
import { prepareLaunch } from './prepare-launch.ts';
import { StatusWriter } from './status-writer.ts';
import { Waker } from './waker.ts';

const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 60_000;
const RETRY_AWAY_MS = 2000;
/** A pod that was taken out of the API by force has no owner who would wait for it. */
const GONE_GRACE_MS = 2000;

export class PodWorker {
  readonly #world: PodWorld;
  readonly #abort = new AbortController();
  readonly #waker = new Waker();
  readonly #stopper: ContainerStopper;
  readonly #probes: PodProbes;
  readonly #status: StatusWriter;
  readonly #restarts = new Map<string, string>();
  readonly #starting = new Set<string>();
  #pod: Pod;
  #record: PodRecord;
  #saved: PodRecord | undefined;
  #isGone = false;
  #areVolumesStale = false;
  #failures = 0;
  #retryAtMs: number | undefined;

  /** `record` is a new one or one that is adopted. */
  constructor(world: PodWorld, pod: Pod, record: PodRecord) {
    this.#world = world;
    this.#pod = pod;
    this.#record = record;
    this.#stopper = new ContainerStopper(world, this.#abort.signal);
    this.#status = new StatusWriter(world, () => this.#waker.wake());
    this.#probes = new PodProbes(world, {
      onChange: () => this.#waker.wake(),
      onFailure: (container, reason) => {
        this.#restarts.set(container, reason);
        this.#waker.wake();
      },
    });
  }

  get record(): PodRecord {
    return this.#record;
  }

  get pod(): Pod {
    return this.#pod;
  }

  /** True while a start is under way: the runner may not know the container yet. */
  isStarting(container: string): boolean {
    return this.#starting.has(container);
  }

  /** The newest object of the pod. */
  update(pod: Pod): void {
    this.#pod = pod;
    this.#stopper.setGrace(this.#graceMs());
    this.#waker.wake();
  }

  /** The API has the pod no more (or another one of its name): it ends, and nothing is written any more. */
  setGone(): void {
    this.#isGone = true;
    this.#stopper.setGrace(this.#graceMs());
    this.#waker.wake();
  }

  /** A runner saw the end of a container; ends of earlier starts are ignored. */
  noteExit(container: string, attempt: number, exit: RunExit): void {
    const record = this.#record.containers[container];
    if (record === undefined || record.attempt !== attempt || record.state.kind !== 'running') return;
    this.#stopper.noteExit(container);
    this.#record = withContainer(this.#record, exited(record, exit, this.#reasonOf(container, exit)));
    this.#waker.wake();
  }

  /** Whether ConfigMaps and Secrets matter to the pod now: it mounts volumes, or a container waits. */
  get dependsOnObjects(): boolean {
    const isWaiting = Object.values(this.#record.containers).some((it) => it.state.kind === 'waiting');
    return isWaiting || (this.#pod.spec?.volumes ?? []).length > 0;
  }

  /** Objects that the pod mounts may have changed: its volumes are looked at again. */
  refreshVolumes(): void {
    this.#areVolumesStale = true;
    // A container that waits for such an object need not sit out its time.
    this.#retryAtMs = undefined;
    this.#waker.wake();
  }

  /** Works until nothing of the pod is left; resolves early when closed. */
  async run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      let waitMs: number | undefined;
      try {
        const outcome = await this.#sync();
        if (outcome.kind === 'done') return;
        waitMs = outcome.waitMs;
        this.#failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#failures++;
        // What is only away (the node's agent starts anew) is back within a second or two.
        const mostMs = hasCode(error, 'unavailable') ? RETRY_AWAY_MS : RETRY_MAX_MS;
        waitMs = Math.min(mostMs, RETRY_FIRST_MS * 2 ** (this.#failures - 1));
        this.#retryAtMs = this.#world.clock.nowMs() + waitMs;
        this.#world.log(`pod ${this.#record.namespace}/${this.#record.name}: ${messageOf(error)}`);
      }
      await this.#waker.wait(waitMs, signal);
    }
  }

  /** Ends the work, not the pod: what runs goes on and is adopted by the next process. */
  close(): void {
    this.#abort.abort();
    this.#probes.close();
  }

  async #sync(): Promise<
    { readonly kind: 'done' } | { readonly kind: 'wait'; readonly waitMs: number | undefined }
  > {
    for (;;) {
      await this.#stopRequested();
      await this.#refreshVolumes();
      const steps = this.#plan();
      const runnable = steps.filter((it) => it.kind !== 'back-off');
      await this.#settle();
      if (runnable.length === 0) return this.#end(steps);
      // A wake during a back-off after a failure must not turn into a tight loop.
      const holdMs = (this.#retryAtMs ?? 0) - this.#world.clock.nowMs();
      const isUrgent = runnable.some((it) => it.kind === 'stop' || it.kind === 'remove-sandbox');
      if (holdMs > 0 && !(isUrgent && this.#failures === 0)) return { kind: 'wait', waitMs: holdMs };
      for (const step of runnable) await this.#do(step);
      this.#retryAtMs = undefined;
    }
  }

  #plan(): readonly Step[] {
    return planPod({
      pod: this.#pod,
      record: this.#record,
      nowMs: this.#world.clock.nowMs(),
      isStarted: (it) => this.#probes.isStarted(it),
      isTerminating: this.#isTerminating(),
    });
  }

  /** Record on disk, probes as the containers are, status in the API. */
  async #settle(): Promise<void> {
    await this.#save();
    this.#probes.sync(this.#pod, this.#record, this.#isTerminating());
    if (this.#isGone) return;
    this.#status.submit(
      this.#pod,
      podStatus({
        pod: this.#pod,
        record: this.#record,
        hostIps: this.#world.node(this.#record.node).ips,
        nowMs: this.#world.clock.nowMs(),
        isStarted: (it) => this.#probes.isStarted(it),
        isReady: (it) => this.#probes.isReady(it),
        isTerminating: this.#isTerminating(),
        previous: this.#status.latest,
      }),
      this.#abort.signal,
    );
  }

  async #save(): Promise<void> {
    const record = this.#record;
    if (record === this.#saved) return;
    await this.#world.save(record);
    this.#saved = record;
  }

  async #end(
    steps: readonly Step[],
  ): Promise<{ readonly kind: 'done' } | { readonly kind: 'wait'; readonly waitMs: number | undefined }> {
    if (this.#isTerminating() && this.#record.sandbox === undefined) {
      await this.#status.drain();
      await this.#finish();
      return { kind: 'done' };
    }
    const backOffs = steps.filter((it) => it.kind === 'back-off');
    for (const { container } of backOffs) this.#reportBackOff(container);
    const untilMs = backOffs.map((it) => it.untilMs);
    const deadline = this.#deadlineMs();
    if (deadline !== undefined) untilMs.push(deadline);
    const nowMs = this.#world.clock.nowMs();
    return {
      kind: 'wait',
      waitMs: untilMs.length === 0 ? undefined : Math.max(0, Math.min(...untilMs) - nowMs),
    };
  }

  #reportBackOff(container: string): void {
    const { name, namespace, uid } = this.#record;
    const message = `Back-off restarting failed container ${container} in pod ${name}_${namespace}(${uid})`;
    this.#event('Warning', 'BackOff', message, container);
  }

  /** The object may go: nothing of the pod is left. */
  async #finish(): Promise<void> {
    const { signal } = this.#abort;
    this.#probes.close();
    // Also what an attempt to make the sandbox may have left without a record.
    await this.#world.sandboxes.remove(this.#record, signal);
    if (!this.#isGone) await this.#world.api.removePod(this.#pod, signal);
    await this.#world.sandboxes.removeFiles(this.#record, true);
  }

  async #do(step: Step): Promise<void> {
    switch (step.kind) {
      case 'make-sandbox':
        return this.#world.gate.run(() => this.#makeSandbox());
      case 'start':
        return this.#world.gate.run(() => this.#start(step.container, step.attempt));
      case 'stop':
        return this.#stop(step.containers);
      case 'remove-sandbox':
        return this.#world.gate.run(() => this.#removeSandbox());
      case 'back-off':
        return undefined;
      default:
        throw new FairleadError('internal', `Cannot do step ${String(step satisfies never)}`);
    }
  }

  async #makeSandbox(): Promise<void> {
    try {
      const sandbox = await this.#world.sandboxes.make(this.#pod, this.#record, this.#abort.signal);
      this.#record = { ...this.#record, sandbox, ips: sandbox.ips };
    } catch (error) {
      const message = `Failed to create pod sandbox: ${messageOf(error)}`;
      this.#event('Warning', 'FailedCreatePodSandBox', message);
      throw error;
    }
  }

  async #removeSandbox(): Promise<void> {
    for (const container of Object.values(this.#record.containers)) {
      await this.#world.runner(container.runner).forget(this.#run(container), this.#abort.signal);
    }
    await this.#world.execSandboxes.end(this.#record);
    await this.#world.sandboxes.remove(this.#record, this.#abort.signal);
    this.#record = { ...this.#record, sandbox: undefined };
  }

  async #start(container: Container, attempt: number): Promise<void> {
    const { sandbox } = this.#record;
    if (sandbox === undefined) return;
    const before = this.#record.containers[container.name];
    const fresh: ContainerRecord = {
      name: container.name,
      runner: this.#world.runnerOf(this.#pod, container),
      attempt,
      id: `fairlead://${randomBytes(32).toString('hex')}`,
      state: { kind: 'waiting', reason: 'ContainerCreating', message: undefined },
      last: before?.state.kind === 'exited' ? before.state : before?.last,
      backoffMs: before?.backoffMs ?? 0,
    };
    const launch = await this.#prepare(container, fresh, sandbox);
    if (launch === undefined) return;
    if (before?.state.kind === 'exited') {
      await this.#world.runner(before.runner).forget(this.#run(before), this.#abort.signal);
      await this.#world.execSandboxes.endOf(this.#record, container.name);
    }
    const startedAtMs = this.#world.clock.nowMs();
    this.#starting.add(container.name);
    try {
      // Recorded as running first: an exit may be reported before the start returns.
      this.#record = withContainer(this.#record, { ...fresh, state: { kind: 'running', startedAtMs } });
      await this.#save();
      await this.#world.runner(fresh.runner).start(launch, this.#abort.signal);
      this.#event('Normal', 'Created', `Created container: ${container.name}`, container.name);
      this.#event('Normal', 'Started', `Started container ${container.name}`, container.name);
    } catch (error) {
      this.#startFailed(fresh, startedAtMs, error);
    } finally {
      this.#starting.delete(container.name);
    }
  }

  async #prepare(
    container: Container,
    fresh: ContainerRecord,
    sandbox: NonNullable<PodRecord['sandbox']>,
  ): Promise<Awaited<ReturnType<typeof prepareLaunch>> | undefined> {
    const { signal } = this.#abort;
    try {
      return await prepareLaunch(
        this.#world,
        { pod: this.#pod, record: this.#record, container, attempt: fresh.attempt, sandbox },
        signal,
      );
    } catch (error) {
      const message = messageOf(error);
      this.#record = withContainer(this.#record, {
        ...fresh,
        state: { kind: 'waiting', reason: 'CreateContainerConfigError', message },
      });
      this.#event('Warning', 'Failed', `Error: ${message}`, container.name);
      throw error;
    }
  }

  /** A process that cannot be started ends at once (and is tried again with back-off); a runner that is away is only waited for. */
  #startFailed(fresh: ContainerRecord, startedAtMs: number, error: unknown): void {
    const message = messageOf(error);
    if (error instanceof FairleadError && error.code === 'unavailable') {
      this.#record = withContainer(this.#record, {
        ...fresh,
        state: { kind: 'waiting', reason: 'RunContainerError', message },
      });
      throw error;
    }
    const record: ContainerRecord = { ...fresh, state: { kind: 'running', startedAtMs } };
    const exit = { exitCode: 128, signal: undefined, finishedAtMs: this.#world.clock.nowMs() };
    this.#record = withContainer(this.#record, exited(record, exit, { reason: 'StartError', message }));
    this.#event(
      'Warning',
      'Failed',
      `Error: failed to start container "${fresh.name}": ${message}`,
      fresh.name,
    );
  }

  /** What cannot be refreshed (an object was deleted) stays as it is: containers run on with what they have. */
  async #refreshVolumes(): Promise<void> {
    const isRunning = Object.values(this.#record.containers).some((it) => it.state.kind === 'running');
    if (!this.#areVolumesStale || !isRunning || this.#isTerminating()) return;
    this.#areVolumesStale = false;
    try {
      await prepareVolumes(this.#world, this.#pod, this.#record, this.#abort.signal);
    } catch (error) {
      this.#event('Warning', 'FailedMount', `Cannot refresh volumes: ${messageOf(error)}`);
    }
  }

  /** Containers that a probe gave up on. */
  async #stopRequested(): Promise<void> {
    const names = [...this.#restarts].filter(
      ([name]) => this.#record.containers[name]?.state.kind === 'running',
    );
    this.#restarts.clear();
    for (const [name, reason] of names) {
      this.#event('Normal', 'Killing', `Container ${name} ${reason}, will be restarted`, name);
    }
    if (names.length > 0)
      await this.#stop(
        names.map(([name]) => name),
        { isQuiet: true },
      );
  }

  async #stop(names: readonly string[], options: { readonly isQuiet?: boolean } = {}): Promise<void> {
    this.#stopper.setGrace(this.#graceMs());
    await Promise.all(
      names.map(async (name) => {
        const record = this.#record.containers[name];
        const container = containerOf(this.#pod, name);
        if (record === undefined || container === undefined) return;
        if (options.isQuiet !== true) this.#event('Normal', 'Killing', `Stopping container ${name}`, name);
        const exit = await this.#stopper.stop({
          pod: this.#pod,
          container,
          record: this.#record,
          run: this.#run(record),
          runner: this.#world.runner(record.runner),
          isAlive: () => this.#record.containers[name]?.state.kind === 'running',
        });
        if (exit !== undefined) this.noteExit(name, record.attempt, exit);
      }),
    );
  }

  #isTerminating(): boolean {
    if (this.#isGone || this.#pod.metadata.deletionTimestamp !== undefined) return true;
    const deadline = this.#deadlineMs();
    if (
      deadline !== undefined &&
      deadline <= this.#world.clock.nowMs() &&
      this.#record.failure === undefined
    ) {
      const message = 'Pod was active on the node longer than the specified deadline';
      this.#record = { ...this.#record, failure: { reason: 'DeadlineExceeded', message } };
    }
    return false;
  }

  #deadlineMs(): number | undefined {
    const seconds = this.#pod.spec?.activeDeadlineSeconds;
    if (seconds === undefined || isFinished(this.#pod, this.#record)) return undefined;
    return this.#record.acceptedAtMs + seconds * 1000;
  }

  #graceMs(): number {
    const own = this.#pod.spec?.terminationGracePeriodSeconds ?? 30;
    const seconds = this.#pod.metadata.deletionGracePeriodSeconds ?? own;
    return this.#isGone ? Math.min(seconds * 1000, GONE_GRACE_MS) : seconds * 1000;
  }

  #reasonOf(
    container: string,
    exit: RunExit,
  ): { readonly reason: string; readonly message: string | undefined } {
    const isClean = exit.exitCode === 0;
    return {
      reason: isClean ? 'Completed' : 'Error',
      message: this.#world.lastWords(this.#record, container),
    };
  }

  #run(record: ContainerRecord): RunName {
    const { node, namespace, name, uid } = this.#record;
    return { node, namespace, name, uid, container: record.name, attempt: record.attempt };
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string, container?: string): void {
    if (!this.#isGone) this.#world.api.event(this.#pod, { type, reason, message, container });
  }
}

function containerOf(pod: Pod, name: string): Container | undefined {
  return [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find(
    (it) => it.name === name,
  );
}

function exited(
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
