// From the view of a node to the tunnel it has to have; pure. README.md has the way of a packet.

import { cidrBase, cidrFamily, hostCidr, type Cidr } from '../../base/cidr.ts';
import { familyOf, type Ip } from '../../base/ip.ts';
import { macFromSeed, type Mac } from '../../base/mac.ts';
import type { NetworkNode, NodeView } from '../../model/network.ts';
import { TUNNEL_LINK } from '../shared-node/tunnel-link.ts';
import {
  forwardingKey,
  NODE_RULE_PRIORITY,
  NODE_TABLE,
  routeKey,
  RT_TABLE_MAIN,
  ruleKey,
  TUNNEL_PORT,
  TUNNEL_VNI,
  tunnelMtuBytes,
  type Device,
  type PeerAddress,
  type TunnelForwarding,
  type TunnelNeighbour,
  type TunnelPeer,
  type TunnelRoute,
  type TunnelRule,
  type Underlay,
  type VxlanState,
} from './entries.ts';

/** Every node derives every other's tunnel Ethernet address from its name, so that none has to be published. */
export function tunnelMac(nodeName: string): Mac {
  return macFromSeed(`vtep/${nodeName}`);
}

/** The first address of a node's prefix: its tunnel device's, and the next hop to everything behind it. */
export function tunnelIp(podCidr: Cidr): Ip {
  return cidrBase(podCidr);
}

/** What the tunnel depends on. */
export type TunnelView = Pick<NodeView, 'node' | 'peers' | 'cluster'>;

/** Empty while the node has no pod prefix: there is nothing to carry. */
export function renderVxlan(view: TunnelView, underlay: Underlay): VxlanState {
  const { node } = view;
  const peers = node.podCidrs.length === 0 ? [] : view.peers.filter((peer) => canReach(peer, underlay));
  const forwardings = peers.flatMap((peer) => renderForwarding(peer, underlay));
  return {
    devices: new Map(node.podCidrs.length === 0 ? [] : [[TUNNEL_LINK, renderDevice(node, underlay)]]),
    addresses: keyed(node.podCidrs.map(tunnelIp), (ip) => ip),
    neighbours: keyed(peers.flatMap(renderNeighbours), (it) => it.ip),
    forwardings: keyed(forwardings, forwardingKey),
    routes: keyed(
      [...renderUnreachable(view), ...peers.flatMap((peer) => renderRoutes(node, peer))],
      routeKey,
    ),
    rules: keyed(node.podCidrs.map(renderRule), ruleKey),
    peers: keyed(
      forwardings.map(({ mac, destination }) => renderPeer(mac, destination, underlay.local)),
      (it) => it.mac,
    ),
    peerAddresses: keyed(peers.flatMap(renderPeerAddresses), (it) => it.ip),
  };
}

function renderDevice(node: NetworkNode, underlay: Underlay): Device {
  return {
    mac: tunnelMac(node.name),
    mtuBytes: tunnelMtuBytes(underlay.mtuBytes, underlay.local),
    vni: TUNNEL_VNI,
    port: TUNNEL_PORT,
    local: underlay.local,
    isLearning: false,
    hasGroupPolicy: true,
    isUp: true,
    underlay: underlay.link,
  };
}

/** A tunnel has outer addresses of one family: the peer must have one of it. */
function outerIp(peer: NetworkNode, underlay: Underlay): Ip | undefined {
  return peer.addresses.find((ip) => familyOf(ip) === familyOf(underlay.local));
}

function canReach(peer: NetworkNode, underlay: Underlay): boolean {
  return outerIp(peer, underlay) !== undefined;
}

function renderNeighbours(peer: NetworkNode): readonly TunnelNeighbour[] {
  return peer.podCidrs.map((cidr) => ({ ip: tunnelIp(cidr), mac: tunnelMac(peer.name) }));
}

function renderForwarding(peer: NetworkNode, underlay: Underlay): readonly TunnelForwarding[] {
  const destination = outerIp(peer, underlay);
  return destination === undefined ? [] : [{ mac: tunnelMac(peer.name), destination }];
}

function renderPeer(mac: Mac, remote: Ip, local: Ip): TunnelPeer {
  return { mac, local, remote, vni: TUNNEL_VNI, port: TUNNEL_PORT };
}

function renderPeerAddresses({ name, addresses }: NetworkNode): readonly PeerAddress[] {
  return addresses.map((ip) => ({ ip, mac: tunnelMac(name) }));
}

function renderRoutes(node: NetworkNode, peer: NetworkNode): readonly TunnelRoute[] {
  const toPods = peer.podCidrs.map((cidr): TunnelRoute => {
    return {
      type: 'unicast',
      destination: cidr,
      gateway: tunnelIp(cidr),
      source: sourceFor(node, cidr),
      table: RT_TABLE_MAIN,
    };
  });
  return [...toPods, ...peer.addresses.flatMap((ip) => renderNodeRoute(peer, ip))];
}

/**
 * What a pod sends to another node's own address goes through the tunnel as well: it arrives with the pod's address on any
 * underlay, also on those that drop sources they do not know, and answers to it come back the same way.
 */
function renderNodeRoute(peer: NetworkNode, ip: Ip): readonly TunnelRoute[] {
  const via = peer.podCidrs.find((cidr) => cidrFamily(cidr) === familyOf(ip));
  if (via === undefined) return [];
  const destination = hostCidr(ip);
  return [{ type: 'unicast', destination, gateway: tunnelIp(via), source: undefined, table: NODE_TABLE }];
}

/** The node speaks to pods with its own address, as its host-network pods do; without one of that family with the tunnel's. */
function sourceFor(node: NetworkNode, cidr: Cidr): Ip | undefined {
  const family = cidrFamily(cidr);
  const own = node.podCidrs.find((it) => cidrFamily(it) === family);
  return (
    node.addresses.find((ip) => familyOf(ip) === family) ?? (own === undefined ? undefined : tunnelIp(own))
  );
}

/** Pod addresses that no route leads to end here; pods' own routes and those of peers are longer and win. */
function renderUnreachable(view: TunnelView): readonly TunnelRoute[] {
  const cidrs = new Set([...view.node.podCidrs, ...view.cluster.podCidrs]);
  if (view.node.podCidrs.length === 0) return [];
  return [...cidrs].map((destination) => ({
    type: 'unreachable',
    destination,
    gateway: undefined,
    source: undefined,
    table: RT_TABLE_MAIN,
  }));
}

function renderRule(source: Cidr): TunnelRule {
  return { family: cidrFamily(source), source, priority: NODE_RULE_PRIORITY, table: NODE_TABLE };
}

function keyed<T>(entries: readonly T[], keyOf: (entry: T) => string): ReadonlyMap<string, T> {
  return new Map(entries.map((entry) => [keyOf(entry), entry]));
}
