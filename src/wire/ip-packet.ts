// The beginning of an IP packet as somebody sent it: who to whom, by what. Reads no further than it must, and takes nothing for granted.

import { ipFromBytes, type Ip } from '../base/ip.ts';
import { PROTOCOL_NUMBERS } from '../base/port.ts';

export interface PacketEnds {
  readonly source: Ip;
  readonly destination: Ip;
  /** IP protocol number: of IPv6 that behind the extension headers. */
  readonly protocol: number;
  /** 0 where the protocol has none, in fragments but the first, and where the packet is cut before them. */
  readonly sourcePort: number;
  readonly destinationPort: number;
}

const IPV4_LEAST_BYTES = 20;
const IPV4_FRAGMENT_OFFSET = 0x1fff;
const IPV6_BYTES = 40;
/** Extension headers that may stand before the transport's (RFC 8200, section 4; RFC 4302): hop-by-hop, routing, destination options; authentication; fragment. */
const [HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION] = [0, 43, 44, 51, 60] as const;
const MOST_EXTENSIONS = 8;
const WITH_PORTS: ReadonlySet<number> = new Set(Object.values(PROTOCOL_NUMBERS));

/** From the network header on; undefined of what is no whole header of IPv4 or IPv6. */
export function readPacketEnds(packet: Uint8Array): PacketEnds | undefined {
  switch ((packet[0] ?? 0) >> 4) {
    case 4:
      return readIpv4(packet);
    case 6:
      return readIpv6(packet);
    default:
      return undefined;
  }
}

function readIpv4(packet: Uint8Array): PacketEnds | undefined {
  const headerBytes = ((packet[0] ?? 0) & 0x0f) * 4;
  if (headerBytes < IPV4_LEAST_BYTES || packet.length < IPV4_LEAST_BYTES) return undefined;
  const protocol = packet[9] ?? 0;
  const isFirst = (number16(packet, 6) & IPV4_FRAGMENT_OFFSET) === 0;
  return {
    source: ipFromBytes(packet.subarray(12, 16)),
    destination: ipFromBytes(packet.subarray(16, 20)),
    protocol,
    ...portsAt(packet, protocol, isFirst ? headerBytes : undefined),
  };
}

function readIpv6(packet: Uint8Array): PacketEnds | undefined {
  if (packet.length < IPV6_BYTES) return undefined;
  const { protocol, at } = transportOf(packet);
  return {
    source: ipFromBytes(packet.subarray(8, 24)),
    destination: ipFromBytes(packet.subarray(24, 40)),
    protocol,
    ...portsAt(packet, protocol, at),
  };
}

/** Behind the extension headers; no place in a fragment that is not the first. */
function transportOf(packet: Uint8Array): { readonly protocol: number; readonly at: number | undefined } {
  let [protocol, at] = [packet[6] ?? 0, IPV6_BYTES];
  for (let count = 0; count < MOST_EXTENSIONS; count++) {
    const length = extensionBytes(packet, protocol, at);
    if (length === undefined) return { protocol, at };
    const isLater = protocol === FRAGMENT && number16(packet, at + 2) >> 3 !== 0;
    protocol = packet[at] ?? 0;
    if (isLater) return { protocol, at: undefined };
    at += length;
  }
  return { protocol, at: undefined };
}

/** Undefined of what is no extension header, or is cut. */
function extensionBytes(packet: Uint8Array, protocol: number, at: number): number | undefined {
  const length = packet[at + 1];
  if (length === undefined) return undefined;
  switch (protocol) {
    case HOP_BY_HOP:
    case ROUTING:
    case DESTINATION:
      return (length + 1) * 8;
    case AUTHENTICATION:
      return (length + 2) * 4;
    case FRAGMENT:
      return 8;
    default:
      return undefined;
  }
}

function portsAt(
  packet: Uint8Array,
  protocol: number,
  at: number | undefined,
): Pick<PacketEnds, 'sourcePort' | 'destinationPort'> {
  if (at === undefined || !WITH_PORTS.has(protocol) || packet.length < at + 4)
    return { sourcePort: 0, destinationPort: 0 };
  return { sourcePort: number16(packet, at), destinationPort: number16(packet, at + 2) };
}

function number16(packet: Uint8Array, at: number): number {
  return ((packet[at] ?? 0) << 8) | (packet[at + 1] ?? 0);
}
