// What goes out of the Service maps: sets of endpoints and of source ranges that no frontend names, addresses without a frontend.

import { cidrBase, cidrFamily, cidrLength, type Cidr } from '../../base/cidr.ts';
import type { Ip } from '../../base/ip.ts';
import { PROTOCOL_NUMBERS } from '../../base/port.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';
import type { FrontendRow } from './frontend-row.ts';
import { partCount, partKeys, type MaglevKey } from './maglev-tables.ts';

/** Protocols of frontends by their number in the maps. */
export const PROTOCOLS: ReadonlyMap<number, FrontendRow['protocol']> = new Map([
  [PROTOCOL_NUMBERS.TCP, 'TCP'],
  [PROTOCOL_NUMBERS.UDP, 'UDP'],
  [PROTOCOL_NUMBERS.SCTP, 'SCTP'],
]);

/** Key of a row in the map of frontends. */
export function keyOfRow(row: FrontendRow): Parameters<NodeMaps['frontends']['lookup']>[0] {
  return { ip: row.ip, port: row.port, protocol: PROTOCOL_NUMBERS[row.protocol] };
}

type Frontend = NonNullable<ReturnType<NodeMaps['frontends']['lookup']>>;
type SourceRangeKey = Parameters<NodeMaps['sourceRanges']['lookup']>[0];

/** Bits of a key before those of the address itself, which IPv4 has 96 more of. */
export const RANGE_BITS: Readonly<Record<4 | 6, number>> = { 4: 32 + 96, 6: 32 };

export function rangeKeyOf(rangeSet: number, cidr: Cidr): SourceRangeKey {
  return { prefixBits: RANGE_BITS[cidrFamily(cidr)] + cidrLength(cidr), rangeSet, ip: cidrBase(cidr) };
}

/** What a frontend in the maps names: it can go when the frontend names others, or has gone. */
export interface NamedSets {
  readonly endpoints: readonly { readonly generation: number; readonly count: number }[];
  readonly tables: readonly MaglevKey[];
  readonly ranges: readonly SourceRangeKey[];
}

/** `ranges` are the source ranges as they were last seen: the kernel lists no single set of them. */
export function setsOf(frontend: Frontend, ranges: readonly Cidr[] | undefined): NamedSets {
  const { insideGeneration, insideCount, outsideGeneration, outsideCount } = frontend;
  const { rangeSet, outsideTableSize } = frontend;
  const inside = { generation: insideGeneration, count: insideCount };
  const outside = { generation: outsideGeneration, count: outsideCount };
  // None has no slots.
  const direct = { generation: frontend.directGeneration, count: frontend.directCount };
  return {
    endpoints: insideGeneration === outsideGeneration ? [inside, direct] : [inside, outside, direct],
    tables: partKeys(outsideGeneration, outsideTableSize),
    ranges: (ranges ?? []).map((cidr) => rangeKeyOf(rangeSet, cidr)),
  };
}

/** Removes sets; no frontend may name them any more. */
export function removeSets(maps: NodeMaps, sets: readonly NamedSets[]): void {
  const slots = sets
    .flatMap((it) => it.endpoints)
    .flatMap(({ generation, count }) => Array.from({ length: count }, (_, slot) => ({ generation, slot })));
  const members = slots.flatMap((key) => {
    const endpoint = maps.endpoints.lookup(key);
    return endpoint === undefined ? [] : [{ generation: key.generation, ...endpoint }];
  });
  maps.members.deleteAll(members);
  maps.endpoints.deleteAll(slots);
  maps.maglevTables.deleteAll(sets.flatMap((it) => it.tables));
  maps.sourceRanges.deleteAll(sets.flatMap((it) => it.ranges));
}

/**
 * Removes what a writer left that was killed or refused between its steps: frontends of no address (they would serve again with the next one
 * that has the address), sets that no frontend names, addresses without one.
 */
