// How large maps are made. What the programs write (LRU) is there at once with all its memory: it is sized by the machine, once, when it is
// made, and keeps that size as long as its entries live. What user space writes grows (`growing-map.ts`).

import { bpfMapInfo } from '../../sys/bpf-map.ts';
import { closeFd, openPin } from '../../sys/bpf-pin.ts';
import { allBpfMaps, type AnyBpfMapSpec } from '../../wire/bpf-maps.ts';

/** Sized when it is made: its entries are the programs' own and cannot be carried to a map of another size while they run. */
export function isSizedOnce({ kind }: AnyBpfMapSpec): boolean {
  return kind === 'LRU_HASH';
}

/** A machine for which the sizes of the table are made. */
const TABLE_MEMORY_BYTES = 8 * 2 ** 30;
const LEAST_SHARE = 1 / 4;

/**
 * Entries of the maps that are sized once: the table's on a machine of 8 GiB or more, half of that on one of 4, a quarter on smaller ones.
 * `flowEntries` says it for the flows instead.
 */
export function sizesForMachine(
  memoryBytes: number,
  flowEntries: number | undefined,
): ReadonlyMap<string, number> {
  const share = 2 ** Math.round(Math.log2(memoryBytes / TABLE_MEMORY_BYTES));
  const sizeOf = ({ name, maxEntries }: AnyBpfMapSpec): number =>
    (name === 'flows' ? flowEntries : undefined) ?? maxEntries * Math.min(1, Math.max(LEAST_SHARE, share));
  return new Map(
    allBpfMaps()
      .filter(isSizedOnce)
      .map((it) => [it.name, sizeOf(it)]),
  );
}

/** What an object is loaded with: the sizes of the maps that are there, the `wanted` ones of those that are made now. */
export function sizesForLoad(
  pins: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const sizes = allBpfMaps()
    .filter(isSizedOnce)
    .map(({ name }) => [name, pinnedSize(pins.get(name) ?? '') ?? wanted.get(name)] as const);
  return new Map(sizes.flatMap(([name, size]) => (size === undefined ? [] : [[name, size] as const])));
}

function pinnedSize(path: string): number | undefined {
  const fd = openPin(path);
  if (fd === undefined) return undefined;
  try {
    return bpfMapInfo(fd).maxEntries;
  } finally {
    closeFd(fd);
  }
}
