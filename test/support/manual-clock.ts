// A clock that tests move: time stands still until somebody jumps to the next moment that anybody waits for.

import type { Clock } from '../../src/base/clock.ts';

const WAKES_MAX = 20_000;

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

export class ManualClock implements Clock {
  #nowMs = 1_000_000;
  #wakes = 0;
  readonly #sleepers = new Set<Sleeper>();

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener('abort', onAbort);
        settle();
      };
      const onAbort = (): void => end(() => reject(signal?.reason as Error));
      const sleeper: Sleeper = { atMs: this.#nowMs + ms, wake: () => end(resolve) };
      if (signal?.aborted === true) return reject(signal.reason as Error);
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', onAbort);
    });
  }

  /** Moves on by `ms`, stopping at each moment that somebody sleeps until. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      await settle();
      const next = this.#next();
      if (next === undefined || next.atMs > endMs) break;
      this.#wake(next);
    }
    this.#nowMs = endMs;
    await settle();
  }

  /** Jumps from sleeper to sleeper until `isDone`; returns the milliseconds it took, or throws after `limitMs`. */
  async runUntil(isDone: () => boolean, limitMs: number): Promise<number> {
    const startMs = this.#nowMs;
    for (;;) {
      await settle();
      if (isDone()) return this.#nowMs - startMs;
      const next = this.#next();
      if (next === undefined || next.atMs > startMs + limitMs)
        throw new Error(`not done after ${limitMs} ms`);
      this.#wake(next);
    }
  }

  #wake(sleeper: Sleeper): void {
    // A loop that never really waits would hang the test instead of failing it.
    if (++this.#wakes > WAKES_MAX) throw new Error(`${WAKES_MAX} wake-ups: somebody is in a tight loop`);
    this.#nowMs = Math.max(this.#nowMs, sleeper.atMs);
    sleeper.wake();
  }

  #next(): Sleeper | undefined {
    return [...this.#sleepers].sort((a, b) => a.atMs - b.atMs)[0];
  }
}

/** Lets every promise that can go on go on. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}
