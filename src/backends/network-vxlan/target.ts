// The tunnel as targets of the reconciler, in the order in which they have to exist.

import { isAlreadyExists, isNotFound } from '../../base/errors.ts';
import { familyOf, type Ip } from '../../base/ip.ts';
import type { Target } from '../../reconcile/target.ts';
import type { Netlink, NetlinkChange } from '../../sys/netlink-types.ts';
import { describeChange } from '../../wire/netlink/describe.ts';
import { TUNNEL_LINK } from '../shared-node/tunnel-link.ts';
import {
  TUNNEL_ALIAS,
  type Device,
  type TunnelForwarding,
  type TunnelNeighbour,
  type TunnelRoute,
  type TunnelRule,
} from './entries.ts';
import {
  observeAddresses,
  observeDevices,
  observeForwardings,
  observeNeighbours,
  observeRoutes,
  observeRules,
} from './observe.ts';

/** One target per kind of entry; `renderVxlan` makes the desired state of each. */
export interface VxlanTargets {
  readonly devices: Target<Device>;
  readonly addresses: Target<Ip>;
  readonly neighbours: Target<TunnelNeighbour>;
  readonly forwardings: Target<TunnelForwarding>;
  readonly routes: Target<TunnelRoute>;
  readonly rules: Target<TunnelRule>;
}

/** What the tunnel needs of the node; `writeSysctls` takes paths below /proc/sys. */
export interface VxlanDoor {
  readonly netlink: Netlink;
  writeSysctls(values: ReadonlyMap<string, string>): void;
}

/** Update in this order, delete in the reverse one: the device's entries vanish with it. */
export function networkVxlanTargets(door: VxlanDoor): VxlanTargets {
  const { netlink } = door;
  return {
    devices: deviceTarget(door),
    addresses: target('tunnel addresses', netlink, {
      observe: observeAddresses,
      add: (ip) => [{ kind: 'add-address', link: TUNNEL_LINK, ip, prefixLength: widthOf(ip) }],
      remove: (ip) => [{ kind: 'delete-address', link: TUNNEL_LINK, ip, prefixLength: widthOf(ip) }],
    }),
    neighbours: target('tunnel neighbours', netlink, {
      observe: observeNeighbours,
      add: ({ ip, mac }) => [{ kind: 'replace-neighbour', link: TUNNEL_LINK, ip, mac }],
      remove: ({ ip }) => [{ kind: 'delete-neighbour', link: TUNNEL_LINK, ip }],
    }),
    forwardings: target('tunnel forwarding entries', netlink, {
      observe: observeForwardings,
      add: ({ mac, destination }) => [{ kind: 'replace-forwarding', link: TUNNEL_LINK, mac, destination }],
      remove: ({ mac, destination }) => [{ kind: 'delete-forwarding', link: TUNNEL_LINK, mac, destination }],
    }),
    routes: target('tunnel routes', netlink, { observe: observeRoutes, add: addRoute, remove: removeRoute }),
    rules: target('tunnel rules', netlink, {
      observe: observeRules,
      add: (rule) => [{ kind: 'add-rule', ...rule }],
      remove: (rule) => [{ kind: 'delete-rule', ...rule }],
    }),
  };
}

interface Verbs<T> {
  readonly observe: (netlink: Netlink) => Promise<ReadonlyMap<string, T>>;
  readonly add: (entry: T) => readonly NetlinkChange[];
  readonly remove: (entry: T) => readonly NetlinkChange[];
}

function target<T>(name: string, netlink: Netlink, verbs: Verbs<T>): Target<T> {
  return {
    name,
    observe: () => verbs.observe(netlink),
    isEqual,
    update: (entries) => each(entries, (entry) => applyUnless(netlink, verbs.add(entry), isAlreadyExists)),
    delete: (entries) => each(entries, (entry) => applyUnless(netlink, verbs.remove(entry), isNotFound)),
    print: (verb, _key, entry) =>
      (verb === 'update' ? verbs.add(entry) : verbs.remove(entry)).map(describeChange),
  };
}

