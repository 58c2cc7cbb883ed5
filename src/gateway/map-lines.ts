// The lines of HAProxy's maps, put together of pieces: a table's, a port's. Pieces that stay cost a look, so that a change costs what it concerns; and maps of which nothing
// changed are the same objects. Knows nothing of what lines mean.

import { ShardedMap } from '../base/sharded-map.ts';

/** Name of a map -> its lines. */
export type ProxyMaps = Readonly<Record<MapName, ReadonlyMap<string, string>>>;

export const MAP_NAMES = ['data', 'more', 'rules', 'paths', 'guards', 'hosts', 'streams'] as const;
export type MapName = (typeof MAP_NAMES)[number];

/** What one owner brings. Several may bring the same line, but never two lines of one key that differ. */
export type MapPiece = Readonly<Partial<ProxyMaps>>;

export class MapLines {
  readonly #lines = perMap(() => new SharedLines());
  #pieces: ReadonlyMap<string, MapPiece> = new Map();

  /** By their owners, each the same object while it says the same. */
  of(pieces: ReadonlyMap<string, MapPiece>): ProxyMaps {
    const before = this.#pieces;
    before.forEach((piece, owner) => {
      if (pieces.get(owner) !== piece) this.#count(piece, -1);
    });
    pieces.forEach((piece, owner) => {
      if (before.get(owner) !== piece) this.#count(piece, 1);
    });
    this.#pieces = pieces;
    return perMap((name) => this.#lines[name].settled());
  }

  #count(piece: MapPiece, by: 1 | -1): void {
    for (const name of MAP_NAMES)
      for (const [key, value] of piece[name] ?? []) this.#lines[name].count(key, value, by);
  }
}

/** Lines that stand while somebody brings them. */
class SharedLines {
  #map = ShardedMap.empty<string>();
  readonly #owners = new Map<string, number>();
  #touched = new Map<string, string>();

  count(key: string, value: string, by: 1 | -1): void {
    const owners = (this.#owners.get(key) ?? 0) + by;
    if (owners === 0) this.#owners.delete(key);
    else this.#owners.set(key, owners);
    // Those that come are counted last, so that theirs is the value that stays.
    this.#touched.set(key, value);
  }

  settled(): ReadonlyMap<string, string> {
    const changes = new Map<string, string | undefined>();
    for (const [key, value] of this.#touched) {
      const wanted = this.#owners.has(key) ? value : undefined;
      if (this.#map.get(key) !== wanted) changes.set(key, wanted);
    }
    if (changes.size > 0) this.#map = this.#map.with(changes);
    if (this.#touched.size > 0) this.#touched = new Map();
    return this.#map;
  }
}

function perMap<T>(make: (name: MapName) => T): Record<MapName, T> {
  // Of all names, each once.
  return Object.fromEntries(MAP_NAMES.map((name) => [name, make(name)])) as Record<MapName, T>;
}
