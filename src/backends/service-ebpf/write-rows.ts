// Adds and changes frontends: in batches, and one by one where a batch is refused, so that one bad row holds back no other.

import { FairleadError } from '../../base/errors.ts';
import { ADDRESS_FLAGS } from '../../wire/bpf-maps.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';
import type { FrontendRow } from './frontend-row.ts';
import { keyOfRow, removeEndpointSets, type EndpointSet } from './map-upkeep.ts';

/** A row with the numbers that it gets: `generation` is new, `serviceId` stays with the frontend. */
interface NumberedRow {
  readonly row: FrontendRow;
  readonly generation: number;
  readonly serviceId: number;
  /** The set of endpoints that it replaces. */
  readonly replaced: EndpointSet | undefined;
}

/** Writes rows by key; gives the failures. What fails leaves the frontend as it was. */
export function writeRows(
  maps: NodeMaps,
  rows: ReadonlyMap<string, FrontendRow>,
): ReadonlyMap<string, unknown> {
  const failures = new Map<string, unknown>();
  if (rows.size === 0) return failures;
  const numbered = numberRows(maps, [...rows.values()]);
  const keys = [...rows.keys()];
  const obsolete: EndpointSet[] = [];
  try {
    writeAll(maps, numbered);
    for (const it of numbered) if (it.replaced !== undefined) obsolete.push(it.replaced);
  } catch {
    // The batch's own error says nothing of a row: each is tried again and keeps its own.
    for (const [at, it] of numbered.entries())
      writeOne(maps, it, { key: keys[at] ?? '', failures, obsolete });
  }
  removeEndpointSets(maps, obsolete);
  return failures;
}

interface Outcome {
  readonly key: string;
  readonly failures: Map<string, unknown>;
  /** Sets of endpoints that can go afterwards. */
  readonly obsolete: EndpointSet[];
}

function writeOne(maps: NodeMaps, row: NumberedRow, outcome: Outcome): void {
  try {
    writeAll(maps, [row]);
    if (row.replaced !== undefined) outcome.obsolete.push(row.replaced);
  } catch (error) {
    outcome.failures.set(outcome.key, error);
    const { generation } = row;
    const isSwitched = maps.frontends.lookup(keyOfRow(row.row))?.generation === generation;
    const unused = isSwitched ? row.replaced : { generation, endpointCount: row.row.endpoints.length };
    if (unused !== undefined) outcome.obsolete.push(unused);
  }
}

/** The order is the point: endpoints, then the frontend that names them, then the address that sends traffic there. */
function writeAll(maps: NodeMaps, rows: readonly NumberedRow[]): void {
  const placed = rows.flatMap(({ row, generation }) =>
    row.endpoints.map((it, slot) => ({ ...it, slot, generation })),
  );
  maps.endpoints.updateAll(
    placed.map(
      ({ generation, slot, ip, port }) =>
        [
          { generation, slot },
          { ip, port },
        ] as const,
    ),
  );
  maps.members.updateAll(
    placed.map(({ generation, slot, ip, port }) => [{ generation, ip, port }, { slot }] as const),
  );
  maps.frontends.updateAll(rows.map((it) => [keyOfRow(it.row), frontendOf(it)] as const));
  const flags = new Map(
    rows.map(({ row }) => [row.ip, row.isExclusiveAddress ? ADDRESS_FLAGS.exclusive : 0]),
  );
  maps.addresses.updateAll([...flags].map(([ip, value]) => [{ ip }, { flags: value }] as const));
}

function frontendOf({
  row,
  generation,
  serviceId,
}: NumberedRow): Parameters<NodeMaps['frontends']['update']>[1] {
  const { affinityTimeoutS } = row;
  return { serviceId, generation, endpointCount: row.endpoints.length, affinityTimeoutS };
}

function numberRows(maps: NodeMaps, rows: readonly FrontendRow[]): readonly NumberedRow[] {
  const first = takeNumbers(maps, rows.length);
  return rows.map((row, at) => {
    const known = maps.frontends.lookup(keyOfRow(row));
    const generation = first + at;
    return { row, generation, serviceId: known?.serviceId ?? generation, replaced: known };
  });
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
