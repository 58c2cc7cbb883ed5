// A map that is made anew at twice its size, or more, before it would be full. Only for maps that nobody else writes: neither programs nor
// a second agent. Knows slots and no kernel, so that tests put fakes below.

import { hasCode } from '../../base/errors.ts';
import { packEntries, type BpfEntries, type BpfEntry, type BpfMap } from '../../sys/bpf-map.ts';
import type { BpfMapSlot } from '../../sys/bpf-map-slot.ts';

/** A growth that was done, or refused (`error`): then the map goes on at its size. */
export interface MapGrowth {
  readonly map: string;
  readonly from: number;
  readonly to: number;
  readonly error?: unknown;
}

export interface GrowingMapOptions {
  readonly slot: BpfMapSlot;
  /** Size of the first one; powers of two, as the limit. */
  readonly firstEntries: number;
  /** No larger one is made: what does not fit then is refused. */
  readonly limit: number;
  readonly onGrowth: (growth: MapGrowth) => void;
}

/** Fuller than this, a map grows, or is told of where it does not. */
export const CROWDED_SHARE = 0.8;
/** After a count that showed room: so many entries, as a share of the size, are written before the next one. */
const COUNT_AGAIN_SHARE = 1 / 16;

/** What a write says of its keys. */
type WrittenKeys = Pick<BpfEntries, 'count' | 'keys'>;

export class GrowingMap implements BpfMap {
  readonly limit: number;
  readonly #slot: BpfMapSlot;
  readonly #onGrowth: (growth: MapGrowth) => void;
  #now: BpfMap;
  #growths = 0;
  /** Entries, or more: what was written over counts twice until they are counted again. */
  #entriesAtMost: number;
  /** Entries from which on a write looks whether the map has to grow. */
  #lookFrom: number;
  #isRefused = false;

  constructor({ slot, firstEntries, limit, onGrowth }: GrowingMapOptions) {
    this.limit = limit;
    this.#slot = slot;
    this.#onGrowth = onGrowth;
    this.#now = slot.open() ?? putFirst(slot, Math.min(firstEntries, limit));
    this.#entriesAtMost = this.#now.count();
    this.#lookFrom = this.#roomBeforeCrowded();
  }

  get name(): string {
    return this.#now.name;
  }

  get maxEntries(): number {
    return this.#now.maxEntries;
  }

  /** Since it was opened. */
  get growths(): number {
    return this.#growths;
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    return this.#now.lookup(key);
  }

  update(key: Uint8Array, value: Uint8Array): void {
    this.#write({ count: 1, keys: key }, (map) => map.update(key, value));
  }

  updateAll(entries: BpfEntries): void {
    this.#write(entries, (map) => map.updateAll(entries));
  }

  delete(key: Uint8Array): boolean {
    const wasThere = this.#now.delete(key);
    if (wasThere) this.#entriesAtMost--;
    return wasThere;
  }

  deleteAll(keys: readonly Uint8Array[]): number {
    const deleted = this.#now.deleteAll(keys);
    this.#entriesAtMost -= deleted;
    return deleted;
  }

  entries(): BpfEntry[] {
    return this.#now.entries();
  }

  visit(look: (key: Uint8Array, value: Uint8Array) => void): void {
    this.#now.visit(look);
  }

  take(look: (key: Uint8Array, value: Uint8Array) => void): void {
    this.#now.take(look);
    this.#entriesAtMost = this.#now.count();
  }

  count(): number {
    return this.#now.count();
  }

  close(): void {
    this.#now.close();
    this.#slot.close();
  }

  #write(written: WrittenKeys, write: (map: BpfMap) => void): void {
    if (this.#entriesAtMost + written.count > this.#lookFrom) this.#look(written);
    this.#entriesAtMost += written.count;
    try {
      write(this.#now);
    } catch (error) {
      // After a growth that was refused: the kernel may have memory again.
      if (!hasCode(error, 'exhausted') || !this.#grow(this.maxEntries + written.count)) throw error;
      write(this.#now);
    }
  }

  #look(written: WrittenKeys): void {
    this.#entriesAtMost = this.#now.count();
    const needed = this.#entriesAtMost + this.#newOnes(written);
    if (needed > this.#roomBeforeCrowded()) {
      // Where there is no way to grow, the kernel says what does not fit.
      if (!this.#grow(needed)) this.#lookFrom = Infinity;
    } else this.#lookFrom = Math.max(this.#roomBeforeCrowded(), needed + this.maxEntries * COUNT_AGAIN_SHARE);
  }

  /** How many of these have no entry yet; all of them where there are too many for the map anyway, for each costs a call. */
  #newOnes({ count, keys }: WrittenKeys): number {
    if (this.#entriesAtMost === 0 || count > this.#roomBeforeCrowded()) return count;
    const keyBytes = keys.length / count;
    let newOnes = 0;
    for (let at = 0; at < keys.length; at += keyBytes)
      if (this.#now.lookup(keys.subarray(at, at + keyBytes)) === undefined) newOnes++;
    return newOnes;
  }

  /** Makes room for so many entries without being crowded, as far as the limit allows; true where the map is another one now. */
  #grow(entries: number): boolean {
    const from = this.maxEntries;
    const to = Math.min(this.limit, sizeFor(entries));
    if (to <= from) return false;
    try {
      this.#exchange(to);
    } catch (error) {
      // Told once: it is tried again with each write that does not fit.
      if (!this.#isRefused) this.#onGrowth({ map: this.name, from, to, error });
      this.#isRefused = true;
      return false;
    }
    this.#isRefused = false;
    this.#growths++;
    this.#lookFrom = this.#roomBeforeCrowded();
    this.#onGrowth({ map: this.name, from, to });
    return true;
  }

  /** The order is the point: whoever is killed between leaves the former map where it is. */
  #exchange(to: number): void {
    const { map, install } = this.#slot.make(to);
    try {
      const entries = this.#now.entries();
      map.updateAll(packEntries(entries));
      install();
      this.#entriesAtMost = entries.length;
    } catch (error) {
      map.close();
      throw error;
    }
    this.#now.close();
    this.#now = map;
  }

  #roomBeforeCrowded(): number {
    return Math.floor(this.maxEntries * CROWDED_SHARE);
  }
}

function putFirst(slot: BpfMapSlot, maxEntries: number): BpfMap {
  const { map, install } = slot.make(maxEntries);
  try {
    install();
  } catch (error) {
    map.close();
    throw error;
  }
  return map;
}

/** The power of two in which so many are not crowded. */
function sizeFor(entries: number): number {
  return 2 ** Math.ceil(Math.log2(entries / CROWDED_SHARE));
}
