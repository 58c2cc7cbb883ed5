// What the node of the Service world is joined to besides its pods: a client outside of the cluster, and a pod of another node.

import type { Lifetime } from '../../src/base/lifetime.ts';
import { macFromSeed } from '../../src/base/mac.ts';
import { batch, makeNetns } from './service-netns.ts';

/** The node's links: to the outside client (the underlay) and to the remote endpoint. */
export const UPLINKS: readonly string[] = ['eth0', 'eth1'];

/** The outside client has many addresses, used where a test names them alone: what is chosen by client is chosen for each. */
export const OUTSIDE_SOURCES = {
  4: Array.from({ length: 16 }, (_, i) => `192.0.2.${32 + i}`),
  6: Array.from({ length: 16 }, (_, i) => `2001:db8::${(32 + i).toString(16)}`),
} as const;

interface Neighbour {
  readonly name: string;
  readonly nodeLink: string;
  /** Of both ends of the link. */
  readonly mtuBytes: number;
  readonly node: readonly [string, string];
  readonly own: readonly [string, string];
  /** Addresses on its loopback that the node has routes to. */
  readonly behind: readonly string[];
  readonly nodeRoutes: readonly string[];
  readonly ownRoutes: readonly string[];
}

const OUTSIDE: Neighbour = {
  name: 'outside',
  nodeLink: 'eth0',
  mtuBytes: 1500,
  node: ['192.0.2.1/24', '2001:db8::1/64'],
  own: ['192.0.2.9/24', '2001:db8::9/64'],
  behind: [],
  // A locally generated packet to a virtual address must be routable before netfilter translates it in its output hook.
  nodeRoutes: ['route add default via 192.0.2.9', '-6 route add default via 2001:db8::9'],
  ownRoutes: [
    ...['10.96.0.0/16', '198.51.100.0/24'].map((it) => `route add ${it} via 192.0.2.1`),
    ...['fd96::/112', '2001:db8:e::/64'].map((it) => `-6 route add ${it} via 2001:db8::1`),
    ...OUTSIDE_SOURCES[4].map((it) => `addr add ${it}/24 dev eth0`),
    ...OUTSIDE_SOURCES[6].map((it) => `-6 addr add ${it}/64 dev eth0 nodad preferred_lft 0`),
  ],
};

const REMOTE: Neighbour = {
  name: 'remote',
  nodeLink: 'eth1',
  // Smaller than the way of clients: what they send in fragments is cut anew, or they are told.
  mtuBytes: 1300,
  node: ['203.0.113.1/24', '2001:db8:1::1/64'],
  own: ['203.0.113.13/24', '2001:db8:1::13/64'],
  behind: ['10.77.1.13/32', 'fd77:0:0:1::13/128'],
  nodeRoutes: ['route add 10.77.1.0/24 via 203.0.113.13', '-6 route add fd77:0:0:1::/64 via 2001:db8:1::13'],
  ownRoutes: [
    ...['192.0.2.1/32', '10.77.0.0/24'].map((it) => `route add ${it} via 203.0.113.1 src 10.77.1.13`),
    ...['2001:db8::1/128', 'fd77::/64'].map(
      (it) => `-6 route add ${it} via 2001:db8:1::1 src fd77:0:0:1::13`,
    ),
  ],
};

/** Joins both to the node's namespace; their own are named `<id>-outside` and `<id>-remote`. */
export function joinNeighbours(id: string, node: string, lifetime: Lifetime): void {
  for (const it of [OUTSIDE, REMOTE]) join(it, node, { netns: `${id}-${it.name}`, lifetime });
}

/** No question by ARP and no waiting for duplicate addresses: the first packet passes like the last. */
function join(
  it: Neighbour,
  node: string,
  at: { readonly netns: string; readonly lifetime: Lifetime },
): void {
  const { nodeLink: link, mtuBytes } = it;
  const [mac, nodeMac] = [macFromSeed(`neighbour/${it.name}`), macFromSeed(`uplink/${link}`)];
  makeNetns(at.netns, at.lifetime);
  batch(node, [
    `link add ${link} mtu ${mtuBytes} address ${nodeMac} type veth peer name eth0 mtu ${mtuBytes} address ${mac} netns ${at.netns}`,
    `link set ${link} up`,
    ...neighbourLines(link, it.node, { ips: it.own, mac }),
    ...it.nodeRoutes,
  ]);
  batch(at.netns, [
    'link set eth0 up',
    ...it.behind.map((ip) => (ip.includes(':') ? `-6 addr add ${ip} dev lo nodad` : `addr add ${ip} dev lo`)),
    ...neighbourLines('eth0', it.own, { ips: it.node, mac: nodeMac }),
    ...it.ownRoutes,
  ]);
}

function neighbourLines(
  link: string,
  [v4, v6]: readonly [string, string],
  other: { readonly ips: readonly [string, string]; readonly mac: string },
): readonly string[] {
  const [other4, other6] = other.ips.map((ip) => ip.split('/')[0]);
  return [
    `addr add ${v4} dev ${link}`,
    `neigh add ${other4} lladdr ${other.mac} dev ${link} nud permanent`,
    `-6 addr add ${v6} dev ${link} nodad`,
    `-6 neigh add ${other6} lladdr ${other.mac} dev ${link} nud permanent`,
  ];
}
