// What is written of one BPF map, and how the tables write it.

import { defineStruct, type Struct } from './bpf-maps-struct.ts';

/** BPF_MAP_TYPE_* without the prefix (linux/bpf.h). */
export type BpfMapKind =
  'HASH' | 'ARRAY' | 'LRU_HASH' | 'LPM_TRIE' | 'PERCPU_ARRAY' | 'RINGBUF' | 'SK_STORAGE';

/**
 * One map. `maxEntries` is its size in entries (RINGBUF: bytes, a power of two); of a map that grows (`firstEntries`) it is the bound, and programs
 * find the map of now in a slot by the table's name.
 */
export interface BpfMapSpec<K, V> {
  readonly name: string;
  readonly kind: BpfMapKind;
  readonly key: Struct<K>;
  readonly value: Struct<V>;
  readonly maxEntries: number;
  /** Where it begins. Only for maps that user space alone writes: they are copied while programs run. */
  readonly firstEntries?: number;
  /** BPF_F_* names (linux/bpf.h). */
  readonly flags: readonly string[];
  /** What the map is for, printed as its comment in C. */
  readonly about: string;
}

export function map<K, V>(spec: BpfMapSpec<K, V>): BpfMapSpec<K, V> {
  return spec;
}

export const NO_PREALLOC = ['BPF_F_NO_PREALLOC'];

/** Key of arrays. */
export const INDEX_KEY = defineStruct('index_key', [{ name: 'index', kind: 'u32' }]);
