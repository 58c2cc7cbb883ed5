// How full the maps are that nothing makes room in: what does not fit any more is refused.

import type { BpfMap } from '../../sys/bpf-map.ts';
import { BPF_MAPS } from '../../wire/bpf-maps.ts';
import { CROWDED_SHARE, GrowingMap } from './growing-map.ts';

/** Entries of one map and the room that it has. */
export interface MapFill {
  readonly map: string;
  readonly entries: number;
  readonly maxEntries: number;
  /** What it can grow to; `maxEntries` for those that do not grow. */
  readonly limit: number;
  /** How often it has grown since the agent began. */
  readonly growths: number;
}

/** Nearly at its end: what comes may soon be refused. */
export function isCrowded({ entries, limit }: MapFill): boolean {
  return entries > limit * CROWDED_SHARE;
}

const KINDS_WITHOUT_ROOM: ReadonlySet<string> = new Set(['HASH', 'LPM_TRIE']);
const COUNTED: ReadonlySet<string> = new Set(
  Object.values(BPF_MAPS)
    .filter((it) => KINDS_WITHOUT_ROOM.has(it.kind))
    .map((it) => it.name),
);

/** Counts the entries in the kernel: costs by how many there are. In LRU maps the oldest entry goes, so they are left out. */
export function mapFills(maps: readonly BpfMap[]): readonly MapFill[] {
  return maps
    .filter(({ name }) => COUNTED.has(name))
    .map((it) => {
      const { limit, growths } = it instanceof GrowingMap ? it : { limit: it.maxEntries, growths: 0 };
      return { map: it.name, entries: it.count(), maxEntries: it.maxEntries, limit, growths };
    });
}
