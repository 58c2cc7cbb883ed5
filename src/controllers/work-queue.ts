// Keys that wait to be worked on: each at most once, never two workers on one key, failures later and later.

import { backoffMs, type Backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly backoff: Backoff;
  /** The least time between the end of one run of a key and the start of the next: bursts become one run. */
  readonly restMs: number;
}

type State =
  /** Waits for a worker. */
  | 'ready'
  /** A worker has it; `again` when it changed meanwhile. */
  | 'busy'
  | 'again'
  /** Was worked on a moment ago; `resting-again` when it changed since. */
  | 'resting'
  | 'resting-again';

export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #states = new Map<string, State>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, { readonly dueMs: number; readonly timer: NodeJS.Timeout }>();
  readonly #rests = new Set<NodeJS.Timeout>();
  #ready: string[] = [];
  readonly #waiters: (() => void)[] = [];
  #isClosed = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** Keys that wait, are worked on or rest; delayed ones not counted. */
  get size(): number {
    return this.#states.size;
  }

  add(key: string): void {
    if (this.#isClosed) return;
    const state = this.#states.get(key);
    if (state === undefined) this.#makeReady(key);
    else if (state === 'busy') this.#states.set(key, 'again');
    else if (state === 'resting') this.#states.set(key, 'resting-again');
  }

  /** Adds the key after `delayMs`; of several delays of one key the earliest counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#isClosed) return;
    const dueMs = this.#options.clock.monotonicMs() + delayMs;
    const known = this.#timers.get(key);
    if (known !== undefined && known.dueMs <= dueMs) return;
    clearTimeout(known?.timer);
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      this.add(key);
    }, delayMs);
    this.#timers.set(key, { dueMs, timer });
  }

  /** The next key; the caller has to say `succeed` or `fail` for it. Undefined once the queue is closed. */
  async next(): Promise<string | undefined> {
    while (this.#ready.length === 0) {
      if (this.#isClosed) return undefined;
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    const key = this.#ready.shift() ?? '';
    this.#states.set(key, 'busy');
    return key;
  }

  succeed(key: string): void {
    this.#failures.delete(key);
    this.#finish(key);
  }

  /** Gives the key back to come again after a back-off; returns that wait. */
  fail(key: string): number {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const waitMs = backoffMs(this.#options.backoff, failures, this.#options.random);
    // What changed meanwhile may be the reason of the failure, so it does not cut the wait short.
    this.#states.set(key, 'busy');
    this.#finish(key);
    this.addAfter(key, waitMs);
    return waitMs;
  }

  /** Ends all waiting, for workers too. */
  close(): void {
    this.#isClosed = true;
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
    for (const timer of this.#rests) clearTimeout(timer);
    this.#timers.clear();
    this.#rests.clear();
    this.#ready = [];
    for (const wake of this.#waiters.splice(0)) wake();
  }

  #finish(key: string): void {
    if (this.#isClosed) return;
    this.#states.set(key, this.#states.get(key) === 'again' ? 'resting-again' : 'resting');
    if (this.#options.restMs <= 0) return this.#endRest(key);
    const timer = setTimeout(() => {
      this.#rests.delete(timer);
      this.#endRest(key);
    }, this.#options.restMs);
    this.#rests.add(timer);
  }

  #endRest(key: string): void {
    if (this.#states.get(key) === 'resting-again') this.#makeReady(key);
    else this.#states.delete(key);
  }

  #makeReady(key: string): void {
    this.#states.set(key, 'ready');
    this.#ready.push(key);
    this.#waiters.shift()?.();
  }
}
