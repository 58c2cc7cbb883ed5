// What a one-machine cluster is: the settings that `up` writes before it makes anything, and that every later command reads back.

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { cidrIpAt, cidrSubnetAt, type Cidr } from '../../base/cidr.ts';
import { FairleadError, messageOf } from '../../base/errors.ts';
import type { Ip } from '../../base/ip.ts';
import { macFromSeed, type Mac } from '../../base/mac.ts';
import { clusterPaths, type PathRoots } from '../../base/paths.ts';
import { isObject } from '../../objects/json.ts';
import type { IptablesFlavour } from '../../sys/iptables.ts';
import { DEFAULT_POD_CIDRS, DEFAULT_SERVICE_CIDRS, type CidrPair } from './cluster-cidrs.ts';

/** A node of the cluster: its name and its addresses on the fabric, one per family. */
export interface LabNode {
  readonly name: string;
  readonly ips: readonly Ip[];
  readonly zone: string;
}

/** Settings of a cluster; written once, so that a second `up` can tell what differs. */
export interface ClusterConfig {
  readonly name: string;
  readonly network: 'vxlan';
  /** Which of the machine's fabric ranges this cluster has. */
  readonly index: number;
  readonly nodes: readonly LabNode[];
  readonly podCidrs: readonly Cidr[];
  readonly serviceCidrs: readonly Cidr[];
  readonly fabricCidrs: readonly Cidr[];
  /** Addresses of the host's end of the cluster link. */
  readonly hostIps: readonly Ip[];
  readonly hostLink: string;
  readonly clusterDomain: string;
  readonly dnsIps: readonly Ip[];
  readonly apiPort: number;
  /** Addresses for Services of type LoadBalancer, which the host reaches by the cluster's link; none in clusters of older versions. */
  readonly loadBalancerCidrs: readonly Cidr[];
  /** Node ports are served on those of a node's addresses that are in these prefixes; empty for the first of each family. */
  readonly nodePortAddresses: readonly Cidr[];
  /** Whether nodes carry `spec.externalIPs`: whoever may write a Service could take any address with it (CVE-2020-8554). */
  readonly allowsExternalIps: boolean;
  /** Whether nodes' DNS servers answer at the node-local addresses, too. */
  readonly hasNodeLocalDns?: boolean | undefined;
  /** In which flavour the backends `iptables` write their rules; undefined for that of the machine's program `iptables`. */
  readonly iptablesFlavour?: IptablesFlavour | undefined;
}

export interface ClusterChoice {
  readonly name: string;
  readonly nodeCount: number;
  readonly network: 'vxlan';
  readonly index: number;
  /** The defaults where they are undefined. */
  readonly podCidrs?: CidrPair | undefined;
  readonly serviceCidrs?: CidrPair | undefined;
  readonly loadBalancerCidrs?: readonly Cidr[] | undefined;
  readonly nodePortAddresses?: readonly Cidr[] | undefined;
  readonly allowsExternalIps?: boolean | undefined;
  readonly hasNodeLocalDns?: boolean | undefined;
  readonly iptablesFlavour?: IptablesFlavour | undefined;
}

const DNS_INDEX = 10;
const FIRST_NODE_INDEX = 10;
const FIRST_API_PORT = 6443;
const ZONES = ['zone-a', 'zone-b', 'zone-c'] as const;

/** How many clusters one machine can hold side by side. */
export const CLUSTER_COUNT = 16;

/** The settings of a new cluster; everything follows from the choice. */
export function makeClusterConfig(choice: ClusterChoice): ClusterConfig {
  const fabricCidrs = fabricCidrsOf(choice.index);
  const serviceCidrs = choice.serviceCidrs ?? DEFAULT_SERVICE_CIDRS;
  return {
    name: choice.name,
    network: choice.network,
    index: choice.index,
    nodes: Array.from({ length: choice.nodeCount }, (_, i) => ({
      name: `node-${i + 1}`,
      ips: fabricCidrs.map((cidr) => cidrIpAt(cidr, FIRST_NODE_INDEX + i)),
      zone: ZONES[i % ZONES.length] ?? ZONES[0],
    })),
    podCidrs: choice.podCidrs ?? DEFAULT_POD_CIDRS,
    serviceCidrs,
    fabricCidrs,
    hostIps: fabricCidrs.map((cidr) => cidrIpAt(cidr, 1)),
    hostLink: hostLinkOf(choice.name),
    clusterDomain: 'cluster.local',
    dnsIps: serviceCidrs.map((cidr) => cidrIpAt(cidr, DNS_INDEX)),
    apiPort: apiPortOf(choice.index),
    loadBalancerCidrs: choice.loadBalancerCidrs ?? loadBalancerCidrsOf(choice.index),
    nodePortAddresses: choice.nodePortAddresses ?? [],
    allowsExternalIps: choice.allowsExternalIps ?? false,
    hasNodeLocalDns: choice.hasNodeLocalDns,
    iptablesFlavour: choice.iptablesFlavour,
  };
}

