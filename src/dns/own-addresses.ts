// Addresses of the node itself: what comes from one of them was sent here, or its answer goes no further than here.

import { networkInterfaces } from 'node:os';

/** Reading them takes a millisecond on a node of many pods, and they hardly change. */
const KEPT_MS = 5_000;

export class OwnAddresses {
  readonly #monotonicMs: () => number;
  #addresses: ReadonlySet<string> = new Set();
  #readMs = -Infinity;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  has(address: string): boolean {
    const nowMs = this.#monotonicMs();
    if (nowMs - this.#readMs >= KEPT_MS) {
      const all = Object.values(networkInterfaces()).flatMap((it) => it ?? []);
      this.#addresses = new Set(all.map((it) => it.address));
      this.#readMs = nowMs;
    }
    return this.#addresses.has(address);
  }
}
