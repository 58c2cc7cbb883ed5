// Adds and changes frontends: in batches, and one by one where a batch is refused, so that one bad row holds back no other.

import { FairleadError, hasCode } from '../../base/errors.ts';
import { ADDRESS_FLAGS, FRONTEND_FLAGS } from '../../wire/bpf-maps.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';
import { hasSameEndpoints, type FrontendRow, type RowEndpoint } from './frontend-row.ts';
import { tableParts, type MaglevTables } from './maglev-tables.ts';
import { keyOfRow, rangeKeyOf, removeSets, setsOf, type AddressUse, type NamedSets } from './map-upkeep.ts';

/** Where rows are written and what is known of the place. */
export interface RowPlace {
  readonly maps: NodeMaps;
  readonly use: AddressUse;
  /** Rows by key as they were last seen. */
  readonly seen: ReadonlyMap<string, FrontendRow>;
  /** By key of a row that wants one. */
  readonly tables: MaglevTables;
}

type Frontend = NonNullable<ReturnType<NodeMaps['frontends']['lookup']>>;

/** A row with the value that names its sets, by numbers that were never given before. */
interface NumberedRow {
  readonly key: string;
  readonly row: FrontendRow;
  readonly value: Frontend;
  readonly table: Uint16Array | undefined;
  /** The sets of the value that it replaces. */
  readonly replaced: NamedSets | undefined;
}

/** Writes rows by key; gives the failures. What fails leaves the frontend as it was. */
export function writeRows(
  place: RowPlace,
  rows: ReadonlyMap<string, FrontendRow>,
): ReadonlyMap<string, unknown> {
  const failures = new Map<string, unknown>();
  if (rows.size === 0) return failures;
  const numbered = numberRows(place, rows);
  const obsolete: NamedSets[] = [];
  try {
    writeAll(place, numbered);
    for (const it of numbered) if (it.replaced !== undefined) obsolete.push(it.replaced);
  } catch {
    // The batch's own error says nothing of a row: each is tried again and keeps its own.
    for (const it of numbered) writeOne(place, it, { failures, obsolete });
  }
  removeSets(place.maps, obsolete);
  return failures;
}

interface Outcome {
  readonly failures: Map<string, unknown>;
  /** Sets that can go afterwards. */
  readonly obsolete: NamedSets[];
}

function writeOne(place: RowPlace, it: NumberedRow, outcome: Outcome): void {
  try {
    writeAll(place, [it]);
    if (it.replaced !== undefined) outcome.obsolete.push(it.replaced);
  } catch (error) {
    outcome.failures.set(it.key, failureOf(it.key, error));
    const { insideGeneration } = it.value;
    const isSwitched = place.maps.frontends.lookup(keyOfRow(it.row))?.insideGeneration === insideGeneration;
    const unused = isSwitched ? it.replaced : setsOf(it.value, it.row.sourceRanges);
    // At once: where a map is full, the next row needs the room.
    if (unused !== undefined) removeSets(place.maps, [unused]);
  }
}

function failureOf(key: string, error: unknown): unknown {
  if (!hasCode(error, 'exhausted')) return error;
  return new FairleadError('exhausted', `Cannot write frontend ${key}: ${error.message}`, { cause: error });
}

/** The order is the point: sets, then the frontend that names them, then the address that sends traffic there. */
function writeAll({ maps, use }: RowPlace, rows: readonly NumberedRow[]): void {
  // Key and value in one, for both of the maps.
  const placed = rows.flatMap(placedEndpoints).map((it) => [it, it] as const);
  maps.endpoints.updateAll(placed);
  maps.members.updateAll(placed);
  maps.maglevTables.updateAll(
    rows.flatMap(({ value, table }) =>
      table === undefined ? [] : tableParts(value.outsideGeneration, table),
    ),
  );
  maps.sourceRanges.updateAll(
    rows.flatMap(({ row, value: { rangeSet } }) =>
      (row.sourceRanges ?? []).map((cidr) => [rangeKeyOf(rangeSet, cidr), { rangeSet }] as const),
    ),
  );
  for (const { row } of rows) use.add(row);
  maps.frontends.updateAll(rows.map(({ row, value }) => [keyOfRow(row), value] as const));
  const flags = new Map(
    rows.map(({ row }) => [row.ip, row.isExclusiveAddress ? ADDRESS_FLAGS.exclusive : 0]),
  );
  maps.addresses.updateAll([...flags].map(([ip, value]) => [{ ip }, { flags: value }] as const));
}