/** The API server's port on the loopback and on the cluster link. */
export function apiPortOf(index: number): number {
  return FIRST_API_PORT + index;
}

/** Of clusters that were made before there were such settings. */
const OLDER: Pick<ClusterConfig, 'loadBalancerCidrs' | 'nodePortAddresses' | 'allowsExternalIps'> = {
  loadBalancerCidrs: [],
  nodePortAddresses: [],
  allowsExternalIps: false,
};

/** The prefixes of load balancers' addresses of the cluster with this index, one per family. */
export function loadBalancerCidrsOf(index: number): readonly Cidr[] {
  const all = ['10.90.0.0/16', 'fd00:10:90::/48'] as readonly string[] as readonly [Cidr, Cidr];
  return [cidrSubnetAt(all[0], 24, index), cidrSubnetAt(all[1], 64, index)];
}

/** The fabric's prefixes of the cluster with this index, one per family. */
export function fabricCidrsOf(index: number): readonly Cidr[] {
  const all = ['10.89.0.0/16', 'fd00:10:89::/48'] as readonly string[] as readonly [Cidr, Cidr];
  return [cidrSubnetAt(all[0], 24, index), cidrSubnetAt(all[1], 64, index)];
}

export function hostLinkOf(cluster: string): string {
  return `fl-${cluster}`;
}

/** By this the host's end is known as the cluster's own, whoever else may use its name. */
export function hostLinkMac(cluster: string): Mac {
  return macFromSeed(`${cluster}/host`);
}

/** Refuses names that could not be a link's, a namespace's and a folder's name at once. */
export function checkClusterName(name: string): void {
  // IFNAMSIZ leaves 15 characters for "fl-<name>" (linux/if.h).
  if (/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/.test(name)) return;
  throw new FairleadError(
    'invalid',
    `Cannot name a cluster "${name}": 1 to 12 lower-case letters, digits and dashes, a letter first, no dash last`,
  );
}

export function clusterConfigFile(roots: PathRoots, name: string): string {
  return `${clusterPaths(roots, name).state}/cluster.json`;
}

/** Written atomically: a reader finds the whole of it or none. */
export function writeClusterConfig(roots: PathRoots, cluster: ClusterConfig): void {
  const file = clusterConfigFile(roots, cluster.name);
  mkdirSync(clusterPaths(roots, cluster.name).state, { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, `${JSON.stringify(cluster, undefined, 2)}\n`);
  renameSync(`${file}.new`, file);
}

/** From here on there is no such cluster, only what is left of it. */
export function removeClusterConfig(roots: PathRoots, name: string): void {
  rmSync(clusterConfigFile(roots, name), { force: true });
}

/** The settings of an existing cluster, undefined where there is none; a damaged file is an error that names it. */
export function readClusterConfig(roots: PathRoots, name: string): ClusterConfig | undefined {
  const file = clusterConfigFile(roots, name);
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    // Our own file, written atomically: the shape of its parts is trusted, only damage and other versions are looked for.
    if (isObject(value) && FIELDS.every((field) => value[field] !== undefined))
      return { ...OLDER, ...(value as unknown as ClusterConfig) };
    throw new Error('settings are missing in it');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return undefined;
    if (code === 'EACCES')
      throw new FairleadError('forbidden', `Cannot read ${file}: root is needed (sudo fairlead ...)`, {
        cause: error,
      });
    throw new FairleadError(
      'invalid',
      `Cannot read ${file}: ${messageOf(error)}; "fairlead down --name ${name}" clears what is left of the cluster`,
      { cause: error },
    );
  }
}

const FIELDS: readonly (keyof ClusterConfig)[] = [
  'name',
  'network',
  'index',
  'nodes',
  'podCidrs',
  'serviceCidrs',
  'fabricCidrs',
  'hostIps',
  'hostLink',
  'clusterDomain',
  'dnsIps',
  'apiPort',
];
