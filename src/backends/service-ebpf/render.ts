// Pure: a frontend to the row of its maps.

import { cidrFamily, cidrHasIp, type Cidr } from '../../base/cidr.ts';
import { familyOf, type Ip } from '../../base/ip.ts';
import { MAGLEV_NAMES_MAX } from '../../base/maglev.ts';
import type { EndpointChoice, Frontend, ServiceView } from '../../model/network.ts';
import type { ContextBefore, FrontendRendering } from '../shared-node/service-backend.ts';
import { sortedEndpoints, type FrontendRow, type RowChoice } from './frontend-row.ts';

/** What each row depends on beside its frontend. */
export interface RowContext {
  readonly serviceCidrs: readonly Cidr[];
  /** The frontends that have no row, and their addresses. */
  readonly sharedBy: ReadonlyMap<string, Ip>;
  /** Those addresses once: there the node itself listens: their other ports are not ours to refuse. */
  readonly sharedIps: readonly Ip[];
  /** What the node's own processes count as where a frontend has source ranges. */
  readonly nodeIps: readonly Ip[];
}

/** `node-local` frontends have no row, so that their traffic reaches the node untouched. */
export const EBPF_RENDERING: FrontendRendering<FrontendRow, RowContext> = { contextOf, renderFrontend };

function contextOf(view: ServiceView, since?: ContextBefore<RowContext>): RowContext {
  const sharedBy =
    since !== undefined && hasSameSharers(view, since) ? since.context.sharedBy : sharersOf(view);
  return {
    serviceCidrs: view.cluster.serviceCidrs,
    sharedBy,
    sharedIps: [...new Set(sharedBy.values())].sort(),
    nodeIps: view.node.addresses,
  };
}

function hasSameSharers(
  { frontends }: ServiceView,
  { context, changedFrontends }: ContextBefore<RowContext>,
): boolean {
  for (const key of changedFrontends) {
    const frontend = frontends.get(key);
    if (context.sharedBy.has(key) || (frontend !== undefined && !hasRow(frontend))) return false;
  }
  return true;
}

function sharersOf({ frontends }: ServiceView): ReadonlyMap<string, Ip> {
  const sharers = new Map<string, Ip>();
  for (const [key, frontend] of frontends) if (!hasRow(frontend)) sharers.set(key, frontend.ip);
  return sharers;
}

function hasRow(frontend: Frontend): boolean {
  return frontend.kind !== 'node-local';
}

function renderFrontend(frontend: Frontend, context: RowContext): FrontendRow | undefined {
  if (!hasRow(frontend)) return undefined;
  const { ip, port, protocol } = frontend;
  const isClusterIp = context.serviceCidrs.some((cidr) => cidrHasIp(cidr, ip));
  const inside = renderChoice(frontend.inside, ip);
  const outside = frontend.outside === frontend.inside ? inside : renderChoice(frontend.outside, ip);
  const sourceRanges = renderRanges(frontend.sourceRanges, ip);
  return {
    ip,
    port,
    protocol,
    inside,
    outside,
    masqueradesOutside: frontend.masqueradesOutside,
    sourceRanges,
    admitsNode: sourceRanges?.some((cidr) => context.nodeIps.some((it) => cidrHasIp(cidr, it))) ?? true,
    isMaglev: frontend.options.isMaglev && canHash(outside),
    affinityTimeoutS: frontend.affinityTimeoutS ?? 0,
    direct: frontend.direct && renderChoice(frontend.direct, ip).endpoints,
    isExclusiveAddress: isClusterIp && !context.sharedIps.includes(ip),
  };
}

/** One endpoint needs no table, and more than a table can name are spread by chance. */
function canHash({ endpoints }: RowChoice): boolean {
  return endpoints.length > 1 && endpoints.length <= MAGLEV_NAMES_MAX;
}

function renderChoice({ endpoints, whenEmpty }: EndpointChoice, ip: Ip): RowChoice {
  const family = familyOf(ip);
  return { endpoints: sortedEndpoints(endpoints.filter((it) => familyOf(it.ip) === family)), whenEmpty };
}

function renderRanges(ranges: Frontend['sourceRanges'], ip: Ip): FrontendRow['sourceRanges'] {
  if (ranges === undefined) return undefined;
  return [...new Set(ranges.filter((cidr) => cidrFamily(cidr) === familyOf(ip)))].sort();
}
