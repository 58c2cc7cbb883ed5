// Removes links in batches: one removal costs the kernel 12 ms and more of waiting for other processors, a hundred together as much.

import { isNotFound } from '../base/errors.ts';
import type { Netlink, NetlinkChange } from '../sys/netlink-types.ts';

/** "FL" in the upper half: groups that nobody else uses; the lower half counts batches. */
const FIRST_GROUP = 0x464c0001;
const GROUP_COUNT = 0xffff;

interface Waiting {
  readonly name: string;
  readonly done: PromiseWithResolvers<void>;
}

/** What is asked for while a removal runs is removed together after it. */
export class LinkRemover {
  readonly #netlink: Netlink;
  #waiting: Waiting[] = [];
  #isRunning = false;
  #batches = 0;

  constructor(netlink: Netlink) {
    this.#netlink = netlink;
  }

  /** Resolves when the link is gone, also where it has been; rejects where the kernel refuses. */
  remove(name: string): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#waiting.push({ name, done });
    if (!this.#isRunning) void this.#run();
    return done.promise;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      const [only] = batch;
      if (only !== undefined && batch.length === 1) await this.#removeOne(only);
      else await this.#removeTogether(batch);
    }
    this.#isRunning = false;
  }

  async #removeOne({ name, done }: Waiting): Promise<void> {
    await this.#apply({ kind: 'delete-link', name }).then(done.resolve, done.reject);
  }

  /** A batch that the kernel refuses as a whole is tried link by link, so that each caller learns of its own. */
  async #removeTogether(batch: readonly Waiting[]): Promise<void> {
    const group = FIRST_GROUP + (this.#batches++ % GROUP_COUNT);
    try {
      for (const { name } of batch) await this.#apply({ kind: 'set-link', name, group });
      await this.#apply({ kind: 'delete-link-group', group });
      for (const { done } of batch) done.resolve();
    } catch {
      for (const waiting of batch) await this.#removeOne(waiting);
    }
  }

  async #apply(change: NetlinkChange): Promise<void> {
    await this.#netlink.apply([change]).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
}
