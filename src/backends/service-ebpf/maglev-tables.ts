// Tables of consistent hashing for the rows that ask: built in slices, so that the agent's loop goes on meanwhile, and cut into the parts that the map holds.

import { setImmediate } from 'node:timers/promises';
import { fillMaglev } from '../../base/maglev.ts';
import { MAGLEV_PART_SLOTS } from '../../wire/bpf-maps.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';
import { endpointText, type FrontendRow } from './frontend-row.ts';

/** Slots of the outside endpoints by key of the row. */
export type MaglevTables = ReadonlyMap<string, Uint16Array>;

export type MaglevKey = Parameters<NodeMaps['maglevTables']['lookup']>[0];
type MaglevPart = NonNullable<ReturnType<NodeMaps['maglevTables']['lookup']>>;

/** Rows with the same endpoints share the work. Others have the loop between slices of a fraction of a millisecond. */
export async function buildTables(
  rows: ReadonlyMap<string, FrontendRow>,
  signal: AbortSignal,
): Promise<MaglevTables> {
  const known = new Map<string, Uint16Array>();
  const tables = new Map<string, Uint16Array>();
  for (const [key, { outside, protocol }] of rows) {
    // Sorted, without duplicates, and the same on every node: what a row's endpoints are anyway.
    const names = outside.endpoints.map((it) => `${endpointText(it)} ${protocol}`);
    const table = known.get(names.join()) ?? (await buildTable(names, signal));
    known.set(names.join(), table);
    tables.set(key, table);
  }
  return tables;
}

async function buildTable(names: readonly string[], signal: AbortSignal): Promise<Uint16Array> {
  const filling = fillMaglev(names);
  for (;;) {
    const { done, value } = filling.next();
    // After small ones, too: there may be thousands of them.
    await setImmediate(undefined, { signal });
    if (done === true) return value;
  }
}

export function partCount(tableSize: number): number {
  return Math.ceil(tableSize / MAGLEV_PART_SLOTS);
}

export function partKeys(generation: number, tableSize: number): readonly MaglevKey[] {
  return Array.from({ length: partCount(tableSize) }, (_, part) => ({ generation, part }));
}

/** The last part is filled up with what no hash leads to. */
export function tableParts(
  generation: number,
  table: Uint16Array,
): readonly (readonly [MaglevKey, MaglevPart])[] {
  return partKeys(generation, table.length).map((key) => {
    const slots = new Uint16Array(MAGLEV_PART_SLOTS);
    slots.set(table.subarray(key.part * MAGLEV_PART_SLOTS, (key.part + 1) * MAGLEV_PART_SLOTS));
    return [key, { slots }];
  });
}

/** How many parts each generation has in the maps: a table without one of them is none. */
export function partsByGeneration(maps: NodeMaps): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const [{ generation }] of maps.maglevTables.entries())
    counts.set(generation, (counts.get(generation) ?? 0) + 1);
  return counts;
}