export function removeOrphans(maps: NodeMaps): void {
  const known = new Set(maps.addresses.entries().map(([key]) => key.ip));
  const [unreachable, frontends] = partition(maps.frontends.entries(), ([key]) => !known.has(key.ip));
  maps.frontends.deleteAll(unreachable.map(keyOf));
  const generations = new Set(
    frontends.flatMap(([, it]) => [it.insideGeneration, it.outsideGeneration, it.directGeneration]),
  );
  const tables = new Map(frontends.map(([, it]) => [it.outsideGeneration, partCount(it.outsideTableSize)]));
  const rangeSets = new Set(frontends.map(([, it]) => it.rangeSet));
  const ips = new Set(frontends.map(([key]) => key.ip));
  const isOrphan = ({ generation }: { readonly generation: number }): boolean => !generations.has(generation);
  maps.endpoints.deleteAll(maps.endpoints.entries().map(keyOf).filter(isOrphan));
  maps.members.deleteAll(maps.members.entries().map(keyOf).filter(isOrphan));
  maps.maglevTables.deleteAll(
    maps.maglevTables
      .entries()
      .map(keyOf)
      .filter(({ generation, part }) => part >= (tables.get(generation) ?? 0)),
  );
  maps.sourceRanges.deleteAll(
    maps.sourceRanges
      .entries()
      .map(keyOf)
      .filter((key) => !rangeSets.has(key.rangeSet)),
  );
  maps.addresses.deleteAll(
    maps.addresses
      .entries()
      .map(keyOf)
      .filter((key) => !ips.has(key.ip)),
  );
}

/** Whether the maps hold what the frontends name: as many endpoints, members, addresses and parts of tables, and no other source ranges. */
export function hasNamedSizes(maps: NodeMaps): boolean {
  const counts = new Map<number, number>();
  const ips = new Set<Ip>();
  let parts = 0;
  const rangeSets = new Set<number>();
  for (const [{ ip }, it] of maps.frontends.entries()) {
    ips.add(ip);
    rangeSets.add(it.rangeSet);
    parts += partCount(it.outsideTableSize);
    counts.set(it.insideGeneration, it.insideCount).set(it.outsideGeneration, it.outsideCount);
    counts.set(it.directGeneration, it.directCount);
  }
  const named = counts.values().reduce((sum, count) => sum + count, 0);
  const counted = [maps.endpoints, maps.members, maps.addresses, maps.maglevTables];
  const isSame = counted.map((it) => it.count()).join() === [named, named, ips.size, parts].join();
  return isSame && maps.sourceRanges.entries().every(([key]) => rangeSets.has(key.rangeSet));
}

function partition<T>(all: readonly T[], isFirst: (it: T) => boolean): readonly [T[], T[]] {
  return [all.filter(isFirst), all.filter((it) => !isFirst(it))];
}

function keyOf<K>([key]: readonly [K, unknown]): K {
  return key;
}

/**
 * Which frontends each address has, so that the last one takes its address along without a look at all the others. Read from the maps at
 * the start and at every observation, and corrected by what is written between.
 */
export class AddressUse {
  readonly #keysOf = new Map<Ip, Set<string>>();

  read(maps: NodeMaps): void {
    this.#keysOf.clear();
    for (const [{ ip, port, protocol }] of maps.frontends.entries()) this.#add(ip, `${port}/${protocol}`);
  }

  add(row: FrontendRow): void {
    this.#add(row.ip, useKeyOf(row));
  }

  /** True when no frontend has the address any more. */
  remove(row: FrontendRow): boolean {
    const keys = this.#keysOf.get(row.ip);
    keys?.delete(useKeyOf(row));
    if (keys?.size === 0) this.#keysOf.delete(row.ip);
    return !this.#keysOf.has(row.ip);
  }

  #add(ip: Ip, key: string): void {
    const keys = this.#keysOf.get(ip);
    if (keys === undefined) this.#keysOf.set(ip, new Set([key]));
    else keys.add(key);
  }
}

function useKeyOf({ port, protocol }: FrontendRow): string {
  return `${port}/${PROTOCOL_NUMBERS[protocol]}`;
}
