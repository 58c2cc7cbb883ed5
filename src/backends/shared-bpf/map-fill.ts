// How full the maps are that nothing makes room in: what does not fit any more is refused.

import type { BpfMap } from '../../sys/bpf-map.ts';
import { BPF_MAPS } from '../../wire/bpf-maps.ts';

/** Entries of one map and the room that it has. */
export interface MapFill {
  readonly map: string;
  readonly entries: number;
  readonly maxEntries: number;
}

const CROWDED_SHARE = 0.8;

/** Fuller than 80 percent: time to think of a larger map. */
export function isCrowded({ entries, maxEntries }: MapFill): boolean {
  return entries > maxEntries * CROWDED_SHARE;
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
    .map((it) => ({ map: it.name, entries: it.count(), maxEntries: it.maxEntries }));
}
