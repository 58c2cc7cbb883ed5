// Answers of the zone by question, so that a name asked again costs one look-up. Bounded; emptied whole when the zone changes.

import type { PreparedAnswer } from './prepared-answer.ts';

/** What one entry takes beside its octets: key, map slot, arrays. */
const ENTRY_BYTES = 400;

export class HotAnswers {
  readonly #maxBytes: number;
  readonly #answers = new Map<string, PreparedAnswer>();
  #bytes = 0;
  #generation = -1;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(key: string, generation: number): PreparedAnswer | undefined {
    if (generation !== this.#generation) this.#clear(generation);
    return this.#answers.get(key);
  }

  /** Starts anew when full: filling it again is cheap, and a flood of random names must not cost a sorted list. */
  set(key: string, answer: PreparedAnswer): void {
    const bytes = ENTRY_BYTES + key.length + answer.body.length + 8 * answer.starts.length;
    if (bytes > this.#maxBytes / 4) return;
    if (this.#bytes + bytes > this.#maxBytes) this.#clear(this.#generation);
    this.#answers.set(key, answer);
    this.#bytes += bytes;
  }

  #clear(generation: number): void {
    this.#answers.clear();
    this.#bytes = 0;
    this.#generation = generation;
  }
}
