// BPF maps with their layouts: entries as values instead of bytes. Knows no map in particular.

import type { BpfMap } from '../../sys/bpf-map.ts';
import type { BpfMapSpec } from '../../wire/bpf-maps.ts';

/** A map of typed entries; errors are those of `BpfMap`. */
export interface TypedMap<K, V> {
  lookup(key: K): V | undefined;
  update(key: K, value: V): void;
  updateAll(entries: readonly (readonly [K, V])[]): void;
  delete(key: K): void;
  deleteAll(keys: readonly K[]): void;
  entries(): (readonly [K, V])[];
  /** One by one: nothing is left of those that are not kept. */
  visit(look: (key: K, value: V) => void): void;
  /** The same, and they are gone from the map. */
  take(look: (key: K, value: V) => void): void;
  /** Cheaper than to list them. */
  count(): number;
}

export function typedMap<K, V>(spec: BpfMapSpec<K, V>, map: BpfMap): TypedMap<K, V> {
  const { key: keys, value: values } = spec;
  const decoded =
    (look: (key: K, value: V) => void) =>
    (key: Uint8Array, value: Uint8Array): void =>
      look(keys.decode(key), values.decode(value));
  const visit = (look: (key: K, value: V) => void): void => map.visit(decoded(look));
  return {
    lookup: (key) => {
      const found = map.lookup(keys.encode(key));
      return found === undefined ? undefined : values.decode(found);
    },
    update: (key, value) => map.update(keys.encode(key), values.encode(value)),
    updateAll: (entries) =>
      map.updateAll({
        count: entries.length,
        keys: keys.encodeAll(entries.map(([key]) => key)),
        values: values.encodeAll(entries.map(([, value]) => value)),
      }),
    delete: (key) => map.delete(keys.encode(key)),
    deleteAll: (gone) => map.deleteAll(gone.map((key) => keys.encode(key))),
    entries: () => {
      const found: (readonly [K, V])[] = [];
      visit((key, value) => found.push([key, value]));
      return found;
    },
    visit,
    take: (look) => map.take(decoded(look)),
    count: () => map.count(),
  };
}
