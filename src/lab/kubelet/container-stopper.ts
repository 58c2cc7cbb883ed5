// Ends containers as kubelet does: preStop hook, SIGTERM, grace period, SIGKILL. The grace period counts from the first
// moment and may be shortened meanwhile (a deletion becomes a forced one).

import { FairleadError, messageOf } from '../../base/errors.ts';
import type { Container, Pod } from '../../objects/api-types.ts';
import type { ContainerRunner, RunExit, RunName } from './container-runner.ts';
import { runHook } from './lifecycle-hook.ts';
import type { PodRecord } from './pod-record.ts';
import type { PodWorld } from './pod-world.ts';

export interface StopJob {
  readonly pod: Pod;
  readonly container: Container;
  readonly record: PodRecord;
  readonly run: RunName;
  readonly runner: ContainerRunner;
  /** False once its exit was noted. */
  readonly isAlive: () => boolean;
}

/** After SIGKILL a process is gone at once unless the kernel holds it; then its end is looked for instead of awaited. */
const KILL_WAIT_MS = 2000;
const KILL_TRIES = 30;
/** Given to a hook that is still running when its time is over, as kubelet does. */
const LEAST_GRACE_MS = 2000;

export class ContainerStopper {
  readonly #world: PodWorld;
  readonly #signal: AbortSignal;
  readonly #waiters = new Map<string, () => void>();
  #graceMs = 30_000;

  constructor(world: PodWorld, signal: AbortSignal) {
    this.#world = world;
    this.#signal = signal;
  }

  /** Takes effect at once, also for stops that are under way. */
  setGrace(graceMs: number): void {
    this.#graceMs = graceMs;
    for (const wake of this.#waiters.values()) wake();
  }

  noteExit(container: string): void {
    this.#waiters.get(container)?.();
  }

  /** Resolves when the container has ended: with the exit where the runner knows it, else it was noted meanwhile. */
  async stop(job: StopJob): Promise<RunExit | undefined> {
    const beganMs = this.#world.clock.monotonicMs();
    const leftMs = (): number => this.#graceMs - (this.#world.clock.monotonicMs() - beganMs);
    const hook = job.container.lifecycle?.preStop;
    if (hook !== undefined && leftMs() > 0) await this.#preStop(job, leftMs);
    if (!job.isAlive()) return undefined;
    const exit = await job.runner.terminate(job.run, this.#signal);
    if (exit !== undefined) return exit;
    const minimumMs = hook === undefined || this.#graceMs === 0 ? 0 : LEAST_GRACE_MS;
    const until = Math.max(leftMs(), minimumMs) + this.#world.clock.monotonicMs();
    await this.#wait(job, () =>
      Math.min(Math.max(leftMs(), minimumMs), until - this.#world.clock.monotonicMs()),
    );
    return job.isAlive() ? this.#kill(job) : undefined;
  }

  async #preStop(job: StopJob, leftMs: () => number): Promise<void> {
    const abort = new AbortController();
    const hook = job.container.lifecycle?.preStop ?? {};
    let isDone = false;
    const done = runHook(this.#world, { ...job, hook }, AbortSignal.any([this.#signal, abort.signal]))
      .catch((error: unknown) => {
        if (abort.signal.aborted) return;
        const message = `PreStopHook failed: ${messageOf(error)}`;
        this.#world.api.event(job.pod, {
          type: 'Warning',
          reason: 'FailedPreStopHook',
          message,
          container: job.container.name,
        });
      })
      .finally(() => {
        isDone = true;
        this.#waiters.get(job.container.name)?.();
      });
    await this.#wait({ ...job, isAlive: () => job.isAlive() && !isDone }, leftMs);
    abort.abort();
    await done;
  }

  async #kill(job: StopJob): Promise<RunExit | undefined> {
    for (let i = 0; i < KILL_TRIES && job.isAlive(); i++) {
      const exit = await job.runner.kill(job.run, this.#signal);
      if (exit !== undefined) return exit;
      await this.#wait(job, () => KILL_WAIT_MS, { isOnce: true });
      if (!job.isAlive()) return undefined;
      const found = await job.runner.look(job.run, this.#signal);
      if (found.kind === 'exited') return found.exit;
      if (found.kind === 'lost') return { exitCode: 137, signal: 9, finishedAtMs: this.#world.clock.nowMs() };
    }
    if (!job.isAlive()) return undefined;
    throw new FairleadError('timeout', `Cannot stop container ${job.container.name}: it survives SIGKILL`);
  }

  /** Until the container has ended or no time is left; the time left is asked anew at each wake. */
  async #wait(
    job: StopJob,
    leftMs: () => number,
    options: { readonly isOnce?: boolean } = {},
  ): Promise<void> {
    const name = job.container.name;
    while (job.isAlive() && leftMs() > 0 && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(leftMs(), 2 ** 31 - 1));
        this.#waiters.set(name, () => {
          clearTimeout(timer);
          resolve();
        });
      });
      this.#waiters.delete(name);
      if (options.isOnce === true) return;
    }
    if (this.#signal.aborted)
      throw new FairleadError('aborted', `Cannot wait for container ${name}: giving up`);
  }
}