interface PlacedEndpoint extends RowEndpoint {
  readonly generation: number;
  readonly slot: number;
}

function placedEndpoints({ row, value }: NumberedRow): readonly PlacedEndpoint[] {
  const place = (endpoints: readonly RowEndpoint[], generation: number): readonly PlacedEndpoint[] =>
    endpoints.map(({ ip, port }, slot) => ({ generation, slot, ip, port }));
  const inside = place(row.inside.endpoints, value.insideGeneration);
  const direct = place(row.direct ?? [], value.directGeneration);
  if (value.insideGeneration === value.outsideGeneration) return [...inside, ...direct];
  return [...inside, ...direct, ...place(row.outside.endpoints, value.outsideGeneration)];
}

/** A row's sets take up to this many numbers: three of endpoints, one of source ranges. */
const NUMBERS_PER_ROW = 4;

function numberRows(
  { maps, seen, tables }: RowPlace,
  rows: ReadonlyMap<string, FrontendRow>,
): readonly NumberedRow[] {
  const first = takeNumbers(maps, rows.size * NUMBERS_PER_ROW);
  return [...rows].map(([key, row], at) => {
    const known = maps.frontends.lookup(keyOfRow(row));
    const number = first + at * NUMBERS_PER_ROW;
    const table = tables.get(key);
    return {
      key,
      row,
      table,
      value: { ...frontendOf(row, number, known?.serviceId ?? number), outsideTableSize: table?.length ?? 0 },
      replaced: known === undefined ? undefined : setsOf(known, seen.get(key)?.sourceRanges),
    };
  });
}

function frontendOf(row: FrontendRow, number: number, serviceId: number): Omit<Frontend, 'outsideTableSize'> {
  const { inside, outside, direct, affinityTimeoutS } = row;
  return {
    serviceId,
    affinityTimeoutS,
    flags: flagsOf(row),
    rangeSet: row.sourceRanges === undefined ? 0 : number + 2,
    insideGeneration: number,
    insideCount: inside.endpoints.length,
    outsideGeneration: hasSameEndpoints(inside, outside) ? number : number + 1,
    outsideCount: outside.endpoints.length,
    directGeneration: direct === undefined ? 0 : number + 3,
    directCount: direct?.length ?? 0,
  };
}

function flagsOf({ inside, outside, direct, masqueradesOutside, admitsNode }: FrontendRow): number {
  return (
    (inside.whenEmpty === 'drop' ? FRONTEND_FLAGS.insideDrops : 0) |
    (outside.whenEmpty === 'drop' ? FRONTEND_FLAGS.outsideDrops : 0) |
    (masqueradesOutside ? FRONTEND_FLAGS.masqueradesOutside : 0) |
    (admitsNode ? 0 : FRONTEND_FLAGS.deniesNode) |
    (direct === undefined ? 0 : FRONTEND_FLAGS.directReturn)
  );
}

const LAST_NUMBER = 0xffffffff;

/** Takes `count` numbers that were never given before and are marked as given before they are used. */
function takeNumbers(maps: NodeMaps, count: number): number {
  const key = { index: 0 };
  const last = maps.allocator.lookup(key)?.lastNumber ?? 0;
  // At a thousand changes a second this comes after seven weeks of nothing else; a node's maps are made anew before.
  if (last + count > LAST_NUMBER)
    throw new FairleadError('exhausted', 'Cannot number endpoints: all generations of this node are used up');
  maps.allocator.update(key, { lastNumber: last + count });
  return last + 1;
}
