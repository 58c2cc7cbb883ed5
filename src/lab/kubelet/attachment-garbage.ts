// What a crash left of a node's attachments is taken away once per kubelet process, before the first new one is made: from then
// on every attachment has an owner here, and a list of the valid ones would be old the moment it is sent.

import type { Clock } from '../../base/clock.ts';
import { hasCode, messageOf } from '../../base/errors.ts';
import type { CniRuntime } from './cni-runtime.ts';
import type { PodRecord } from './pod-record.ts';

/** The interface of every pod. */
export const POD_IFNAME = 'eth0';
/** The node's agent may not serve yet. */
const RETRY_MS = 2000;

export interface AttachmentGarbageOptions {
  readonly node: string;
  readonly cni: CniRuntime;
  /** What an earlier process left on record, of this node. */
  readonly records: readonly PodRecord[];
  readonly clock: Clock;
  readonly log: (message: string) => void;
  readonly signal: AbortSignal;
}

export class AttachmentGarbage {
  readonly #options: AttachmentGarbageOptions;
  #collected: Promise<void> | undefined;

  constructor(options: AttachmentGarbageOptions) {
    this.#options = options;
  }

  /** Resolves once it was tried; throws `unavailable` where it has to be tried again. Callers share one try. */
  collected(): Promise<void> {
    this.#collected ??= this.#collect();
    return this.#collected;
  }

  /** Tries until it was done, also where no pod comes that would ask for it. */
  async run(): Promise<void> {
    const { clock, signal } = this.#options;
    while (!signal.aborted) {
      try {
        await this.collected();
        return;
      } catch {
        await clock.sleep(RETRY_MS, signal).catch(() => undefined);
      }
    }
  }

  async #collect(): Promise<void> {
    const { node, cni, records, log, signal } = this.#options;
    const valid = records
      .filter(({ sandbox }) => sandbox !== undefined && !sandbox.isHostNetwork)
      .map(({ uid }) => ({ containerId: uid, ifname: POD_IFNAME }));
    try {
      await cni.collectGarbage(valid, signal);
    } catch (error) {
      if (hasCode(error, 'unavailable') || signal.aborted) {
        this.#collected = undefined;
        throw error;
      }
      // A plugin that cannot do it must not keep pods from starting.
      log(`stale attachments of ${node}: ${messageOf(error)}`);
    }
  }
}
