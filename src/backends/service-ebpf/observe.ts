// Reads frontends back from the maps: what packets meet now, whoever wrote it.

import { cidrOf, type Cidr } from '../../base/cidr.ts';
import { familyOf, type Ip } from '../../base/ip.ts';
import { parsePort } from '../../base/port.ts';
import { frontendKey } from '../../model/network.ts';
import { FRONTEND_FLAGS } from '../../wire/bpf-maps.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';
import { partCount, partsByGeneration } from './maglev-tables.ts';
import { sortedEndpoints, type FrontendRow, type RowChoice, type RowEndpoint } from './frontend-row.ts';
import { PROTOCOLS, RANGE_BITS } from './map-upkeep.ts';

/** Rows by frontend key, in the form that the rendering gives. */
export function observeRows(maps: NodeMaps): ReadonlyMap<string, FrontendRow> {
  const endpoints = wholeEndpoints(maps);
  const ranges = Map.groupBy(maps.sourceRanges.entries(), ([key]) => key.rangeSet);
  const parts = partsByGeneration(maps);
  const addresses = new Map(maps.addresses.entries().map(([key, value]) => [key.ip, value.flags]));
  const choiceOf = (generation: number, count: number, drops: boolean): RowChoice => {
    const found = (endpoints.get(generation) ?? []).filter(({ slot }) => slot < count);
    // A frontend that counts on more than there is differs from any that is wanted, and is written again.
    const isWhole = found.length === count;
    return { endpoints: isWhole ? sortedEndpoints(found) : [], whenEmpty: drops ? 'drop' : 'refuse' };
  };
  const rangesOf = (rangeSet: number): readonly Cidr[] =>
    (ranges.get(rangeSet) ?? [])
      .map(([{ ip, prefixBits }]) => cidrOf(ip, prefixBits - RANGE_BITS[familyOf(ip)]))
      .sort();
  const rows = new Map<string, FrontendRow>();
  for (const [key, value] of maps.frontends.entries()) {
    const protocol = PROTOCOLS.get(key.protocol);
    // Not ours: no writer of this project puts such a key there.
    if (protocol === undefined) continue;
    const has = (flag: number): boolean => (value.flags & flag) !== 0;
    const row: FrontendRow = {
      ip: key.ip,
      port: parsePort(key.port),
      protocol,
      inside: choiceOf(value.insideGeneration, value.insideCount, has(FRONTEND_FLAGS.insideDrops)),
      outside: choiceOf(value.outsideGeneration, value.outsideCount, has(FRONTEND_FLAGS.outsideDrops)),
      masqueradesOutside: has(FRONTEND_FLAGS.masqueradesOutside),
      sourceRanges: value.rangeSet === 0 ? undefined : rangesOf(value.rangeSet),
      admitsNode: !has(FRONTEND_FLAGS.deniesNode),
      isMaglev:
        value.outsideTableSize > 0 &&
        parts.get(value.outsideGeneration) === partCount(value.outsideTableSize),
      affinityTimeoutS: value.affinityTimeoutS,
      direct: has(FRONTEND_FLAGS.directReturn)
        ? choiceOf(value.directGeneration, value.directCount, false).endpoints
        : undefined,
      isExclusiveAddress: addresses.has(key.ip) ? addresses.get(key.ip) !== 0 : undefined,
    };
    rows.set(frontendKey(row), row);
  }
  return rows;
}

interface SetEndpoint extends RowEndpoint {
  readonly slot: number;
}

/** By the number of their set: endpoints that are members of it, as clients with affinity ask. Each has one entry as a member: only where numbers differ are those read. */
function wholeEndpoints(maps: NodeMaps): ReadonlyMap<number, readonly SetEndpoint[]> {
  const isMember = memberships(maps);
  const sets = new Map<number, SetEndpoint[]>();
  maps.endpoints.visit(({ generation, slot }, { ip, port }) => {
    if (!isMember(generation, ip, port)) return;
    const set = sets.get(generation) ?? [];
    if (set.length === 0) sets.set(generation, set);
    set.push({ ip, port: parsePort(port), slot });
  });
  return sets;
}

function memberships({
  members,
  endpoints,
}: NodeMaps): (generation: number, ip: Ip, port: number) => boolean {
  if (members.count() === endpoints.count()) return () => true;
  const known = new Set<string>();
  members.visit(({ generation, ip, port }) => known.add(`${generation} ${ip} ${port}`));
  return (generation, ip, port) => known.has(`${generation} ${ip} ${port}`);
}
