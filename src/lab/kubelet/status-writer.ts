// Sends a pod's status to the API: only what changed, the newest only, again after failures. Never holds the pod back.

import { isDeepStrictEqual } from 'node:util';
import { messageOf, isNotFound } from '../../base/errors.ts';
import type { Pod, PodStatus } from '../../objects/api-types.ts';
import type { PodWorld } from './pod-world.ts';

const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 30_000;

export class StatusWriter {
  readonly #world: Pick<PodWorld, 'api' | 'clock' | 'log'>;
  readonly #onDone: () => void;
  #wanted: { readonly pod: Pod; readonly status: PodStatus; readonly signal: AbortSignal } | undefined;
  #sent: PodStatus | undefined;
  #sending: Promise<void> | undefined;

  /** `onDone` is called after each accepted status. */
  constructor(world: Pick<PodWorld, 'api' | 'clock' | 'log'>, onDone: () => void) {
    this.#world = world;
    this.#onDone = onDone;
  }

  /** What was sent last or waits to be sent: newer than what the watch shows. */
  get latest(): PodStatus | undefined {
    return this.#wanted?.status ?? this.#sent;
  }

  /** Takes note of the status; returns at once. */
  submit(pod: Pod, status: PodStatus, signal: AbortSignal): void {
    if (isDeepStrictEqual(status, this.latest)) return;
    this.#wanted = { pod, status, signal };
    this.#sending ??= this.#send();
  }

  /** Resolves when the newest status was accepted or given up. */
  async drain(): Promise<void> {
    await this.#sending;
  }

  async #send(): Promise<void> {
    let failures = 0;
    while (this.#wanted !== undefined && !this.#wanted.signal.aborted) {
      const wanted = this.#wanted;
      try {
        await this.#world.api.writeStatus(wanted.pod, wanted.status, wanted.signal);
        this.#sent = wanted.status;
        failures = 0;
      } catch (error) {
        if (isNotFound(error)) {
          // Deleted meanwhile: the watch will say so.
          this.#sent = wanted.status;
        } else {
          const waitMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** failures++);
          if (failures > 1) this.#world.log(`status of ${wanted.pod.metadata.name}: ${messageOf(error)}`);
          await this.#world.clock.sleep(waitMs, wanted.signal).catch(() => undefined);
          continue;
        }
      }
      if (this.#wanted === wanted) this.#wanted = undefined;
      this.#onDone();
    }
    this.#sending = undefined;
  }
}
