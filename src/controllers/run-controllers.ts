// The engine: feeds the controllers' queues from the cache, runs their pure functions, performs what they want,
// and looks at a key again only after the cache shows what was written. So a stale cache never makes anything twice.

import type { Backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { FairleadError, hasCode, messageOf } from '../base/errors.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { ClusterCache } from './cluster-cache.ts';
import type { Controller } from './controller.ts';
import { EventRecorder } from './event-recorder.ts';
import { perform, type IsSeen, type Tools } from './perform.ts';
import { WorkQueue } from './work-queue.ts';

export interface ControllersOptions {
  readonly client: KubeClient;
  readonly cache: ClusterCache;
  readonly controllers: readonly Controller[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly onProblem: (controller: string, error: FairleadError, retryInMs: number) => void;
}

const BACKOFF: Backoff = { firstMs: 20, maxMs: 30_000, factor: 2 };
const DEFAULT_CONCURRENCY = 4;
const DEFAULT_REST_MS = 20;
/** A write that no watch has shown by then is looked at again all the same: its event may be lost with the server. */
const SEEN_TIMEOUT_MS = 5000;

/** Runs cache and controllers until `signal` aborts. */
export async function runControllers(options: ControllersOptions, signal: AbortSignal): Promise<void> {
  const recorder = new EventRecorder(options.client, options.clock, signal);
  const runners = options.controllers.map((each) => new Runner(each, options, recorder, signal));
  await Promise.all([options.cache.run(signal), ...runners.map((runner) => runner.run())]);
}

class Runner {
  readonly #controller: Controller;
  readonly #options: ControllersOptions;
  readonly #signal: AbortSignal;
  readonly #queue: WorkQueue;
  readonly #tools: Tools;
  readonly #failures = new Map<string, string>();

  constructor(
    controller: Controller,
    options: ControllersOptions,
    recorder: EventRecorder,
    signal: AbortSignal,
  ) {
    const { client, cache, clock, random } = options;
    this.#controller = controller;
    this.#options = options;
    this.#signal = signal;
    this.#tools = { client, cache, recorder, controller: controller.name, signal };
    const restMs = controller.restMs ?? DEFAULT_REST_MS;
    this.#queue = new WorkQueue({ clock, random, backoff: BACKOFF, restMs });
  }

  async run(): Promise<void> {
    const { cache } = this.#options;
    const ends = this.#controller.sources.map(({ resource, keysOf }) =>
      cache.subscribe(resource, (change) => {
        // One object that cannot be read must not stop the watch that brought it.
        try {
          for (const key of keysOf(change, cache)) this.#queue.add(key);
        } catch (error) {
          this.#report(asFairleadError(change.key, error), 0);
        }
      }),
    );
    const close = (): void => this.#queue.close();
    this.#signal.addEventListener('abort', close, { once: true });
    if (this.#signal.aborted) close();
    const count = this.#controller.concurrency ?? DEFAULT_CONCURRENCY;
    await Promise.all(Array.from({ length: count }, () => this.#work()));
    for (const end of ends) end();
  }

  async #work(): Promise<void> {
    for (;;) {
      const key = await this.#queue.next();
      if (key === undefined) return;
      try {
        // Without the server nothing can be done and what is cached grows old: wait without asking.
        await this.#options.cache.connected(this.#signal);
        await this.#process(key);
        this.#failures.delete(key);
        this.#queue.succeed(key);
      } catch (error) {
        if (this.#signal.aborted) return;
        this.#failed(key, error);
      }
    }
  }

  async #process(key: string): Promise<void> {
    const { cache, clock } = this.#options;
    const failure = this.#failures.get(key);
    const actions = this.#controller.reconcile(key, { cluster: cache, nowMs: clock.nowMs(), failure });
    const performed = await perform(actions, this.#tools);
    await this.#seen(performed.writes);
    if (performed.failure !== undefined) throw performed.failure;
    for (const action of actions) if (action.kind === 'later') this.#queue.addAfter(key, action.afterMs);
  }

  async #seen(writes: readonly IsSeen[]): Promise<void> {
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + SEEN_TIMEOUT_MS;
    let waitMs = 1;
    while (!writes.every((isSeen) => isSeen()) && clock.monotonicMs() < endMs) {
      await clock.sleep(waitMs, this.#signal);
      waitMs = Math.min(50, waitMs * 2);
    }
  }

  #failed(key: string, cause: unknown): void {
    const error = asFairleadError(key, cause);
    this.#failures.set(key, error.message);
    const waitMs = this.#queue.fail(key);
    // Somebody else was faster: no problem, the next look sees what they did.
    if (hasCode(error, 'conflict') || hasCode(error, 'not-found')) return;
    this.#report(error, waitMs);
  }

  #report(error: FairleadError, waitMs: number): void {
    this.#options.onProblem(this.#controller.name, error, waitMs);
  }
}

function asFairleadError(key: string, cause: unknown): FairleadError {
  return cause instanceof FairleadError
    ? cause
    : new FairleadError('internal', `Cannot reconcile ${key}: ${messageOf(cause)}`, { cause });
}
