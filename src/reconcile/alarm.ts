// Waiting for a moment that may come nearer meanwhile.

import type { Clock } from '../base/clock.ts';

/** Longer sleeps overflow the timers of Node (2^31 ms); waking up early only looks at the moment again. */
const LONGEST_SLEEP_MS = 3_600_000;

export class Alarm {
  readonly #clock: Clock;
  #bell = new AbortController();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Makes whoever waits look at the moment again. */
  ring(): void {
    this.#bell.abort();
  }

  /** Resolves once the monotonic clock has reached `momentMs()`, which is asked again after each ring. */
  async waitUntil(momentMs: () => number): Promise<void> {
    for (;;) {
      this.#bell = new AbortController();
      const restMs = momentMs() - this.#clock.monotonicMs();
      if (restMs <= 0) return;
      await this.#clock.sleep(Math.min(restMs, LONGEST_SLEEP_MS), this.#bell.signal).catch(() => undefined);
    }
  }
}
