// Moves frontends into the maps that the programs read. A change is seen whole or not at all: the new set of endpoints is written
// first, then the frontend is switched to it, then the old set goes.

import type { Target } from '../../reconcile/target.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';
import { endpointText, isSameRow, type FrontendRow } from './frontend-row.ts';
import {
  keyOfRow,
  removeEndpointSets,
  type EndpointSet,
  removeOrphans,
  removeUnusedAddresses,
} from './map-upkeep.ts';
import { observeRows } from './observe.ts';
import { writeRows } from './write-rows.ts';

/** The maps of a node as a target of rows by frontend key. Leftovers of a writer that was killed are removed at once. */
export function openServiceTarget(maps: NodeMaps): Target<FrontendRow> {
  removeOrphans(maps);
  return {
    name: 'service-ebpf',
    isIsolated: true,
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
