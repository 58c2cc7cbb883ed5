// What goes out of the Service maps: sets of endpoints that no frontend names, addresses without a frontend.

import { PROTOCOL_NUMBERS } from '../../base/port.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';
import type { FrontendRow } from './frontend-row.ts';

/** Protocols of frontends by their number in the maps. */
export const PROTOCOLS: ReadonlyMap<number, FrontendRow['protocol']> = new Map([
  [PROTOCOL_NUMBERS.TCP, 'TCP'],
  [PROTOCOL_NUMBERS.UDP, 'UDP'],
]);

/** Key of a row in the map of frontends. */
export function keyOfRow(row: FrontendRow): Parameters<NodeMaps['frontends']['lookup']>[0] {
  return { ip: row.ip, port: row.port, protocol: PROTOCOL_NUMBERS[row.protocol] };
}

/** A generation of endpoints by its number and its count of slots. */
export interface EndpointSet {
  readonly generation: number;
  readonly endpointCount: number;
}

/** Removes sets of endpoints; no frontend may name them any more. */
export function removeEndpointSets(maps: NodeMaps, sets: readonly EndpointSet[]): void {
  for (const { generation, endpointCount } of sets) {
    for (let slot = 0; slot < endpointCount; slot++) {
      const endpoint = maps.endpoints.lookup({ generation, slot });
      if (endpoint !== undefined) maps.members.delete({ generation, ...endpoint });
      maps.endpoints.delete({ generation, slot });
    }
  }
}

/** Removes what a writer left that was killed between its steps: endpoints that no frontend names, addresses without one. */
export function removeOrphans(maps: NodeMaps): void {
  const used = new Set(maps.frontends.entries().map(([, value]) => value.generation));
  const isOrphan = ([key]: readonly [{ readonly generation: number }, unknown]): boolean =>
    !used.has(key.generation);
  maps.endpoints.deleteAll(maps.endpoints.entries().filter(isOrphan).map(keyOf));
  maps.members.deleteAll(maps.members.entries().filter(isOrphan).map(keyOf));
  removeUnusedAddresses(maps);
}

/** Removes addresses that no frontend has. */
export function removeUnusedAddresses(maps: NodeMaps): void {
  const used = new Set(maps.frontends.entries().map(([key]) => key.ip));
  maps.addresses.deleteAll(
    maps.addresses
      .entries()
      .map(keyOf)
      .filter((key) => !used.has(key.ip)),
  );
}

function keyOf<K>([key]: readonly [K, unknown]): K {
  return key;
}
