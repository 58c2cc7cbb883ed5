// Addresses that the node itself answers at, on its loopback link: those of cluster DNS. Only addresses in the Service prefixes are ours, and the node-local ones.

import { cidrHasIp, cidrLength, hostCidr, type Cidr } from '../../base/cidr.ts';
import { isAlreadyExists, isNotFound } from '../../base/errors.ts';
import type { Ip } from '../../base/ip.ts';
import { NODE_LOCAL_DNS } from '../../base/node-local-dns.ts';
import type { Target } from '../../reconcile/target.ts';
import type { InterfaceAddress, Netlink, NetlinkChange } from '../../sys/netlink-types.ts';
import { describeChange } from '../../wire/netlink/describe.ts';

const LOOPBACK = 'lo';

/** An address on `lo`. Ours are never a source: what is masqueraded towards a pod would else be seen to come from cluster DNS. */
export interface LocalAddress {
  readonly ip: Ip;
  readonly isNeverSource: boolean;
}

/** The entries by address. */
export function renderLocalAddresses(ips: readonly Ip[]): ReadonlyMap<string, LocalAddress> {
  return new Map(ips.map((ip) => [ip, { ip, isNeverSource: true }]));
}

/** Whole-length addresses on `lo` within `serviceCidrs`, and node-local ones that are never a source; others there belong to somebody else and are never touched. */
export function localAddressTarget(netlink: Netlink, serviceCidrs: readonly Cidr[]): Target<LocalAddress> {
  return {
    name: 'local addresses',
    observe: async () => {
      const present = await netlink.addresses(LOOPBACK);
      const own = present.filter((it) => isOwn(it, serviceCidrs));
      return new Map(own.map(({ ip, isNeverSource = false }) => [ip, { ip, isNeverSource }]));
    },
    isEqual: (desired, observed) =>
      desired.ip === observed.ip && desired.isNeverSource === observed.isNeverSource,
    update: (entries, _signal, seen) => applyEach(netlink, entries, (it) => changesTo(it, seen.get(it.ip))),
    delete: (entries) =>
      applyEach(netlink, entries, ({ ip }) => [{ kind: 'delete-address', ...placeOf(ip) }]),
    print: (verb, _key, { ip }) => [
      describeChange(verb === 'update' ? addition(ip) : { kind: 'delete-address', ...placeOf(ip) }),
    ],
  };
}

function isOwn(
  { ip, prefixLength, isNeverSource }: InterfaceAddress,
  serviceCidrs: readonly Cidr[],
): boolean {
  if (prefixLength !== cidrLength(hostCidr(ip))) return false;
  // Somebody else's cache may have them; nobody else marks them so.
  if (NODE_LOCAL_DNS.includes(ip)) return isNeverSource === true;
  return serviceCidrs.some((cidr) => cidrHasIp(cidr, ip));
}

/** The kernel changes the scope of no address that is there. */
function changesTo({ ip }: LocalAddress, seen: LocalAddress | undefined): readonly NetlinkChange[] {
  return seen === undefined || seen.isNeverSource
    ? [addition(ip)]
    : [{ kind: 'delete-address', ...placeOf(ip) }, addition(ip)];
}

function addition(ip: Ip): NetlinkChange {
  return { kind: 'add-address', ...placeOf(ip), isNeverSource: true };
}

function placeOf(ip: Ip): { readonly link: string; readonly ip: Ip; readonly prefixLength: number } {
  return { link: LOOPBACK, ip, prefixLength: cidrLength(hostCidr(ip)) };
}

async function applyEach(
  netlink: Netlink,
  entries: ReadonlyMap<string, LocalAddress>,
  changesOf: (address: LocalAddress) => readonly NetlinkChange[],
): Promise<ReadonlyMap<string, unknown>> {
  const failures = new Map<string, unknown>();
  for (const [key, address] of entries) {
    try {
      for (const change of changesOf(address)) await applyOnce(netlink, change);
    } catch (error) {
      failures.set(key, error);
    }
  }
  return failures;
}

/** What is done already is no error. */
async function applyOnce(netlink: Netlink, change: NetlinkChange): Promise<void> {
  const isDone = change.kind === 'add-address' ? isAlreadyExists : isNotFound;
  try {
    await netlink.apply([change]);
  } catch (error) {
    if (!isDone(error)) throw error;
  }
}
