// State of one network namespace of the fake kernel and the rules by which the real one keeps it consistent: what falls when a link goes,
// which routes an address brings. Not modelled: carrier, link-local addresses, multicast, metrics.

import { cidrHasIp, cidrOf, hostCidr } from '../base/cidr.ts';
import { familyOf } from '../base/ip.ts';
import type {
  ForwardingEntry,
  InterfaceAddress,
  Link,
  Neighbour,
  NetlinkChange,
  Route,
  Rule,
  RouteSpec,
} from './netlink-types.ts';
import { RTPROT_FAIRLEAD } from './netlink-types.ts';

export const EINVAL = 22;
export const ENODEV = 19;
export const EEXIST = 17;
export const ENOENT = 2;
const ESRCH = 3;
const ENETUNREACH = 101;
const ENETDOWN = 100;
const EADDRNOTAVAIL = 99;
const EHOSTUNREACH = 113;
const RTPROT_KERNEL = 2;
const MAIN = 254;
const LOCAL = 255;

/** Thrown by the state, made into the door's error by the fake netlink. */
export class Refusal extends Error {
  readonly errno: number;
  readonly detail: string | undefined;

  constructor(errno: number, detail?: string) {
    super(`errno ${errno}`);
    this.errno = errno;
    this.detail = detail;
  }
}

type Change<Kind extends NetlinkChange['kind']> = Extract<NetlinkChange, { readonly kind: Kind }>;

export class FakeNamespace {
  readonly links = new Map<string, Link>();
  readonly addresses = new Map<string, InterfaceAddress>();
  readonly routes = new Map<string, Route>();
  readonly neighbours = new Map<string, Neighbour>();
  readonly forwardings = new Map<string, ForwardingEntry>();
  readonly rules = new Map<string, Rule>();
  /** Group by index of the link; absent for group 0. */
  readonly groups = new Map<number, number>();
  /** Number that other namespaces know this one by. */
  readonly id: number;

  constructor(id: number) {
    this.id = id;
    for (const family of [4, 6] as const) {
      const tables =
        family === 4
          ? ([
              [0, LOCAL],
              [32766, MAIN],
              [32767, 253],
            ] as const)
          : ([
              [0, LOCAL],
              [32766, MAIN],
            ] as const);
      for (const [priority, table] of tables) {
        const rule = {
          family,
          priority,
          table,
          source: undefined,
          destination: undefined,
          incomingLink: undefined,
          protocol: RTPROT_KERNEL,
        };
        this.rules.set(ruleKey(rule), rule);
      }
    }
  }

  link(name: string): Link {
    const link = this.links.get(name);
    if (link === undefined) throw new Refusal(ENODEV, `link "${name}"`);
    return link;
  }

  addLink(link: Link): void {
    if (this.links.has(link.name)) throw new Refusal(EEXIST);
    this.links.set(link.name, link);
  }

  updateLink(name: string, changed: Partial<Link>): void {
    const before = this.link(name);
    const link = { ...before, ...changed };
    if (link.name !== name && this.links.has(link.name)) throw new Refusal(EEXIST);
    this.links.delete(name);
    this.links.set(link.name, link);
    if (link.name !== name) this.#rename(name, link.name);
    if (changed.isUp === false) this.#dropRoutes((route) => route.link === link.name);
    if (before.master !== link.master) this.#changePorts(before.master, link.master);
  }

