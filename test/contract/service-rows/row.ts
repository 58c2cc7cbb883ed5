// What a row of the Service contract is, in text: frontends, packets in, and what must come out. Who is who: `test/contract/service-world.ts`.

import type { Family } from '../../../src/base/ip.ts';
import type { Protocol } from '../../../src/base/port.ts';
import type { ClusterNetwork, FrontendScope } from '../../../src/model/network.ts';

/** `at` and endpoints are "10.0.0.1:80" or "[fd00::1]:80". */
export interface FrontendText {
  readonly at: string;
  readonly protocol: Protocol;
  readonly scope?: FrontendScope;
  readonly service?: string;
  /** For inside clients, and for outside ones where `outside` is absent. */
  readonly endpoints: readonly string[];
  readonly outside?: readonly string[];
  /** What inside and outside clients meet where there is no endpoint: `refuse` unless told. */
  readonly whenEmpty?: 'refuse' | 'drop';
  readonly outsideWhenEmpty?: 'refuse' | 'drop';
  /** Outside clients keep their address (traffic policy Local, host ports). */
  readonly keepsOutside?: boolean;
  readonly sourceRanges?: readonly string[];
  readonly affinityTimeoutS?: number;
  readonly isNodeLocal?: boolean;
}

/** Pods, a process on the node, the client outside of the cluster, the pod of another node. */
export type Client = 'client' | 'a' | 'b' | 'node' | 'outside' | 'remote';

/**
 * Which client endpoints see. `itself`: the address that it sends from. `the node`: an address of the node. `not itself`: any address but
 * its own; a host takes no packet from itself, and what stands there instead is the backend's to choose.
 */
export type SeenAs = 'itself' | 'the node' | 'not itself';

/**
 * Names: who answers over many tries, sorted; the client must see the address it sent to as the one that answers.
 * `refused`: at once, TCP reset or ICMP port unreachable. `dropped`: silence. `nobody`: no answer, in whatever way.
 * `always the same`: one of them for all tries. `ports`: at least so many ports of endpoints answer.
 */
export type Expectation =
  readonly string[] | 'refused' | 'dropped' | 'nobody' | 'always the same' | { readonly ports: number };

export interface PacketRow {
  readonly from: Client;
  readonly protocol: Protocol;
  readonly to: string;
  readonly expect: Expectation;
  /** Not looked at where it is absent. */
  readonly seenAs?: SeenAs;
  /** A socket of this name that stays open from packet to packet: a connection, an association, a port of UDP. */
  readonly socket?: string;
  /** UDP alone: the socket is connected. */
  readonly isConnected?: boolean;
  /** Length of what is sent; of a datagram's answer too. */
  readonly bytes?: number;
  /** The outside client sends from all its addresses. */
  readonly isFromManyAddresses?: boolean;
  /** The outside client sends from one port of each of its addresses at the same time. */
  readonly isFromOnePort?: boolean;
  readonly tries?: number;
  /** Waits before it sends, where time itself is what the row is about. */
  readonly afterMs?: number;
}

/** An endpoint of a slice: ready unless told. */
export interface EndpointText {
  /** "10.0.0.1:8080"; the port is the slice's. */
  readonly at: string;
  readonly isRemote?: boolean;
  readonly conditions?: {
    readonly ready: boolean;
    readonly serving?: boolean;
    readonly terminating?: boolean;
  };
  readonly zone?: string;
  readonly forZone?: string;
}

export interface SliceText {
  readonly ports: readonly { readonly name: string; readonly port: number; readonly protocol: Protocol }[];
  readonly endpoints: readonly EndpointText[];
}

/** What the API holds: a Service, its slices, a pod with host ports. Without its metadata, which are the same for all. */
export interface ObjectText {
  readonly service: { readonly spec: object; readonly status?: object };
  readonly slices: readonly SliceText[];
  readonly pod?: object;
  readonly nodeZone?: string;
  readonly settings?: Partial<ClusterNetwork>;
}

