// The network as the compiler sees it: nodes, pods, frontends and their endpoints. Readonly data, no behaviour.

import type { Cidr } from '../base/cidr.ts';
import type { Ip } from '../base/ip.ts';
import type { Port, Protocol } from '../base/port.ts';

/** A node that takes part in the pod network. */
export interface NetworkNode {
  readonly name: string;
  /** InternalIP addresses, the first one carries the tunnel. */
  readonly addresses: readonly Ip[];
  /** One prefix per family, empty until the node's subnet is allocated. */
  readonly podCidrs: readonly Cidr[];
  readonly labels: ReadonlyMap<string, string>;
}

/** A pod with an address; host-network pods carry their node's. */
export interface NetworkPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly node: string;
  readonly ips: readonly Ip[];
  readonly isHostNetwork: boolean;
  readonly labels: ReadonlyMap<string, string>;
}

/** Where a frontend's traffic can go. */
export interface Endpoint {
  readonly ip: Ip;
  readonly port: Port;
  /** Node that the endpoint runs on; undefined for addresses outside of the cluster. */
  readonly node: string | undefined;
  /** Serves while it terminates: taken only when no ready endpoint is left (KEP-1669). */
  readonly isTerminating: boolean;
}

/** A virtual address and port. `balanced` frontends are spread over their endpoints, `node-local` ones are left to the node itself. */
export interface Frontend {
  readonly kind: 'balanced' | 'node-local';
  readonly namespace: string;
  readonly service: string;
  /** Name of the Service's port, empty for a single unnamed one. */
  readonly portName: string;
  readonly ip: Ip;
  readonly port: Port;
  readonly protocol: Protocol;
  /** Those that traffic may go to now: ready ones, or serving-and-terminating ones where no ready one is left. Sorted, no duplicates. */
  readonly endpoints: readonly Endpoint[];
  /** Session affinity by client address, undefined for none. */
  readonly affinityTimeoutS: number | undefined;
}

/** Canonical key of a frontend: "10.96.0.10:53/UDP", "[fd00::a]:53/UDP". */
export function frontendKey(frontend: Pick<Frontend, 'ip' | 'port' | 'protocol'>): string {
  const host = frontend.ip.includes(':') ? `[${frontend.ip}]` : frontend.ip;
  return `${host}:${frontend.port}/${frontend.protocol}`;
}

/** What one node has to program: the node itself, its peers, and every frontend. Pure function of the cluster's objects. */
export interface NodeView {
  readonly node: NetworkNode;
  /** Every other node that has an address and a pod prefix, sorted by name. */
  readonly peers: readonly NetworkNode[];
  /** Pods of this node, sorted by namespace and name. */
  readonly pods: readonly NetworkPod[];
  readonly frontends: ReadonlyMap<string, Frontend>;
  readonly cluster: ClusterNetwork;
}

/** Settings that all nodes share. */
export interface ClusterNetwork {
  readonly podCidrs: readonly Cidr[];
  readonly serviceCidrs: readonly Cidr[];
  readonly clusterDomain: string;
  /** Addresses of the Service kube-system/kube-dns; the configured ones until it has any. */
  readonly dnsIps: readonly Ip[];
}

/** The whole network, the same on every node: what the cluster's objects say, resolved. Maps are keyed canonically. */
export interface ClusterModel {
  /** By name. */
  readonly nodes: ReadonlyMap<string, NetworkNode>;
  /** By "namespace/name": those that are scheduled, have an address and have not finished. */
  readonly pods: ReadonlyMap<string, NetworkPod>;
  /** By `frontendKey`. */
  readonly frontends: ReadonlyMap<string, Frontend>;
  readonly cluster: ClusterNetwork;
}