  /** A bridge takes its Ethernet address from its ports, and a link whose address changes forgets all neighbours (br_if.c, neigh_changeaddr). */
  #changePorts(...bridges: readonly (string | undefined)[]): void {
    for (const [key, { link }] of this.neighbours) if (bridges.includes(link)) this.neighbours.delete(key);
  }

  removeLink(name: string): void {
    this.#changePorts(this.links.get(name)?.master);
    this.links.delete(name);
    for (const [key, link] of this.links)
      if (link.master === name) this.links.set(key, { ...link, master: undefined });
    this.#dropRoutes((route) => route.link === name);
    for (const table of [this.addresses, this.neighbours, this.forwardings]) {
      for (const [key, entry] of table) if (entry.link === name) table.delete(key);
    }
  }

  addAddress(address: InterfaceAddress): void {
    const link = this.link(address.link);
    const key = addressKey(address);
    if (this.addresses.has(key)) throw new Refusal(EEXIST);
    const { link: name, ip, prefixLength, isNeverSource } = address;
    this.addresses.set(key, {
      link: name,
      ip,
      prefixLength,
      ...(isNeverSource === true && { isNeverSource }),
    });
    if (!link.isUp) return;
    for (const route of connectedRoutes(address)) this.routes.set(routeKey(route), route);
  }

  deleteAddress(address: InterfaceAddress): void {
    this.link(address.link);
    if (!this.addresses.delete(addressKey(address))) throw new Refusal(EADDRNOTAVAIL);
    for (const route of connectedRoutes(address)) this.routes.delete(routeKey(route));
  }

  replaceRoute(spec: RouteSpec): void {
    const route = routeOf(spec);
    if (spec.link !== undefined && !this.link(spec.link).isUp) throw new Refusal(ENETDOWN);
    this.#checkGateway(spec);
    this.routes.set(routeKey(route), route);
  }

  deleteRoute(change: Change<'delete-route'>): void {
    if (change.link !== undefined) this.link(change.link);
    const protocol = change.protocol ?? RTPROT_FAIRLEAD;
    const found = [...this.routes].find(
      ([, route]) =>
        route.destination === change.destination &&
        route.table === (change.table ?? MAIN) &&
        (protocol === 0 || route.protocol === protocol) &&
        (change.link === undefined || route.link === change.link) &&
        (change.gateway === undefined || route.gateway === change.gateway),
    );
    if (found === undefined) throw new Refusal(ESRCH);
    this.routes.delete(found[0]);
  }

  replaceNeighbour(change: Change<'replace-neighbour'>): void {
    this.link(change.link);
    const { link, ip, mac } = change;
    this.neighbours.set(`${link} ${ip}`, { link, ip, mac, isPermanent: true });
  }

  deleteNeighbour(change: Change<'delete-neighbour'>): void {
    this.link(change.link);
    if (!this.neighbours.delete(`${change.link} ${change.ip}`)) throw new Refusal(ENOENT);
  }

  replaceForwarding(change: Change<'replace-forwarding'>): void {
    if (this.link(change.link).kind !== 'vxlan') throw new Refusal(EINVAL);
    const { link, mac, destination } = change;
    this.forwardings.set(`${link} ${mac}`, { link, mac, destination });
  }

  deleteForwarding(change: Change<'delete-forwarding'>): void {
    this.link(change.link);
    const key = `${change.link} ${change.mac}`;
    const entry = this.forwardings.get(key);
    const isSame = change.destination === undefined || entry?.destination === change.destination;
    if (entry === undefined || !isSame) throw new Refusal(ENOENT);
    this.forwardings.delete(key);
  }

  changeRule(change: Change<'add-rule' | 'delete-rule'>): void {
    const { kind, ...rest } = change;
    const rule: Rule = {
      source: undefined,
      destination: undefined,
      incomingLink: undefined,
      protocol: RTPROT_FAIRLEAD,
      ...rest,
    };
    const key = ruleKey(rule);
    if (kind === 'add-rule') {
      if (this.rules.has(key)) throw new Refusal(EEXIST);
      this.rules.set(key, rule);
    } else if (!this.rules.delete(key)) throw new Refusal(ENOENT);
  }

  /** A gateway must be a neighbour: on a link whose prefix holds it, unless the route says that it is (onlink). */
  #checkGateway(spec: RouteSpec): void {
    if (spec.gateway === undefined) return;
    const gateway = spec.gateway;
    if (spec.isOnlink === true && spec.link !== undefined) return;
    const isNear = [...this.routes.values()].some(
      (route) =>
        route.gateway === undefined &&
        route.table === MAIN &&
        (spec.link === undefined || route.link === spec.link) &&
        cidrHasIp(route.destination, gateway),
    );
    if (!isNear) throw new Refusal(familyOf(gateway) === 4 ? ENETUNREACH : EHOSTUNREACH);
  }

  #dropRoutes(isGone: (route: Route) => boolean): void {
    for (const [key, route] of this.routes) if (isGone(route)) this.routes.delete(key);
  }

  #rename(from: string, to: string): void {
    renameIn(this.addresses, from, to);
    renameIn(this.routes, from, to);
    renameIn(this.neighbours, from, to);
    renameIn(this.forwardings, from, to);
  }
}

function renameIn<T extends { readonly link: string | undefined }>(
  table: Map<string, T>,
  from: string,
  to: string,
): void {
  for (const [key, entry] of table) {
    if (entry.link !== from) continue;
    table.delete(key);
    table.set(key.replace(from, to), { ...entry, link: to });
  }
}

/** What the kernel adds with an address on a link that is up: the local route, and the one to the prefix. */
function connectedRoutes(address: InterfaceAddress): readonly Route[] {
  const { ip, link, prefixLength } = address;
  const family = familyOf(ip);
  const base = {
    family,
    gateway: undefined,
    link,
    isOnlink: false,
    protocol: RTPROT_KERNEL,
    mtuBytes: undefined,
  } as const;
  const source = family === 4 ? ip : undefined;
  const local: Route = { ...base, destination: hostCidr(ip), source, table: LOCAL, type: 'local' };
  if (family === 4 && prefixLength === 32) return [local];
  return [local, { ...base, destination: cidrOf(ip, prefixLength), source, table: MAIN, type: 'unicast' }];
}

function routeOf(spec: RouteSpec): Route {
  const {
    destination,
    gateway,
    link,
    source,
    mtuBytes,
    table = MAIN,
    isOnlink = false,
    type = 'unicast',
  } = spec;
  const family = destination.includes(':') ? 6 : 4;
  // IPv6 keeps routes that go nowhere on the loopback device (ip6_route_info_create).
  const isNowhere = type !== 'unicast' && family === 6;
  const shown = isNowhere ? 'lo' : link;
  return {
    family,
    destination,
    gateway,
    link: shown,
    source,
    table,
    isOnlink,
    protocol: RTPROT_FAIRLEAD,
    mtuBytes,
    type,
  };
}

/** IPv6 keeps the kernel's own route beside ours (other metric); IPv4 replaces whatever has the destination. */
function routeKey(route: Route): string {
  const isBeside = route.family === 6 && route.protocol === RTPROT_KERNEL;
  return `${route.table} ${route.destination}${isBeside ? ` kernel ${route.link ?? ''}` : ''}`;
}

function addressKey(address: InterfaceAddress): string {
  // IPv6 has an address once per link, whatever its prefix; IPv4 once per prefix.
  const suffix = familyOf(address.ip) === 4 ? `/${address.prefixLength}` : '';
  return `${address.link} ${address.ip}${suffix}`;
}

function ruleKey(rule: Rule): string {
  const { family, priority, table, source, destination, incomingLink } = rule;
  return [family, priority, table, source ?? '', destination ?? '', incomingLink ?? ''].join(' ');
}
