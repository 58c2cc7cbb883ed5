// A node as the place that frontends are made for: which of its addresses serve what. Pure function of the nodes and the cluster's settings.

import { cidrFamily, cidrHasIp } from '../base/cidr.ts';
import { familyOf, type Family, type Ip } from '../base/ip.ts';
import type { ClusterNetwork, NetworkNode } from '../model/network.ts';
import type { ChoosingNode } from './endpoint-choice.ts';

/** Where frontends are made for. */
export interface FrontendPlace extends ChoosingNode {
  /** Addresses on which node ports are served. */
  readonly nodePortIps: readonly Ip[];
  /** Those whose node ports every node can answer in place of this one: its first ones, where all nodes serve node ports at theirs. */
  readonly directNodePortIps: readonly Ip[];
  /** All addresses of the node, on which pods' host ports are served. */
  readonly nodeIps: readonly Ip[];
  readonly allowsExternalIps: boolean;
}

export const ZONE_LABEL = 'topology.kubernetes.io/zone';
const FAMILIES: readonly Family[] = [4, 6];

export function frontendPlaceOf(
  node: NetworkNode,
  cluster: ClusterNetwork,
  peers: readonly NetworkNode[],
): FrontendPlace {
  const nodePortIps = nodePortIpsOf(node, cluster);
  const zone = node.labels.get(ZONE_LABEL);
  return {
    name: node.name,
    zone: zone === '' ? undefined : zone,
    nodePortIps,
    directNodePortIps: firstIps(node).filter(
      (ip) => nodePortIps.includes(ip) && peers.every((it) => servesFirst(it, familyOf(ip), cluster)),
    ),
    nodeIps: node.addresses,
    allowsExternalIps: cluster.allowsExternalIps,
  };
}

function firstIp({ addresses }: NetworkNode, family: Family): Ip | undefined {
  return addresses.find((ip) => familyOf(ip) === family);
}

function firstIps(node: NetworkNode): readonly Ip[] {
  return FAMILIES.flatMap((family) => firstIp(node, family) ?? []);
}

function nodePortIpsOf(node: NetworkNode, { nodePortAddresses }: ClusterNetwork): readonly Ip[] {
  if (nodePortAddresses.length === 0) return firstIps(node);
  return node.addresses.filter((ip) => nodePortAddresses.some((cidr) => cidrHasIp(cidr, ip)));
}

/** Whether the node serves node ports at its first address of the family, or has no pods of it that could answer. */
function servesFirst(node: NetworkNode, family: Family, cluster: ClusterNetwork): boolean {
  if (!node.podCidrs.some((cidr) => cidrFamily(cidr) === family)) return true;
  const first = firstIp(node, family);
  return first !== undefined && nodePortIpsOf(node, cluster).includes(first);
}
