// Drives one pod from its object to running containers and back to nothing, one step after the other. What to do next is
// `planPod`'s decision; how, is the starter's, the stopper's and the sandbox's. A pod never waits for another one, except for
// a free place.

import { FairleadError, hasCode, messageOf } from '../../base/errors.ts';
import type { Pod } from '../../objects/api-types.ts';
import type { RunExit } from './container-runner.ts';
import { ContainerStarter } from './container-starter.ts';
import { ContainerStopper } from './container-stopper.ts';
import { referencesOf } from './object-references.ts';
import { planPod, type Step } from './plan.ts';
import { PodProbes } from './pod-probes.ts';
import type { PodRecord } from './pod-record.ts';
import { exitedContainer, PodState } from './pod-state.ts';
import { podStatus } from './pod-status.ts';
import type { PodWorld } from './pod-world.ts';
import { StatusWriter } from './status-writer.ts';
import { VolumeKeeper } from './volume-keeper.ts';
import { Waker } from './waker.ts';

const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 60_000;
/** What is only away (the node's agent starts anew) is back within a second or two. */
const RETRY_AWAY_MS = 2000;

type Outcome = { readonly kind: 'done' } | { readonly kind: 'wait'; readonly waitMs: number | undefined };

export class PodWorker {
  readonly #world: PodWorld;
  readonly #state: PodState;
  readonly #abort = new AbortController();
  readonly #waker = new Waker();
  readonly #starter: ContainerStarter;
  readonly #stopper: ContainerStopper;
  readonly #probes: PodProbes;
  readonly #status: StatusWriter;
  readonly #volumes: VolumeKeeper;
  /** Containers to be stopped and started again, with the reason. */
  readonly #restarts = new Map<string, string>();
  #failures = 0;
  #retryAtMs: number | undefined;

  /** `record` is a new one or one that is adopted. */
  constructor(world: PodWorld, pod: Pod, record: PodRecord) {
    const { signal } = this.#abort;
    const wake = (): void => this.#waker.wake();
    const restart = (container: string, reason: string): void => {
      this.#restarts.set(container, reason);
      wake();
    };
    this.#world = world;
    this.#state = new PodState(world, pod, record);
    this.#starter = new ContainerStarter(world, this.#state, { signal, onHookFailed: restart });
    this.#stopper = new ContainerStopper(world, signal);
    this.#status = new StatusWriter(world, wake);
    this.#volumes = new VolumeKeeper(world, this.#state, signal);
    this.#probes = new PodProbes(world, { onChange: wake, onFailure: restart });
  }

  get record(): PodRecord {
    return this.#state.record;
  }

  get pod(): Pod {
    return this.#state.pod;
  }

  /** True while a start is under way: the runner may not know the container yet. */
  isStarting(container: string): boolean {
    return this.#state.starting.has(container);
  }

  /** The newest object of the pod. */
  update(pod: Pod): void {
    // A container that waits because of its image need not sit out its time.
    if (imagesOf(pod) !== imagesOf(this.pod)) this.#retryAtMs = undefined;
    this.#volumes.notePod(this.pod, pod);
    this.#state.pod = pod;
    this.#stopper.setGrace(this.#state.graceMs);
    this.#waker.wake();
  }

  /** The API has the pod no more (or another one of its name). */
  setGone(): void {
    this.#state.isGone = true;
    this.#stopper.setGrace(this.#state.graceMs);
    this.#waker.wake();
  }

  /** A runner saw the end of a container; ends of earlier starts are ignored. */
  noteExit(container: string, attempt: number, exit: RunExit): void {
    const record = this.record.containers[container];
    if (record === undefined || record.attempt !== attempt || record.state.kind !== 'running') return;
    const reason = exit.exitCode === 0 ? 'Completed' : 'Error';
    const message = this.#world.lastWords(this.record, container);
    this.#state.setContainer(exitedContainer(record, exit, { reason, message }));
    this.#stopper.noteExit(container);
    this.#waker.wake();
  }

