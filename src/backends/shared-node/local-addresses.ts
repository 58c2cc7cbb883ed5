// Addresses that the node itself answers at, on its loopback link: those of cluster DNS. Only addresses in the Service prefixes are ours.

import { cidrHasIp, cidrLength, hostCidr, type Cidr } from '../../base/cidr.ts';
import { isAlreadyExists, isNotFound } from '../../base/errors.ts';
import type { Ip } from '../../base/ip.ts';
import type { Target } from '../../reconcile/target.ts';
import type { Netlink, NetlinkChange } from '../../sys/netlink-types.ts';
import { describeChange } from '../../wire/netlink/describe.ts';

const LOOPBACK = 'lo';

/** The entries by address; the value is the address again. */
export function renderLocalAddresses(ips: readonly Ip[]): ReadonlyMap<string, Ip> {
  return new Map(ips.map((ip) => [ip, ip]));
}

/** Whole-length addresses on `lo` within `serviceCidrs`; others there belong to somebody else and are never touched. */
export function localAddressTarget(netlink: Netlink, serviceCidrs: readonly Cidr[]): Target<Ip> {
  return {
    name: 'local addresses',
    observe: async () => {
      const present = await netlink.addresses(LOOPBACK);
      const own = present.filter((it) => isOwn(it.ip, it.prefixLength, serviceCidrs));
      return renderLocalAddresses(own.map((it) => it.ip));
    },
    isEqual: (desired, observed) => desired === observed,
    update: (entries) => applyEach(netlink, 'update', entries),
    delete: (entries) => applyEach(netlink, 'delete', entries),
    print: (verb, _key, ip) => [describeChange(changeOf(verb, ip))],
  };
}

function isOwn(ip: Ip, prefixLength: number, serviceCidrs: readonly Cidr[]): boolean {
  return prefixLength === cidrLength(hostCidr(ip)) && serviceCidrs.some((cidr) => cidrHasIp(cidr, ip));
}

function changeOf(verb: 'update' | 'delete', ip: Ip): NetlinkChange {
  const kind = verb === 'update' ? 'add-address' : 'delete-address';
  return { kind, link: LOOPBACK, ip, prefixLength: cidrLength(hostCidr(ip)) };
}

async function applyEach(
  netlink: Netlink,
  verb: 'update' | 'delete',
  entries: ReadonlyMap<string, Ip>,
): Promise<ReadonlyMap<string, unknown>> {
  const isDone = verb === 'update' ? isAlreadyExists : isNotFound;
  const failures = new Map<string, unknown>();
  for (const [key, ip] of entries) {
    await netlink.apply([changeOf(verb, ip)]).catch((error: unknown) => {
      if (!isDone(error)) failures.set(key, error);
    });
  }
  return failures;
}
