// How netfilter tells of packets that policies deny: by which log group, in which words, and how many of them at most. What a reader understands and what
// rules write are the same here.

import { cidrFamily, cidrHasIp, parseCidr } from '../../base/cidr.ts';
import { familyOf } from '../../base/ip.ts';
import { readPacketEnds } from '../../wire/ip-packet.ts';
import type { LoggedPacket } from '../../wire/netlink/nflog.ts';
import type { DeniedPacket } from './denied-packet.ts';

/** A group has one reader: nobody else is known to use it. */
export const DENIAL_LOG_GROUP = 76;

/** By the direction of the policies that deny, of the pod whose they are. */
export const DENIAL_PREFIXES = { ingress: 'fairlead ingress', egress: 'fairlead egress' } as const;

/** Whoever is denied decides how many packets there are: of each direction so many are told, all are counted. */
export const DENIAL_LOG_RATE = { perSecond: 100, burst: 200 } as const;

/** What speaks of a link alone: neighbour discovery and reports of groups, which the node sends on every link of a pod. No connection has such an end. */
const OF_A_LINK = ['fe80::/10', '::/128'].map(parseCidr);

/** Undefined of a packet that rules of somebody else logged, that cannot be read, or that belongs to no connection. */
export function deniedPacketOf({ prefix, payload }: LoggedPacket): DeniedPacket | undefined {
  const direction = (['ingress', 'egress'] as const).find((it) => DENIAL_PREFIXES[it] === prefix);
  const ends = direction && readPacketEnds(payload);
  if (direction === undefined || ends === undefined) return undefined;
  if (OF_A_LINK.some((it) => cidrFamily(it) === familyOf(ends.source) && cidrHasIp(it, ends.source)))
    return undefined;
  const { source, destination, protocol, destinationPort: port } = ends;
  return { direction, source, destination, protocol, port };
}