  /** ConfigMaps or Secrets (by `objectKey`) have changed: what the pod takes from them is looked at again. */
  noteObjects(changed: ReadonlySet<string>): void {
    if (referencesOf(this.pod).isDisjointFrom(changed)) return;
    this.#volumes.setStale();
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
      } catch (error) {
        if (signal.aborted) return;
        waitMs = this.#noteFailure(error);
      }
      await this.#waker.wait(waitMs, signal);
    }
  }

  /** Ends the work, not the pod: what runs goes on and is adopted by the next process. */
  close(): void {
    this.#abort.abort();
    this.#probes.close();
  }

  /** The time until the next try. */
  #noteFailure(error: unknown): number {
    const mostMs = hasCode(error, 'unavailable') ? RETRY_AWAY_MS : RETRY_MAX_MS;
    const waitMs = Math.min(mostMs, RETRY_FIRST_MS * 2 ** this.#failures++);
    this.#retryAtMs = this.#world.clock.nowMs() + waitMs;
    this.#world.log(`pod ${this.record.namespace}/${this.record.name}: ${messageOf(error)}`);
    return waitMs;
  }

  async #sync(): Promise<Outcome> {
    for (;;) {
      this.#enforceDeadline();
      await this.#stopRequested();
      await this.#volumes.refresh();
      const steps = this.#plan();
      const runnable = steps.filter((it) => it.kind !== 'back-off');
      await this.#settle();
      if (runnable.length === 0) return this.#end(steps);
      // A wake meanwhile must not turn failures into a tight loop.
      const holdMs = (this.#retryAtMs ?? 0) - this.#world.clock.nowMs();
      if (holdMs > 0) return { kind: 'wait', waitMs: holdMs };
      await this.#doAll(runnable);
      this.#failures = 0;
      this.#retryAtMs = undefined;
    }
  }

  #plan(): readonly Step[] {
    return planPod({
      pod: this.pod,
      record: this.record,
      nowMs: this.#world.clock.nowMs(),
      isStarted: (it) => this.#probes.isStarted(it),
      isTerminating: this.#state.isTerminating,
    });
  }

  /** Record on disk, probes as the containers are, status in the API. */
  async #settle(): Promise<void> {
    await this.#state.save();
    this.#probes.sync(this.pod, this.record);
    if (this.#state.isGone) return;
    const status = podStatus({
      pod: this.pod,
      record: this.record,
      hostIps: this.#world.node(this.record.node).ips,
      nowMs: this.#world.clock.nowMs(),
      isStarted: (it) => this.#probes.isStarted(it),
      isReady: (it) => this.#probes.isReady(it),
      isTerminating: this.#state.isTerminating,
      previous: this.#status.latest,
    });
    this.#status.submit(this.pod, status, this.#abort.signal);
  }

  async #end(steps: readonly Step[]): Promise<Outcome> {
    if (this.#state.isTerminating && this.record.sandbox === undefined) {
      await this.#status.drain();
      await this.#finish();
      return { kind: 'done' };
    }
    const backOffs = steps.filter((it) => it.kind === 'back-off');
    for (const { container } of backOffs) this.#reportBackOff(container);
    const { deadlineMs } = this.#state;
    const untilMs = [...backOffs.map((it) => it.untilMs), deadlineMs, this.#volumes.dueAtMs].filter(
      (it) => it !== undefined,
    );
    if (untilMs.length === 0) return { kind: 'wait', waitMs: undefined };
    return { kind: 'wait', waitMs: Math.max(0, Math.min(...untilMs) - this.#world.clock.nowMs()) };
  }

  #reportBackOff(container: string): void {
    const { name, namespace, uid } = this.record;
    const message = `Back-off restarting failed container ${container} in pod ${name}_${namespace}(${uid})`;
    this.#state.event('Warning', 'BackOff', message, container);
  }

  /** The object may go: nothing of the pod is left. */
  async #finish(): Promise<void> {
    const { signal } = this.#abort;
    this.#probes.close();
    // Also what an attempt to make the sandbox may have left without a record.
    await this.#world.sandboxes.remove(this.record, signal);
    if (!this.#state.isGone) await this.#world.api.removePod(this.pod, signal);
    await this.#world.sandboxes.removeFiles(this.record, true);
  }

  /** Every step gets its chance: a container that cannot start holds no other one back. Throws the first failure. */
  async #doAll(steps: readonly Step[]): Promise<void> {
    const failures: unknown[] = [];
    for (const step of steps) await this.#do(step).catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  async #do(step: Step): Promise<void> {
    const { sandboxGate, startGate } = this.#world;
    switch (step.kind) {
      case 'make-sandbox':
        // As on a real node: what cannot be mounted leaves the pod without a sandbox, too.
        await this.#volumes.mount();
        return sandboxGate.run(() => this.#makeSandbox());
      case 'start':
        return startGate.run(() => this.#starter.start(step.container, step.attempt));
      case 'stop':
        return this.#stop(step.containers, (name) => `Stopping container ${name}`);
      case 'remove-sandbox':
        return sandboxGate.run(() => this.#removeSandbox());
      case 'back-off':
        return undefined;
      default:
        throw new FairleadError('internal', `Cannot do step ${String(step satisfies never)}`);
    }
  }

  async #makeSandbox(): Promise<void> {
    try {
      const sandbox = await this.#world.sandboxes.make(this.pod, this.record, this.#abort.signal);
      this.#state.change({ sandbox, ips: sandbox.ips });
    } catch (error) {
      this.#state.event(
        'Warning',
        'FailedCreatePodSandBox',
        `Failed to create pod sandbox: ${messageOf(error)}`,
      );
      throw error;
    }
  }

  async #removeSandbox(): Promise<void> {
    const { signal } = this.#abort;
    for (const container of Object.values(this.record.containers)) {
      await this.#world.runner(container.runner).forget(this.#state.runOf(container), signal);
    }
    await this.#world.execSandboxes.end(this.record);
    await this.#world.sandboxes.remove(this.record, signal);
    this.#state.change({ sandbox: undefined });
  }

  /** Containers that a probe or a hook gave up on. */
  async #stopRequested(): Promise<void> {
    const reasons = new Map(this.#restarts);
    this.#restarts.clear();
    const names = [...reasons.keys()].filter((name) => this.#state.isRunning(name));
    await this.#stop(names, (name) => `Container ${name} ${reasons.get(name)}, will be restarted`);
  }

  async #stop(names: readonly string[], messageFor: (name: string) => string): Promise<void> {
    this.#stopper.setGrace(this.#state.graceMs);
    await Promise.all(
      names.map(async (name) => {
        const record = this.record.containers[name];
        // A container that the object does not name any more still has to end.
        const container = this.#state.container(name) ?? { name };
        if (record === undefined) return;
        this.#state.event('Normal', 'Killing', messageFor(name), name);
        const exit = await this.#stopper.stop({
          pod: this.pod,
          container,
          record: this.record,
          run: this.#state.runOf(record),
          runner: this.#world.runner(record.runner),
          isAlive: () => this.#state.isRunning(name),
        });
        if (exit !== undefined) this.noteExit(name, record.attempt, exit);
      }),
    );
  }

  #enforceDeadline(): void {
    const { deadlineMs } = this.#state;
    if (deadlineMs === undefined || deadlineMs > this.#world.clock.nowMs()) return;
    const message = 'Pod was active on the node longer than the specified deadline';
    this.#state.change({ failure: { reason: 'DeadlineExceeded', message } });
  }
}

function imagesOf({ spec }: Pod): string {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map((it) => it.image).join(' ');
}
