// Moves frontends into the maps that the programs read. A change is seen whole or not at all: the new set of endpoints is written
// first, then the frontend is switched to it, then the old set goes.

import { parsePort } from '../../base/port.ts';
import { frontendKey } from '../../model/network.ts';
import type { Target } from '../../reconcile/target.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';
import {
  endpointText,
  isSameRow,
  sortedEndpoints,
  type FrontendRow,
  type RowEndpoint,
} from './frontend-row.ts';
import {
  PROTOCOLS,
  keyOfRow,
  removeEndpointSets,
  type EndpointSet,
  removeOrphans,
  removeUnusedAddresses,
} from './map-upkeep.ts';
import { writeRows } from './write-rows.ts';

/** The maps of a node as a target of rows by frontend key. Leftovers of a writer that was killed are removed at once. */
export function openServiceTarget(maps: NodeMaps): Target<FrontendRow> {
  removeOrphans(maps);
  return {
    name: 'service-ebpf',
    observe: async () => observeRows(maps),
    isEqual: isSameRow,
    update: async (rows) => writeRows(maps, rows),
    delete: async (rows) => deleteRows(maps, rows),
    print: (verb, key, row) => [
      verb === 'delete' ? `delete frontend ${key}` : `replace frontend ${key} ${describeEndpoints(row)}`,
    ],
  };
}

function describeEndpoints({ endpoints }: FrontendRow): string {
  return endpoints.length === 0 ? 'refuse' : `to ${endpoints.map(endpointText).join(', ')}`;
}

function observeRows(maps: NodeMaps): ReadonlyMap<string, FrontendRow> {
  const endpoints = Map.groupBy(maps.endpoints.entries(), ([key]) => key.generation);
  const addresses = new Map(maps.addresses.entries().map(([key, value]) => [key.ip, value.flags]));
  const rows = new Map<string, FrontendRow>();
  for (const [key, value] of maps.frontends.entries()) {
    const protocol = PROTOCOLS.get(key.protocol);
    // Not ours: no writer of this project puts such a key there.
    if (protocol === undefined) continue;
    const found = (endpoints.get(value.generation) ?? []).map(([, it]): RowEndpoint => ({
      ip: it.ip,
      port: parsePort(it.port),
    }));
    const row: FrontendRow = {
      ip: key.ip,
      port: parsePort(key.port),
      protocol,
      endpoints: sortedEndpoints(found),
      affinityTimeoutS: value.affinityTimeoutS,
      isExclusiveAddress: addresses.get(key.ip) !== 0,
    };
    // A frontend whose address is not registered carries no traffic: it counts as missing and is written again.
    if (addresses.has(key.ip)) rows.set(frontendKey(row), row);
  }
  return rows;
}

function deleteRows(maps: NodeMaps, rows: ReadonlyMap<string, FrontendRow>): ReadonlyMap<string, unknown> {
  const failures = new Map<string, unknown>();
  const obsolete: EndpointSet[] = [];
  for (const [key, row] of rows) {
    try {
      const known = maps.frontends.lookup(keyOfRow(row));
      maps.frontends.delete(keyOfRow(row));
      if (known !== undefined) obsolete.push(known);
    } catch (error) {
      failures.set(key, error);
    }
  }
  removeEndpointSets(maps, obsolete);
  removeUnusedAddresses(maps);
  return failures;
}
