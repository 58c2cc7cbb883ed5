// Reads back what the tunnel is made of; only what carries our mark (device name, route protocol, rule table) is seen at all.

import { isNotFound } from '../../base/errors.ts';
import { RTPROT_FAIRLEAD, type Link, type Netlink, type Route } from '../../sys/netlink-types.ts';
import { TUNNEL_LINK } from '../shared-node/tunnel-link.ts';
import {
  forwardingKey,
  NODE_TABLE,
  routeKey,
  RT_TABLE_MAIN,
  ruleKey,
  TUNNEL_ALIAS,
  type Device,
  type TunnelForwarding,
  type TunnelNeighbour,
  type TunnelRoute,
  type TunnelRule,
} from './entries.ts';
import type { Ip } from '../../base/ip.ts';

export async function observeDevices(netlink: Netlink): Promise<ReadonlyMap<string, Device>> {
  const links = await netlink.links();
  const link = links.find((it) => it.name === TUNNEL_LINK);
  if (link === undefined) return new Map();
  const below = links.find((it) => it.index === link.linkIndex);
  return new Map([[TUNNEL_LINK, deviceOf(link, below)]]);
}

/** A foreign device of that name reads as one that equals nothing wanted, so that it is replaced. */
function deviceOf(link: Link, below: Link | undefined): Device {
  const vxlan = link.alias === TUNNEL_ALIAS ? link.vxlan : undefined;
  return {
    mac: link.mac ?? ('' as NonNullable<Link['mac']>),
    mtuBytes: link.mtuBytes,
    vni: vxlan?.vni ?? 0,
    port: vxlan?.port ?? 0,
    local: vxlan?.local ?? ('' as Ip),
    isLearning: vxlan?.isLearning ?? false,
    hasGroupPolicy: vxlan?.hasGroupPolicy ?? false,
    isUp: link.isUp,
    underlay: below?.name,
  };
}

export async function observeAddresses(netlink: Netlink): Promise<ReadonlyMap<string, Ip>> {
  const addresses = await whereDevice(() => netlink.addresses(TUNNEL_LINK));
  // The kernel's own link-local address is not ours to remove.
  return new Map(addresses.filter((it) => !it.ip.startsWith('fe80:')).map((it) => [it.ip, it.ip]));
}

export async function observeNeighbours(netlink: Netlink): Promise<ReadonlyMap<string, TunnelNeighbour>> {
  const neighbours = await whereDevice(() => netlink.neighbours(TUNNEL_LINK));
  return new Map(neighbours.filter((it) => it.isPermanent).map(({ ip, mac }) => [ip, { ip, mac }]));
}

export async function observeForwardings(netlink: Netlink): Promise<ReadonlyMap<string, TunnelForwarding>> {
  const entries = await whereDevice(() => netlink.forwardings(TUNNEL_LINK));
  return new Map(
    entries.flatMap(({ mac, destination }) =>
      destination === undefined ? [] : [[forwardingKey({ mac, destination }), { mac, destination }]],
    ),
  );
}

export async function observeRoutes(netlink: Netlink): Promise<ReadonlyMap<string, TunnelRoute>> {
  const [main, nodes] = await Promise.all([
    netlink.routes({ table: RT_TABLE_MAIN }),
    netlink.routes({ table: NODE_TABLE }),
  ]);
  const routes = [...main, ...nodes].filter(isTunnelRoute).map(tunnelRouteOf);
  return new Map(routes.map((route) => [routeKey(route), route]));
}

/** Pods' host routes carry our mark too; they are the CNI's. */
function isTunnelRoute(route: Route): boolean {
  return (
    route.protocol === RTPROT_FAIRLEAD &&
    (route.link === TUNNEL_LINK || route.type === 'unreachable' || route.table === NODE_TABLE)
  );
}

function tunnelRouteOf(route: Route): TunnelRoute {
  const { destination, gateway, source, table } = route;
  return {
    type: route.type === 'unreachable' ? 'unreachable' : 'unicast',
    destination,
    gateway,
    source,
    table,
  };
}

export async function observeRules(netlink: Netlink): Promise<ReadonlyMap<string, TunnelRule>> {
  const rules = await netlink.rules();
  const ours = rules.flatMap(({ family, source, priority, table, protocol }) =>
    table === NODE_TABLE && protocol === RTPROT_FAIRLEAD && source !== undefined
      ? [{ family, source, priority, table }]
      : [],
  );
  return new Map(ours.map((rule) => [ruleKey(rule), rule]));
}

async function whereDevice<T>(list: () => Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await list();
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}
