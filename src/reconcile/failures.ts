// Keys that failed and when each is tried again. Times are monotonic: a clock set back must not put a retry off for hours.

import { backoffMs, type Backoff } from '../base/backoff.ts';
import { FairleadError, messageOf } from '../base/errors.ts';
import type { KeyFailure } from './status.ts';

export interface FailureTiming {
  readonly backoff: Backoff;
  readonly random: () => number;
}

/** The failures of one target by key; a key is in here from its first failure until it succeeds or is not wanted any more. */
export class Failures {
  readonly #timing: FailureTiming;
  readonly #byKey = new Map<string, KeyFailure>();

  constructor(timing: FailureTiming) {
    this.#timing = timing;
  }

  /** Notes one more failure of `key`; returns how many there were in a row. */
  add(key: string, error: unknown, nowMs: number): number {
    const known = this.#byKey.get(key);
    const attempts = (known?.attempts ?? 0) + 1;
    this.#byKey.set(key, {
      key,
      error: messageOf(error),
      code: error instanceof FairleadError ? error.code : undefined,
      attempts,
      sinceMs: known?.sinceMs ?? nowMs,
      nextTryMs: nowMs + backoffMs(this.#timing.backoff, attempts, this.#timing.random),
    });
    return attempts;
  }

  forget(key: string): void {
    this.#byKey.delete(key);
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  keys(): readonly string[] {
    return [...this.#byKey.keys()];
  }

  /** True while the key failed and its time has not come. */
  isWaiting(key: string, nowMs: number): boolean {
    const failure = this.#byKey.get(key);
    return failure !== undefined && failure.nextTryMs > nowMs;
  }

  /** When `key` is tried again, undefined where it did not fail. */
  tryOf(key: string): number | undefined {
    return this.#byKey.get(key)?.nextTryMs;
  }

  /** The earliest retry, Infinity without failures. */
  nextTryMs(): number {
    let next = Infinity;
    for (const failure of this.#byKey.values()) next = Math.min(next, failure.nextTryMs);
    return next;
  }

  /** `epochOffsetMs` turns the monotonic times into times since the epoch. */
  list(epochOffsetMs: number): readonly KeyFailure[] {
    return [...this.#byKey.values()].map((it) => sinceEpoch(it, epochOffsetMs));
  }

  /** The one of `key`, with times as in `list`. */
  of(key: string, epochOffsetMs: number): KeyFailure | undefined {
    const found = this.#byKey.get(key);
    return found === undefined ? undefined : sinceEpoch(found, epochOffsetMs);
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** Without what only drains: it stays for a while yet because it should. */
  get hasErrors(): boolean {
    for (const { code } of this.#byKey.values()) if (code !== 'draining') return true;
    return false;
  }
}

function sinceEpoch(failure: KeyFailure, epochOffsetMs: number): KeyFailure {
  return {
    ...failure,
    sinceMs: Math.round(failure.sinceMs + epochOffsetMs),
    nextTryMs: Math.round(failure.nextTryMs + epochOffsetMs),
  };
}
