// Reads frontends back from the maps: what packets meet now, whoever wrote it.

import { parsePort } from '../../base/port.ts';
import { frontendKey } from '../../model/network.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';
import { sortedEndpoints, type FrontendRow, type RowEndpoint } from './frontend-row.ts';
import { PROTOCOLS } from './map-upkeep.ts';

/** Rows by frontend key, in the form that `renderFrontends` gives. */
export function observeRows(maps: NodeMaps): ReadonlyMap<string, FrontendRow> {
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