export interface ServiceStep {
  readonly frontends: readonly FrontendText[];
  /** In the place of frontends: they follow from these. */
  readonly objects?: ObjectText;
  readonly packets: readonly PacketRow[];
  /** Somebody deletes what the backend programmed after it was applied; then the same is applied again. */
  readonly isDamagedBefore?: boolean;
}

export interface ServiceRow {
  readonly name: string;
  readonly steps: readonly ServiceStep[];
}

/** Addresses of the world in one family, ready to be followed by a port. */
export interface FamilyText {
  readonly family: Family;
  readonly name: string;
  readonly vip: string;
  readonly otherVip: string;
  /** Addresses of a load balancer and of `externalIPs`; the node has a route, not the address. */
  readonly balancer: string;
  readonly external: string;
  /** Served by the node itself. */
  readonly nodeLocal: string;
  /** The node's own address. */
  readonly node: string;
  readonly client: string;
  readonly a: string;
  readonly b: string;
  readonly remote: string;
  /** Prefixes that hold the outside client (and the node), the inside client, and nobody. */
  readonly outsideRange: string;
  readonly insideRange: string;
  readonly nodeRange: string;
  readonly nobodysRange: string;
}

const IPV4: FamilyText = {
  family: 4,
  name: 'IPv4',
  vip: '10.96.0.10',
  otherVip: '10.96.0.11',
  balancer: '198.51.100.7',
  external: '198.51.100.8',
  nodeLocal: '10.96.0.53',
  node: '192.0.2.1',
  client: '10.77.0.10:8080',
  a: '10.77.0.11:8080',
  b: '10.77.0.12:8080',
  remote: '10.77.1.13:8080',
  outsideRange: '192.0.2.8/29',
  insideRange: '10.77.0.8/29',
  nodeRange: '192.0.2.0/29',
  nobodysRange: '203.0.113.128/25',
};

const IPV6: FamilyText = {
  family: 6,
  name: 'IPv6',
  vip: '[fd96::10]',
  otherVip: '[fd96::11]',
  balancer: '[2001:db8:e::7]',
  external: '[2001:db8:e::8]',
  nodeLocal: '[fd96::53]',
  node: '[2001:db8::1]',
  client: '[fd77::10]:8080',
  a: '[fd77::11]:8080',
  b: '[fd77::12]:8080',
  remote: '[fd77:0:0:1::13]:8080',
  outsideRange: '2001:db8::8/125',
  insideRange: 'fd77::10/124',
  nodeRange: '2001:db8::/125',
  nobodysRange: '2001:db8:ffff::/48',
};

/** What rows of one family and protocol are made with. */
export interface RowWords extends FamilyText {
  readonly protocol: Protocol;
  /** Start of a row's name. */
  readonly about: string;
  /** A frontend with these endpoints for everybody. */
  readonly frontend: (at: string, endpoints: readonly string[], more?: Partial<FrontendText>) => FrontendText;
  readonly packet: (from: Client, to: string, expect: Expectation, more?: Partial<PacketRow>) => PacketRow;
}

/** A row of one step. */
export function rowOf(
  name: string,
  frontends: readonly FrontendText[],
  packets: readonly PacketRow[],
): ServiceRow {
  return { name, steps: [{ frontends, packets }] };
}

/** Words for both families with each of these protocols. */
export function wordsOf(protocols: readonly Protocol[]): readonly RowWords[] {
  return [IPV4, IPV6].flatMap((family) =>
    protocols.map((protocol) => ({
      ...family,
      protocol,
      about: `${protocol} over ${family.name}`,
      frontend: (at, endpoints, more = {}) => ({ at, protocol, endpoints, ...more }),
      packet: (from, to, expect, more = {}) => ({ from, protocol, to, expect, ...more }),
    })),
  );
}

/** TCP and UDP: what every kernel and every backend has. */
export function inAllTransports(rowsOf: (words: RowWords) => readonly ServiceRow[]): readonly ServiceRow[] {
  return wordsOf(['TCP', 'UDP']).flatMap(rowsOf);
}
