// Work that is due or not: marked by whoever has news, waited for by the one loop that does it.

import type { Clock } from './clock.ts';

export class Due {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #isDue = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  mark(): void {
    this.#isDue = true;
    this.#wake?.();
  }

  markAfter(ms: number): void {
    const later = this.#clock.sleep(ms, this.#signal).then(() => this.mark());
    // The signal ended the sleep: nobody waits any more.
    later.catch(() => undefined);
  }

  /** Resolves once when it is due, at the latest after `maxMs`; false where the signal ended the wait. */
  async next(maxMs: number = Infinity): Promise<boolean> {
    if (!this.#isDue && !this.#signal.aborted) await this.#woken(maxMs);
    this.#isDue = false;
    return !this.#signal.aborted;
  }

  async #woken(maxMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const ended = new AbortController();
    this.#wake = resolve;
    this.#signal.addEventListener('abort', () => resolve(), { once: true, signal: ended.signal });
    if (Number.isFinite(maxMs)) this.#clock.sleep(maxMs, ended.signal).then(resolve, () => undefined);
    await promise;
    this.#wake = undefined;
    ended.abort();
  }
}
