// Pure: a frontend to the row of its maps.

import { cidrHasIp, type Cidr } from '../../base/cidr.ts';
import { familyOf, type Ip } from '../../base/ip.ts';
import type { Frontend, ServiceView } from '../../model/network.ts';
import type { FrontendRendering } from '../shared-node/service-backend.ts';
import { sortedEndpoints, type FrontendRow } from './frontend-row.ts';

/** What each row depends on beside its frontend. */
export interface RowContext {
  readonly serviceCidrs: readonly Cidr[];
  /** Addresses on which the node itself listens or a protocol of no program is served: their other ports are not ours to refuse. */
  readonly sharedIps: readonly Ip[];
}

/**
 * `node-local` frontends have no row, so that their traffic reaches the node untouched; SCTP has none, either: the programs know TCP
 * and UDP.
 */
export const EBPF_RENDERING: FrontendRendering<FrontendRow, RowContext> = { contextOf, renderFrontend };

function contextOf(view: ServiceView): RowContext {
  const sharedIps = new Set<Ip>();
  for (const { kind, protocol, ip } of view.frontends.values())
    if (kind === 'node-local' || protocol === 'SCTP') sharedIps.add(ip);
  return { serviceCidrs: view.cluster.serviceCidrs, sharedIps: [...sharedIps].sort() };
}

function renderFrontend(
  frontend: Frontend,
  { serviceCidrs, sharedIps }: RowContext,
): FrontendRow | undefined {
  const { kind, ip, port, protocol, inside } = frontend;
  if (kind === 'node-local' || protocol === 'SCTP') return undefined;
  const family = familyOf(ip);
  const isClusterIp = serviceCidrs.some((cidr) => cidrHasIp(cidr, ip));
  return {
    ip,
    port,
    protocol,
    endpoints: sortedEndpoints(inside.endpoints.filter((it) => familyOf(it.ip) === family)),
    affinityTimeoutS: frontend.affinityTimeoutS ?? 0,
    isExclusiveAddress: isClusterIp && !sharedIps.includes(ip),
  };
}
