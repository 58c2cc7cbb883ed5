// Sends a pod's status to the API: only what changed, the newest only, again after failures. Never holds the pod back.

import { isDeepStrictEqual } from 'node:util';
import { messageOf, isNotFound } from '../../base/errors.ts';
import type { Pod, PodStatus } from '../../objects/api-types.ts';
import type { PodWorld } from './pod-world.ts';

const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 30_000;
/** What somebody else wrote over is written again, no more often than this: whoever did it may do it again until he knows better. */
const REPAIR_MS = 1000;

export class StatusWriter {
  readonly #world: Pick<PodWorld, 'api' | 'clock' | 'log'>;
  readonly #onDone: () => void;
  #wanted: { readonly pod: Pod; readonly status: PodStatus; readonly signal: AbortSignal } | undefined;
  #sent: PodStatus | undefined;
  /** The object that was the newest when the status was sent: it shows what was before. */
  #sentFor: Pod | undefined;
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
    const isKnown = isDeepStrictEqual(status, this.latest);
    if (isKnown && !this.#isOverwritten(pod)) return;
    this.#wanted = { pod, status, signal };
    this.#sending ??= this.#send(isKnown ? REPAIR_MS : 0);
  }

  /** Resolves when the newest status was accepted or given up. */
  async drain(): Promise<void> {
    await this.#sending;
  }

  /** Whether a newer object than that of the last write shows conditions of ours otherwise than they were written. */
  #isOverwritten(pod: Pod): boolean {
    if (this.#wanted !== undefined || this.#sent === undefined || pod === this.#sentFor) return false;
    const shown = new Map((pod.status?.conditions ?? []).map((it) => [it.type, it.status]));
    return (this.#sent.conditions ?? []).some((it) => shown.get(it.type) !== it.status);
  }

  async #send(afterMs: number): Promise<void> {
    let failures = 0;
    const first = this.#wanted?.signal;
    if (afterMs > 0 && first !== undefined)
      await this.#world.clock.sleep(afterMs, first).catch(() => undefined);
    while (this.#wanted !== undefined && !this.#wanted.signal.aborted) {
      const wanted = this.#wanted;
      this.#sentFor = wanted.pod;
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
