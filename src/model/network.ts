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
  /** Ports of the node that lead to the pod; none for host-network pods, whose ports are the node's anyway. */
  readonly hostPorts: readonly HostPort[];
}

export interface HostPort {
  /** Undefined for the node's own addresses. */
  readonly hostIp: Ip | undefined;
  readonly hostPort: Port;
  readonly port: Port;
  readonly protocol: Protocol;
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

/** What kind of address a frontend has. */
export type FrontendScope = 'cluster-ip' | 'node-port' | 'external-ip' | 'load-balancer' | 'host-port';

/** The endpoints of a frontend for one group of clients. */
export interface EndpointChoice {
  /** Those that new flows may go to now. Sorted by address and port, no duplicates. */
  readonly endpoints: readonly Endpoint[];
  /** What a new flow meets where there is none: `drop` where the traffic policy Local leaves none of those that exist elsewhere. */
  readonly whenEmpty: 'refuse' | 'drop';
}

/**
 * A virtual address and port, as one node has to carry it. `balanced` frontends are spread over their endpoints, `node-local` ones are left
 * to the node itself.
 *
 * Clients `inside` are pods of this node and the node's own processes; they keep their address, but for a client that is its own endpoint.
 * Everybody else is `outside`: what arrives by the node's links, other nodes and their pods included.
 */
export interface Frontend {
  readonly kind: 'balanced' | 'node-local';
  readonly scope: FrontendScope;
  readonly namespace: string;
  /** Of the Service, or of the pod for a `host-port`. */
  readonly service: string;
  /** Name of the Service's port, empty for a single unnamed one. */
  readonly portName: string;
  readonly ip: Ip;
  readonly port: Port;
  readonly protocol: Protocol;
  readonly inside: EndpointChoice;
  readonly outside: EndpointChoice;
  /** Outside clients are hidden behind an address of this node, so that answers come back by way of it. */
  readonly masqueradesOutside: boolean;
  /** Who may use it (`loadBalancerSourceRanges`), inside or outside; others' packets are dropped. Undefined for everybody. */
  readonly sourceRanges: readonly Cidr[] | undefined;
  /** Session affinity by client address, undefined for none. */
  readonly affinityTimeoutS: number | undefined;
  readonly options: FrontendOptions;
  /**
   * Direct server return: where an outside client would be hidden, a backend that can lets the endpoint's node have the packet as it is. These are
   * the node's own endpoints, for what other nodes hand over, of their own node ports too; absent for frontends that have no direct return.
   */
  readonly direct?: EndpointChoice | undefined;
}

/** What a Service asks of one backend by annotation; others leave it aside. */
export interface FrontendOptions {
  /** `fairlead.dev/ipvs-scheduler`: rr, lc, dh, sh, wrr, wlc, sed, nq, mh; undefined for the cluster's. */
  readonly ipvsScheduler: string | undefined;
  /** `fairlead.dev/load-balancing: maglev`: outside clients are spread by a consistent hash of their flow. */
  readonly isMaglev: boolean;
  /** `fairlead.dev/forwarding: dsr`: endpoints answer outside clients directly. */
  readonly isDirectReturn: boolean;
}

export const NO_FRONTEND_OPTIONS: FrontendOptions = {
  ipvsScheduler: undefined,
  isMaglev: false,
  isDirectReturn: false,
};

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
  /** By `frontendKey`. */
  readonly frontends: ReadonlyMap<string, Frontend>;
  readonly healthChecks: ReadonlyMap<Port, HealthCheck>;
  readonly cluster: ClusterNetwork;
}

/** A `healthCheckNodePort`: what a load balancer outside asks whether this node takes traffic (KEP-3836 leaves draining to the node). */
export interface HealthCheck {
  readonly namespace: string;
  readonly service: string;
  /** Ready endpoints of this node: none means 503. */
  readonly localEndpoints: number;
}

/** What a Service backend renders from. */
export type ServiceView = Pick<NodeView, 'node' | 'frontends' | 'cluster'>;

/** A Service as the whole cluster sees it: which endpoints it has and what it asks for. A node's frontends follow from it and the node alone. */
export interface ServiceModel {
  readonly namespace: string;
  readonly name: string;
  /** The node answers at its addresses itself (cluster DNS). */
  readonly isNodeLocal: boolean;
  readonly clusterIps: readonly Ip[];
  readonly externalIps: readonly Ip[];
  /** Of `status.loadBalancer.ingress`, without those that the balancer proxies itself (`ipMode: Proxy`). */
  readonly loadBalancerIps: readonly Ip[];
  readonly sourceRanges: readonly Cidr[] | undefined;
  readonly isInternalLocal: boolean;
  readonly isExternalLocal: boolean;
  readonly healthCheckNodePort: Port | undefined;
  readonly affinityTimeoutS: number | undefined;
  readonly options: FrontendOptions;
  readonly ports: readonly ServiceModelPort[];
}

export interface ServiceModelPort {
  readonly name: string;
  readonly port: Port;
  readonly nodePort: Port | undefined;
  readonly protocol: Protocol;
  /** Of both families, sorted by address and port, no duplicates. */
  readonly endpoints: readonly ServiceEndpoint[];
}

export interface ServiceEndpoint {
  readonly ip: Ip;
  readonly port: Port;
  readonly node: string | undefined;
  readonly isReady: boolean;
  /** Not ready, but it serves while it terminates (KEP-1669). */
  readonly isServingLast: boolean;
  /** `hints.forZones` and `hints.forNodes`; empty for none. */
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
}

/** Settings that all nodes share. */
export interface ClusterNetwork {
  readonly podCidrs: readonly Cidr[];
  readonly serviceCidrs: readonly Cidr[];
  readonly clusterDomain: string;
  /** Addresses of the Service kube-system/kube-dns; the configured ones until it has any. */
  readonly dnsIps: readonly Ip[];
  /** Node ports are served on those of a node's addresses that are in these prefixes; empty for the first one of each family. */
  readonly nodePortAddresses: readonly Cidr[];
  /** `spec.externalIPs` lets whoever may write a Service take any address (CVE-2020-8554): off unless asked for. */
  readonly allowsExternalIps: boolean;
  /** How IPVS balances Services that do not say it themselves; undefined for its default. A name that it knows. */
  readonly ipvsScheduler?: string | undefined;
  /** Whether flows of outside clients are carried in the drivers of the nodes' uplinks (XDP) where the Service backend can; absent for no. */
  readonly hasXdp?: boolean;
}

/** The whole network, the same on every node: what the cluster's objects say, resolved. Maps are keyed canonically. */
export interface ClusterModel {
  /** By name. */
  readonly nodes: ReadonlyMap<string, NetworkNode>;
  /** By "namespace/name": those that are scheduled, have an address and have not finished. */
  readonly pods: ReadonlyMap<string, NetworkPod>;
  /** By "namespace/name"; none for headless and ExternalName ones. */
  readonly services: ReadonlyMap<string, ServiceModel>;
  readonly cluster: ClusterNetwork;
}
