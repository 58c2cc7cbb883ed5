// The links, addresses, routes and neighbours of one attachment as plain changes; pure, so that ADD makes what CHECK expects.
//
//   node                                            pod
//   fl<hash>  (no address)                          eth0  10.244.1.7/32, fd00:10:244:1::7/128
//   10.244.1.7 dev fl<hash>     <---- veth ---->    default via 169.254.1.1 and fe80::1, onlink
//   neighbour 10.244.1.7 = pod's MAC                neighbours 169.254.1.1 and fe80::1 = host side's MAC

import { hostCidr, parseCidr, type Cidr } from '../base/cidr.ts';
import { familyOf, parseIp, type Family, type Ip } from '../base/ip.ts';
import type { Mac } from '../base/mac.ts';
import type { NetlinkChange, NetnsFd } from '../sys/netlink-types.ts';
import { attachmentMacs, hostLinkAlias, hostLinkName, type AttachmentKey } from './attachment-names.ts';

/** The pod's next hop per family. Nothing carries these addresses: permanent neighbour entries make them reachable. */
export const POD_GATEWAYS: Readonly<Record<Family, Ip>> = {
  4: parseIp('169.254.1.1'),
  6: parseIp('fe80::1'),
};

const DEFAULT_ROUTES: Readonly<Record<Family, Cidr>> = { 4: parseCidr('0.0.0.0/0'), 6: parseCidr('::/0') };

/** All that decides how an attachment is plumbed. */
export interface Attachment {
  readonly key: AttachmentKey;
  readonly hostLink: string;
  readonly hostMac: Mac;
  readonly podMac: Mac;
  readonly ips: readonly Ip[];
  readonly mtuBytes: number;
  readonly nodeIps: readonly Ip[];
}

export function attachmentOf(
  key: AttachmentKey,
  network: Pick<Attachment, 'ips' | 'mtuBytes' | 'nodeIps'>,
): Attachment {
  const macs = attachmentMacs(key);
  return { ...network, key, hostLink: hostLinkName(key), hostMac: macs.host, podMac: macs.pod };
}

export function prefixLengthOf(ip: Ip): 32 | 128 {
  return familyOf(ip) === 4 ? 32 : 128;
}

export function defaultRouteOf(ip: Ip): Cidr {
  return DEFAULT_ROUTES[familyOf(ip)];
}

/** In the node: the pair, its pod end born in the pod's namespace under its final name. The host side stays down. */
export function createPair(attachment: Attachment, netns: NetnsFd): NetlinkChange {
  const { key, hostLink, hostMac, podMac, mtuBytes } = attachment;
  return {
    kind: 'add-veth',
    name: hostLink,
    mac: hostMac,
    mtuBytes,
    // The default, a queue per possible processor, helps only programs that poll; it costs half of the time of an ADD.
    queueCount: 1,
    peer: { name: key.ifname, mac: podMac, mtuBytes, netns },
  };
}

/** In the node, after `createPair`. */
export function markHostSide({ key, hostLink }: Attachment): NetlinkChange {
  return {
    kind: 'set-link',
    name: hostLink,
    alias: hostLinkAlias(key),
    // IPv4 packets whose source is not routed to this link are dropped here, below any program of ours.
    reversePathFilter: 'strict',
    hasLinkLocal: false,
  };
}

/** In the pod. Without a carrier yet: nothing leaves before the host side is up. */
export function configurePod(attachment: Attachment): readonly NetlinkChange[] {
  const { key, ips, hostMac, mtuBytes } = attachment;
  const link = key.ifname;
  return [
    // No link-local addresses on either end: all neighbours are permanent, and detecting duplicates would chatter for two seconds.
    { kind: 'set-link', name: link, isUp: true, hasLinkLocal: false },
    ...ips.flatMap((ip): NetlinkChange[] => {
      const gateway = POD_GATEWAYS[familyOf(ip)];
      return [
        { kind: 'add-address', link, ip, prefixLength: prefixLengthOf(ip) },
        { kind: 'replace-neighbour', link, ip: gateway, mac: hostMac },
        {
          kind: 'replace-route',
          destination: defaultRouteOf(ip),
          gateway,
          link,
          source: ip,
          isOnlink: true,
          mtuBytes,
        },
      ];
    }),
  ];
}

/** In the node, last: from here on packets flow. */
export function openHostSide(attachment: Attachment): readonly NetlinkChange[] {
  const { hostLink, ips, podMac, nodeIps } = attachment;
  return [
    { kind: 'set-link', name: hostLink, isUp: true },
    ...ips.flatMap((ip): NetlinkChange[] => {
      const source = nodeIps.find((it) => familyOf(it) === familyOf(ip));
      return [
        { kind: 'replace-neighbour', link: hostLink, ip, mac: podMac },
        {
          kind: 'replace-route',
          destination: hostCidr(ip),
          link: hostLink,
          // Else the kernel takes the first address it finds, which is the cluster DNS address of lo.
          ...(source === undefined ? {} : { source }),
        },
      ];
    }),
  ];
}

/** Runtimes may have switched IPv6 off in the pod's namespace; then the kernel refuses the address (EACCES). */
export function enableIpv6(ifname: string): ReadonlyMap<string, string> {
  return new Map([[`net/ipv6/conf/${ifname}/disable_ipv6`, '0']]);
}