/** Entries are flat records made with the same members in the same order by render and observe. */
function isEqual<T>(desired: T, observed: T): boolean {
  return JSON.stringify(desired) === JSON.stringify(observed);
}

async function each<T>(
  entries: ReadonlyMap<string, T>,
  work: (entry: T) => Promise<void>,
): Promise<ReadonlyMap<string, unknown>> {
  const failures = new Map<string, unknown>();
  for (const [key, entry] of entries) {
    await work(entry).catch((error: unknown) => failures.set(key, error));
  }
  return failures;
}

async function applyUnless(
  netlink: Netlink,
  changes: readonly NetlinkChange[],
  isDone: (error: unknown) => boolean,
): Promise<void> {
  await netlink.apply(changes).catch((error: unknown) => {
    if (!isDone(error)) throw error;
  });
}

function deviceTarget(door: VxlanDoor): Target<Device> {
  const { netlink } = door;
  return {
    name: 'tunnel device',
    isBase: true,
    observe: () => observeDevices(netlink),
    isEqual,
    update: (entries) => each(entries, (device) => updateDevice(door, device)),
    delete: (entries) =>
      each(entries, () => applyUnless(netlink, [{ kind: 'delete-link', name: TUNNEL_LINK }], isNotFound)),
    print: (verb, name, device) => [
      describeChange(verb === 'update' ? addDevice(device) : { kind: 'delete-link', name }),
    ],
  };
}

/** The kernel changes MTU, Ethernet address and state in place; for the rest the device is made anew. */
async function updateDevice(door: VxlanDoor, device: Device): Promise<void> {
  const { netlink } = door;
  const observed = (await observeDevices(netlink)).get(TUNNEL_LINK);
  if (observed !== undefined && canChangeInPlace(observed, device)) {
    const { mac, mtuBytes } = device;
    await netlink.apply([{ kind: 'set-link', name: TUNNEL_LINK, mac, mtuBytes, isUp: true }]);
  } else {
    if (observed !== undefined) await netlink.apply([{ kind: 'delete-link', name: TUNNEL_LINK }]);
    await netlink.apply([addDevice(device)]);
  }
  door.writeSysctls(DEVICE_SYSCTLS);
  await netlink.apply([{ kind: 'set-link', name: TUNNEL_LINK, isUp: true }]);
}

function canChangeInPlace(observed: Device, desired: Device): boolean {
  const { mac, mtuBytes, isUp } = desired;
  return isEqual({ ...observed, mac, mtuBytes, isUp }, desired);
}

function addDevice(device: Device): NetlinkChange {
  const { mac, mtuBytes, vni, port, local, isLearning, hasGroupPolicy, underlay } = device;
  const vxlan = { vni, port, local, isLearning, hasGroupPolicy };
  return { kind: 'add-vxlan', name: TUNNEL_LINK, mac, mtuBytes, vxlan, underlay, alias: TUNNEL_ALIAS };
}

const DEVICE_SYSCTLS: ReadonlyMap<string, string> = new Map([
  // Loose: a node's own address arrives here from a pod's point of view, while the way back to it is the underlay's.
  [`net/ipv4/conf/${TUNNEL_LINK}/rp_filter`, '2'],
  [`net/ipv6/conf/${TUNNEL_LINK}/accept_ra`, '0'],
  [`net/ipv6/conf/${TUNNEL_LINK}/accept_dad`, '0'],
]);

function addRoute(route: TunnelRoute): readonly NetlinkChange[] {
  const { type, destination, gateway, source, table } = route;
  if (type === 'unreachable') return [{ kind: 'replace-route', type, destination, table }];
  return [
    {
      kind: 'replace-route',
      destination,
      link: TUNNEL_LINK,
      isOnlink: true,
      table,
      ...(gateway === undefined ? {} : { gateway }),
      ...(source === undefined ? {} : { source }),
    },
  ];
}

function removeRoute({ destination, table }: TunnelRoute): readonly NetlinkChange[] {
  return [{ kind: 'delete-route', destination, table }];
}

function widthOf(ip: Ip): 32 | 128 {
  return familyOf(ip) === 4 ? 32 : 128;
}
