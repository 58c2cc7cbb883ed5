// What the VXLAN network programs, as plain entries: render makes the wanted ones, observe reads the present ones, both in the same form.

import type { Cidr } from '../../base/cidr.ts';
import { familyOf, type Family, type Ip } from '../../base/ip.ts';
import type { Mac } from '../../base/mac.ts';

export const TUNNEL_ALIAS = 'fairlead tunnel';
export const TUNNEL_VNI = 76;
/** As Linux' own default and flannel's; IANA's 4789 is what the fabric below us may use. */
export const TUNNEL_PORT = 8472;
/** Routing table for what pods send to other nodes' own addresses. */
export const NODE_TABLE = 76;
/** After local (0), before main (32766) and far from what others use. */
export const NODE_RULE_PRIORITY = 7600;
export const RT_TABLE_MAIN = 254;

/** Outer IP, UDP, VXLAN and the inner Ethernet header. */
const OVERHEAD_BYTES: Readonly<Record<Family, number>> = { 4: 50, 6: 70 };
/** IPv6 does not work below this (RFC 8200 section 5). */
const MIN_MTU_BYTES = 1280;

/** MTU of the tunnel, and so of every pod: what the underlay carries minus the overhead, at least 1280. */
export function tunnelMtuBytes(underlayMtuBytes: number, outer: Ip): number {
  return Math.max(MIN_MTU_BYTES, underlayMtuBytes - OVERHEAD_BYTES[familyOf(outer)]);
}

/** The link that carries the tunnel. */
export interface Underlay {
  readonly link: string;
  readonly mtuBytes: number;
  /** The node's address on it: the tunnel's own end. */
  readonly local: Ip;
}

export interface Device {
  readonly mac: Mac;
  readonly mtuBytes: number;
  readonly vni: number;
  readonly port: number;
  readonly local: Ip;
  readonly isLearning: boolean;
  /** Whether identities travel with the packets. */
  readonly hasGroupPolicy: boolean;
  readonly isUp: boolean;
  /** Name of the link below; undefined where it has gone. */
  readonly underlay: string | undefined;
}

export interface TunnelNeighbour {
  readonly ip: Ip;
  readonly mac: Mac;
}

export interface TunnelForwarding {
  readonly mac: Mac;
  readonly destination: Ip;
}

/** Through the tunnel, or `unreachable` so that an address nobody has does not leave by the default route. */
export interface TunnelRoute {
  readonly type: 'unicast' | 'unreachable';
  readonly destination: Cidr;
  readonly gateway: Ip | undefined;
  readonly source: Ip | undefined;
  readonly table: number;
}

export interface TunnelRule {
  readonly family: Family;
  readonly source: Cidr;
  readonly priority: number;
  readonly table: number;
}

/** What the tunnel wraps a packet to a peer in, for who does it without the device. */
export interface TunnelPeer {
  readonly mac: Mac;
  readonly local: Ip;
  readonly remote: Ip;
  readonly vni: number;
  readonly port: number;
}

/** An own address of another node, and that node's end of the tunnel. */
export interface PeerAddress {
  readonly ip: Ip;
  readonly mac: Mac;
}

/** Everything, each kind keyed by what the kernel tells entries apart by. */
export interface VxlanState {
  readonly devices: ReadonlyMap<string, Device>;
  /** Value is the address as well: an address has no attributes. */
  readonly addresses: ReadonlyMap<string, Ip>;
  readonly neighbours: ReadonlyMap<string, TunnelNeighbour>;
  readonly forwardings: ReadonlyMap<string, TunnelForwarding>;
  readonly routes: ReadonlyMap<string, TunnelRoute>;
  readonly rules: ReadonlyMap<string, TunnelRule>;
  /** By `mac`. */
  readonly peers: ReadonlyMap<string, TunnelPeer>;
  /** By `ip`. */
  readonly peerAddresses: ReadonlyMap<string, PeerAddress>;
}

/** Two entries must not share a forwarding key: each tunnel Ethernet address leads to one node. */
export function forwardingKey(entry: TunnelForwarding): string {
  return entry.mac;
}

export function routeKey(route: TunnelRoute): string {
  return `${route.table} ${route.destination}`;
}

export function ruleKey(rule: TunnelRule): string {
  return `${rule.priority} from ${rule.source} lookup ${rule.table}`;
}
