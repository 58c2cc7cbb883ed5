// Pure: a frontend to the row of its maps.

import { cidrFamily, cidrHasIp, type Cidr } from '../../base/cidr.ts';
import { familyOf, type Ip } from '../../base/ip.ts';
import type { EndpointChoice, Frontend, ServiceView } from '../../model/network.ts';
import type { FrontendRendering } from '../shared-node/service-backend.ts';
import { sortedEndpoints, type FrontendRow, type RowChoice } from './frontend-row.ts';

/** What each row depends on beside its frontend. */
export interface RowContext {
  readonly serviceCidrs: readonly Cidr[];
  /** Addresses on which the node itself listens or a protocol of no program is served: their other ports are not ours to refuse. */
  readonly sharedIps: readonly Ip[];
  /** What the node's own processes count as where a frontend has source ranges. */
  readonly nodeIps: readonly Ip[];
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
  return {
    serviceCidrs: view.cluster.serviceCidrs,
    sharedIps: [...sharedIps].sort(),
    nodeIps: view.node.addresses,
  };
}

function renderFrontend(frontend: Frontend, context: RowContext): FrontendRow | undefined {
  const { kind, ip, port, protocol } = frontend;
  if (kind === 'node-local' || protocol === 'SCTP') return undefined;
  const isClusterIp = context.serviceCidrs.some((cidr) => cidrHasIp(cidr, ip));
  const inside = renderChoice(frontend.inside, ip);
  const sourceRanges = renderRanges(frontend.sourceRanges, ip);
  return {
    ip,
    port,
    protocol,
    inside,
    outside: frontend.outside === frontend.inside ? inside : renderChoice(frontend.outside, ip),
    masqueradesOutside: frontend.masqueradesOutside,
    sourceRanges,
    admitsNode: sourceRanges?.some((cidr) => context.nodeIps.some((it) => cidrHasIp(cidr, it))) ?? true,
    affinityTimeoutS: frontend.affinityTimeoutS ?? 0,
    isExclusiveAddress: isClusterIp && !context.sharedIps.includes(ip),
  };
}

function renderChoice({ endpoints, whenEmpty }: EndpointChoice, ip: Ip): RowChoice {
  const family = familyOf(ip);
  return { endpoints: sortedEndpoints(endpoints.filter((it) => familyOf(it.ip) === family)), whenEmpty };
}

function renderRanges(ranges: Frontend['sourceRanges'], ip: Ip): FrontendRow['sourceRanges'] {
  if (ranges === undefined) return undefined;
  return [...new Set(ranges.filter((cidr) => cidrFamily(cidr) === familyOf(ip)))].sort();
}
