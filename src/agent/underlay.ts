// The link that carries the tunnel, as it is now: its MTU and the node's address on it.

import type { Underlay } from '../backends/network-vxlan/entries.ts';
import { familyOf, type Ip } from '../base/ip.ts';
import type { Netlink } from '../sys/netlink-types.ts';

/** Undefined while the link is not there or has no address that a tunnel could end at. IPv4 is taken before IPv6. */
export async function readUnderlay(netlink: Netlink, linkName: string): Promise<Underlay | undefined> {
  const link = await netlink.link(linkName);
  if (link === undefined) return undefined;
  const addresses = (await netlink.addresses(linkName)).map((it) => it.ip).filter(isGlobal);
  const local = addresses.find((ip) => familyOf(ip) === 4) ?? addresses[0];
  return local === undefined ? undefined : { link: linkName, mtuBytes: link.mtuBytes, local };
}

export function isSameUnderlay(a: Underlay | undefined, b: Underlay | undefined): boolean {
  return a?.link === b?.link && a?.mtuBytes === b?.mtuBytes && a?.local === b?.local;
}

/** Link-local addresses (fe80::/10, RFC 4291 2.5.6) mean nothing to another node. */
function isGlobal(ip: Ip): boolean {
  return !/^fe[89ab]/.test(ip);
}
