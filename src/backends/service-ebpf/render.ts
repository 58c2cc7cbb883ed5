// Pure: the view of a node to the rows of its Service maps.

import { cidrHasIp } from '../../base/cidr.ts';
import { familyOf, type Ip } from '../../base/ip.ts';
import type { Frontend, ServiceView } from '../../model/network.ts';
import { sortedEndpoints, type FrontendRow } from './frontend-row.ts';

/**
 * Rows by frontend key. `node-local` frontends have none, so that their traffic reaches the node untouched; SCTP has none, either:
 * the programs know TCP and UDP.
 */
export function renderFrontends(view: ServiceView): ReadonlyMap<string, FrontendRow> {
  const shared = addressesOfTheNode(view);
  const rows = new Map<string, FrontendRow>();
  for (const [key, frontend] of view.frontends) {
    if (frontend.kind === 'node-local' || frontend.protocol === 'SCTP') continue;
    const isClusterIp = view.cluster.serviceCidrs.some((cidr) => cidrHasIp(cidr, frontend.ip));
    rows.set(key, renderRow(frontend, frontend.protocol, isClusterIp && !shared.has(frontend.ip)));
  }
  return rows;
}

function renderRow(frontend: Frontend, protocol: 'TCP' | 'UDP', isExclusiveAddress: boolean): FrontendRow {
  const family = familyOf(frontend.ip);
  return {
    ip: frontend.ip,
    port: frontend.port,
    protocol,
    endpoints: sortedEndpoints(frontend.inside.endpoints.filter((it) => familyOf(it.ip) === family)),
    affinityTimeoutS: frontend.affinityTimeoutS ?? 0,
    isExclusiveAddress,
  };
}

/** Addresses on which the node itself listens or a protocol of no program is served: their other ports are not ours to refuse. */
function addressesOfTheNode(view: ServiceView): ReadonlySet<Ip> {
  const frontends = [...view.frontends.values()];
  return new Set(
    frontends.filter((it) => it.kind === 'node-local' || it.protocol === 'SCTP').map((it) => it.ip),
  );
}
