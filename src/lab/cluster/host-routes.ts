// Looks for clashes between a cluster's ranges and what the host already reaches.

import { cidrsOverlap, cidrLength, type Cidr } from '../../base/cidr.ts';
import { FairleadError } from '../../base/errors.ts';
import type { Netlink, Route } from '../../sys/netlink-types.ts';
import { CLUSTER_COUNT, fabricCidrsOf } from './cluster-config.ts';

/** Routes of the host that name a destination of their own; default routes and those of `ownLink` are no clash. */
export async function hostRoutes(netlink: Netlink, ownLink: string): Promise<readonly Route[]> {
  const routes = await netlink.routes({ table: 254 });
  return routes.filter((route) => cidrLength(route.destination) > 0 && route.link !== ownLink);
}

/** The first cluster index whose fabric ranges are free on this host; `taken` are indexes of clusters that exist. */
export function chooseIndex(routes: readonly Route[], taken: ReadonlySet<number>): number {
  for (let index = 0; index < CLUSTER_COUNT; index++) {
    if (!taken.has(index) && fabricCidrsOf(index).every((cidr) => clashOf(cidr, routes) === undefined))
      return index;
  }
  const clash = fabricCidrsOf(0)
    .map((cidr) => clashOf(cidr, routes))
    .find((route) => route !== undefined);
  const because =
    clash === undefined
      ? `${CLUSTER_COUNT} clusters exist`
      : `the host routes ${clash.destination} by ${clash.link ?? 'a gateway'}`;
  throw new FairleadError(
    'exhausted',
    `Cannot find a free range for the cluster link in 10.89.0.0/16: ${because}`,
  );
}

/** Throws where a range of the cluster overlaps a destination that the host reaches already: names both. */
export function refuseClashes(what: string, cidrs: readonly Cidr[], routes: readonly Route[]): void {
  for (const cidr of cidrs) {
    const clash = clashOf(cidr, routes);
    if (clash === undefined) continue;
    throw new FairleadError(
      'conflict',
      `Cannot use ${cidr} for ${what}: the host routes ${clash.destination}${clash.link === undefined ? '' : ` by "${clash.link}"`}; choose another with --${what}-cidr`,
    );
  }
}

function clashOf(cidr: Cidr, routes: readonly Route[]): Route | undefined {
  return routes.find((route) => cidrsOverlap(cidr, route.destination));
}
