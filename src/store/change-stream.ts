// Many small changes in, few batches out: a batch waits for quiet, but never longer than an upper bound.

import type { Clock } from '../base/clock.ts';

/** A batch goes out when nothing came for `quietMs`, at the latest `maxMs` after its first change. */
export interface HoldOff {
  readonly quietMs: number;
  readonly maxMs: number;
}

/** Kind name -> keys that were put or deleted; empty when only a kind became synced. */
export type Changes = ReadonlyMap<string, ReadonlySet<string>>;

/** One reader's stream; it ends when the signal aborts. */
export class ChangeStream implements AsyncIterable<Changes> {
  readonly #holdOff: HoldOff;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #pending: Map<string, Set<string>> | undefined;
  #firstMs = 0;
  #lastMs = 0;
  #wake: (() => void) | undefined;

  constructor(holdOff: HoldOff, clock: Clock, signal: AbortSignal) {
    this.#holdOff = holdOff;
    this.#clock = clock;
    this.#signal = signal;
  }

  add(kind: string, key: string): void {
    const pending = this.#touched();
    const keys = pending.get(kind);
    if (keys === undefined) pending.set(kind, new Set([key]));
    else keys.add(key);
  }

  /** Makes a batch due although no object changed. */
  touch(): void {
    this.#touched();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Changes> {
    const abort = (): void => this.#wake?.();
    this.#signal.addEventListener('abort', abort, { once: true });
    try {
      while (await this.#isDue()) {
        const batch = this.#pending ?? new Map<string, Set<string>>();
        this.#pending = undefined;
        yield batch;
      }
    } finally {
      this.#signal.removeEventListener('abort', abort);
    }
  }

  #touched(): Map<string, Set<string>> {
    this.#lastMs = this.#clock.monotonicMs();
    if (this.#pending === undefined) {
      this.#pending = new Map();
      this.#firstMs = this.#lastMs;
      this.#wake?.();
    }
    return this.#pending;
  }

  /** Waits for a batch that is due; false when the stream has ended. */
  async #isDue(): Promise<boolean> {
    while (!this.#signal.aborted) {
      if (this.#pending === undefined) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      const dueMs = Math.min(this.#lastMs + this.#holdOff.quietMs, this.#firstMs + this.#holdOff.maxMs);
      const waitMs = dueMs - this.#clock.monotonicMs();
      if (waitMs <= 0) return true;
      await this.#clock.sleep(waitMs, this.#signal).catch(() => undefined); // Aborted: the loop ends.
    }
    return false;
  }
}
