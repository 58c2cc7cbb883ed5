// The zone that answers now: the index, whether it is known at all, and a serial that grows with each change.

import type { Cidr } from '../base/cidr.ts';
import type { NameEntry, NameZone } from '../model/names.ts';
import { ZoneIndex } from './zone-index.ts';

/** One change of the zone, made as a whole. */
export interface ZoneChange {
  readonly put: readonly NameEntry[];
  /** Keys of entries that are gone. */
  readonly deleted: readonly string[];
  readonly prefixes: readonly Cidr[];
  /** The publisher's revision after the change. */
  readonly revision: number;
}

export class ZoneState {
  readonly index = new ZoneIndex();
  readonly #onChange: () => void;
  #revision: number | undefined;
  #generation = 0;

  /** `onChange` runs after every change, synchronously. */
  constructor(onChange: () => void = () => undefined) {
    this.#onChange = onChange;
  }

  /** False until a zone came from disk or from the feed: until then nothing may be denied, since it may exist. */
  get isKnown(): boolean {
    return this.#revision !== undefined;
  }

  get revision(): number | undefined {
    return this.#revision;
  }

  /** Grows by one with each change: what was made of an older one is stale. */
  get generation(): number {
    return this.#generation;
  }

  replace(zone: NameZone, revision: number): void {
    this.index.replace(zone);
    this.#changed(revision);
  }

  change(change: ZoneChange): void {
    for (const key of change.deleted) this.index.delete(key);
    for (const entry of change.put) this.index.put(entry);
    this.index.setPrefixes(change.prefixes);
    this.#changed(change.revision);
  }

  #changed(revision: number): void {
    this.#revision = revision;
    this.#generation++;
    this.#onChange();
  }
}
