// Looks for clashes between a cluster's ranges and what the host already reaches.

import { cidrsOverlap, cidrLength, type Cidr } from '../../base/cidr.ts';
import { FairleadError } from '../../base/errors.ts';
import type { Netlink, Route } from '../../sys/netlink-types.ts';
import { apiPortOf, CLUSTER_COUNT, fabricCidrsOf, loadBalancerCidrsOf } from './cluster-config.ts';

/** Routes of the host that name a destination of their own; default routes and those of `ownLink` are no clash. */
export async function hostRoutes(netlink: Netlink, ownLink: string): Promise<readonly Route[]> {
  const routes = await netlink.routes({ table: 254 });
  return routes.filter((route) => cidrLength(route.destination) > 0 && route.link !== ownLink);
}

export interface IndexChoice {
  readonly routes: readonly Route[];
  /** Indexes of clusters that exist. */
  readonly taken: ReadonlySet<number>;
  /** Prefixes that the fabric must not overlap: the cluster's own pods and Services. */
  readonly own?: readonly Cidr[];
  /** Whether load balancers' addresses come from the index's own range, too; true by default. */
  readonly hasOwnBalancers?: boolean;
  /** False where somebody else has the index's API port. */
  readonly isPortFree?: (index: number) => Promise<boolean>;
}

/** The first cluster index whose fabric ranges and API port are free on this host. */
export async function chooseIndex(choice: IndexChoice): Promise<number> {
  const { routes, taken, own = [], hasOwnBalancers = true, isPortFree } = choice;
  const because: string[] = [];
  for (let index = 0; index < CLUSTER_COUNT; index++) {
    if (taken.has(index)) continue;
    const cidrs = [...fabricCidrsOf(index), ...(hasOwnBalancers ? loadBalancerCidrsOf(index) : [])];
    const [obstacle] = cidrs.flatMap((cidr) => obstaclesOf(cidr, { routes, own }));
    if (obstacle !== undefined) because.push(obstacle);
    else if ((await isPortFree?.(index)) === false) because.push(`port ${apiPortOf(index)} is taken`);
    else return index;
  }
  throw new FairleadError(
    'exhausted',
    `Cannot find a free range in 10.89.0.0/16 and fd00:10:89::/48 for the cluster link, in 10.90.0.0/16 and fd00:10:90::/48 for load balancers: ${because[0] ?? `${CLUSTER_COUNT} clusters exist`}`,
  );
}

function obstaclesOf(
  cidr: Cidr,
  { routes, own }: { readonly routes: readonly Route[]; readonly own: readonly Cidr[] },
): readonly string[] {
  const clash = clashOf(cidr, routes);
  const overlap = own.find((it) => cidrsOverlap(it, cidr));
  return [
    ...(clash === undefined ? [] : [`the host routes ${clash.destination} by ${clash.link ?? 'a gateway'}`]),
    ...(overlap === undefined ? [] : [`${overlap} is asked for as another prefix of the cluster`]),
  ];
}

const USERS = { pod: 'pods', service: 'Services', 'load-balancer': 'load balancers' } as const;

/** Throws where a range of the cluster overlaps a destination that the host reaches already: names both. */
export function refuseClashes(
  what: 'pod' | 'service' | 'load-balancer',
  cidrs: readonly Cidr[],
  routes: readonly Route[],
): void {
  for (const cidr of cidrs) {
    const clash = clashOf(cidr, routes);
    if (clash === undefined) continue;
    throw new FairleadError(
      'conflict',
      `Cannot use ${cidr} for ${USERS[what]}: the host routes ${clash.destination}${clash.link === undefined ? '' : ` by "${clash.link}"`}; choose another with --${what}-cidr PREFIX`,
    );
  }
}

function clashOf(cidr: Cidr, routes: readonly Route[]): Route | undefined {
  return routes.find((route) => cidrsOverlap(cidr, route.destination));
}
