// Decides what a cluster is to be: from the flags and the machine for a new one, from its settings for one that exists.

import { createServer } from 'node:net';
import { existsSync, readdirSync } from 'node:fs';
import type { Cidr } from '../../base/cidr.ts';
import { FairleadError } from '../../base/errors.ts';
import type { PathRoots } from '../../base/paths.ts';
import type { IptablesFlavour } from '../../sys/iptables.ts';
import { openNetlink } from '../../sys/netlink.ts';
import {
  checkBalancerCidrs,
  checkCidrs,
  completeCidrs,
  readPrefixes,
  DEFAULT_POD_CIDRS,
  DEFAULT_SERVICE_CIDRS,
  type CidrPair,
} from './cluster-cidrs.ts';
import {
  apiPortOf,
  hostLinkOf,
  makeClusterConfig,
  readClusterConfig,
  type ClusterConfig,
} from './cluster-config.ts';
import { chooseIndex, hostRoutes, refuseClashes } from './host-routes.ts';

/** What the caller asks for; undefined is "as it stands", or the default for a new cluster. */
export interface ClusterWish {
  readonly name: string;
  readonly nodeCount: number | undefined;
  readonly network: 'vxlan' | undefined;
  readonly podCidrs: readonly string[] | undefined;
  readonly serviceCidrs: readonly string[] | undefined;
  readonly loadBalancerCidrs?: readonly string[] | undefined;
  readonly nodePortAddresses?: readonly string[] | undefined;
  readonly allowsExternalIps?: boolean | undefined;
  readonly hasNodeLocalDns?: boolean | undefined;
  readonly iptablesFlavour?: IptablesFlavour | undefined;
}

/** Nodes of a cluster where nobody says how many. */
const DEFAULT_NODES = 3;
const MAX_NODES = 32;

/** What a wish comes to before the machine is asked. */
interface Settings {
  readonly nodeCount: number;
  readonly network: 'vxlan';
  readonly podCidrs: CidrPair;
  readonly serviceCidrs: CidrPair;
  /** Undefined for a range of the cluster's own. */
  readonly loadBalancerCidrs: readonly Cidr[] | undefined;
  readonly nodePortAddresses: readonly Cidr[];
  readonly allowsExternalIps: boolean;
  readonly hasNodeLocalDns: boolean;
  readonly iptablesFlavour: IptablesFlavour | undefined;
}

/** Throws `invalid` where what is asked for cannot be, on any machine. */
export function checkWish(wish: ClusterWish): Settings {
  const nodeCount = wish.nodeCount ?? DEFAULT_NODES;
  if (nodeCount < 1 || nodeCount > MAX_NODES)
    throw new FairleadError(
      'invalid',
      `Cannot raise ${nodeCount} nodes: 1 to ${MAX_NODES} on one machine (--nodes)`,
    );
  const podCidrs = completeCidrs('--pod-cidr', wish.podCidrs, DEFAULT_POD_CIDRS);
  const serviceCidrs = completeCidrs('--service-cidr', wish.serviceCidrs, DEFAULT_SERVICE_CIDRS);
  checkCidrs(podCidrs, serviceCidrs, nodeCount);
  const loadBalancerCidrs =
    wish.loadBalancerCidrs && readPrefixes('--load-balancer-cidr', wish.loadBalancerCidrs);
  checkBalancerCidrs(loadBalancerCidrs ?? [], [...podCidrs, ...serviceCidrs]);
  return {
    nodeCount,
    network: wish.network ?? 'vxlan',
    podCidrs,
    serviceCidrs,
    loadBalancerCidrs,
    nodePortAddresses: readPrefixes('--node-port-addresses', wish.nodePortAddresses ?? []),
    allowsExternalIps: wish.allowsExternalIps ?? false,
    hasNodeLocalDns: wish.hasNodeLocalDns ?? false,
    iptablesFlavour: wish.iptablesFlavour,
  };
}

/** Settings of a new cluster that clash with nothing the host reaches. The caller holds the machine's lock until they are written. */
export async function planCluster(wish: ClusterWish, roots: PathRoots): Promise<ClusterConfig> {
  const settings = checkWish(wish);
  const netlink = openNetlink();
  try {
    const link = hostLinkOf(wish.name);
    if ((await netlink.link(link)) !== undefined)
      throw new FairleadError(
        'conflict',
        `Cannot make link "${link}": the host has one of this name that is not Fairlead's; choose another --name`,
      );
    const routes = await hostRoutes(netlink, link);
    refuseClashes('pod', settings.podCidrs, routes);
    refuseClashes('service', settings.serviceCidrs, routes);
    const balancers = settings.loadBalancerCidrs ?? [];
    refuseClashes('load-balancer', balancers, routes);
    const index = await chooseIndex({
      routes,
      taken: takenIndexes(roots),
      own: [...settings.podCidrs, ...settings.serviceCidrs, ...balancers],
      hasOwnBalancers: settings.loadBalancerCidrs === undefined,
      isPortFree: (it) => isPortFree(apiPortOf(it)),
    });
    return makeClusterConfig({ ...settings, name: wish.name, index });
  } finally {
    netlink.close();
  }
}

/** Throws `conflict` with all that is asked for otherwise than it stands. */
export function checkSame(existing: ClusterConfig, wish: ClusterWish): void {
  const wanted = checkWish(wish);
  const differences = [
    ...differ('--nodes', wish.nodeCount, existing.nodes.length),
    ...differ('--network', wish.network, existing.network),
    ...differ('--pod-cidr', wish.podCidrs && wanted.podCidrs, existing.podCidrs),
    ...differ('--service-cidr', wish.serviceCidrs && wanted.serviceCidrs, existing.serviceCidrs),
    ...differ(
      '--load-balancer-cidr',
      wish.loadBalancerCidrs && wanted.loadBalancerCidrs,
      existing.loadBalancerCidrs,
    ),
    ...differ(
      '--node-port-addresses',
      wish.nodePortAddresses && wanted.nodePortAddresses,
      existing.nodePortAddresses,
    ),
    ...differ('--allow-external-ips', wish.allowsExternalIps, existing.allowsExternalIps),
    ...differ('--node-local-dns', wish.hasNodeLocalDns, existing.hasNodeLocalDns ?? false),
    ...differ('--iptables-flavour', wish.iptablesFlavour, existing.iptablesFlavour ?? 'the machine’s own'),
  ];
  if (differences.length === 0) return;
  const { name } = existing;
  throw new FairleadError(
    'conflict',
    `Cannot change cluster "${name}": ${differences.join('; ')}; "fairlead down --name ${name}" first, or choose another --name`,
  );
}

type Setting = boolean | string | number | readonly string[] | undefined;

function differ(flag: string, wanted: Setting, stands: Setting): readonly string[] {
  if (wanted === undefined || String(wanted) === String(stands)) return [];
  return [`${flag} ${String(wanted)} is asked for, it stands with ${String(stands)}`];
}

function takenIndexes(roots: PathRoots): ReadonlySet<number> {
  const names = existsSync(roots.state) ? readdirSync(roots.state) : [];
  return new Set(names.flatMap((name) => indexOf(roots, name)));
}

/** A cluster whose settings are damaged has none: the route of its link, if it runs, keeps its range. */
function indexOf(roots: PathRoots, name: string): readonly number[] {
  try {
    const cluster = readClusterConfig(roots, name);
    return cluster === undefined ? [] : [cluster.index];
  } catch {
    return [];
  }
}

/** Whether the API server could listen there. */
function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
