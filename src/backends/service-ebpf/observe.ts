// Reads frontends back from the maps: what packets meet now, whoever wrote it.

import { cidrOf, type Cidr } from '../../base/cidr.ts';
import { familyOf } from '../../base/ip.ts';
import { parsePort } from '../../base/port.ts';
import { frontendKey } from '../../model/network.ts';
import { FRONTEND_FLAGS } from '../../wire/bpf-maps.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';
import { partCount, partsByGeneration } from './maglev-tables.ts';
import { sortedEndpoints, type FrontendRow, type RowChoice, type RowEndpoint } from './frontend-row.ts';
import { PROTOCOLS, RANGE_BITS } from './map-upkeep.ts';

/** Rows by frontend key, in the form that the rendering gives. */
export function observeRows(maps: NodeMaps): ReadonlyMap<string, FrontendRow> {
  const endpoints = Map.groupBy(wholeEndpoints(maps), ([key]) => key.generation);
  const ranges = Map.groupBy(maps.sourceRanges.entries(), ([key]) => key.rangeSet);
  const parts = partsByGeneration(maps);
  const addresses = new Map(maps.addresses.entries().map(([key, value]) => [key.ip, value.flags]));
  const choiceOf = (generation: number, count: number, drops: boolean): RowChoice => {
    const found = (endpoints.get(generation) ?? [])
      .filter(([{ slot }]) => slot < count)
      .map(([, it]): RowEndpoint => ({ ip: it.ip, port: parsePort(it.port) }));
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

type EndpointEntry = ReturnType<NodeMaps['endpoints']['entries']>[number];

/** Endpoints that are members of their set, as clients with affinity ask. Each has one entry as a member: only where numbers differ are those read. */
function wholeEndpoints(maps: NodeMaps): readonly EndpointEntry[] {
  const endpoints = maps.endpoints.entries();
  if (maps.members.count() === endpoints.length) return endpoints;
  const textOf = (generation: number, { ip, port }: { readonly ip: string; readonly port: number }): string =>
    `${generation} ${ip} ${port}`;
  const members = new Set(maps.members.entries().map(([it]) => textOf(it.generation, it)));
  return endpoints.filter(([{ generation }, it]) => members.has(textOf(generation, it)));
}
