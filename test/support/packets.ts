// Packets as bytes for tests: builders with right checksums, and a reader that checks them. Written from the RFCs, apart from the
// programs that are judged by it.

import { ipFromBytes, ipToBytes, parseIp, type Ip } from '../../src/base/ip.ts';

export const POD_MAC = '02:00:00:00:00:01';
export const HOST_MAC = '02:00:00:00:00:02';

export const [TCP, UDP, SCTP, ICMP, ICMP6, FRAGMENT] = [6, 17, 132, 1, 58, 44];
export const [SYN, RST, ACK] = [2, 4, 16];

export interface Ends {
  readonly source: string;
  readonly destination: string;
}

export interface Ports {
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export function ethernet(type: number, payload: Uint8Array, source: string = POD_MAC): Uint8Array {
  return bytes(mac(HOST_MAC), mac(source), be16(type), payload);
}

export interface IpOptions extends Ends {
  readonly protocol: number;
  readonly payload: Uint8Array;
  readonly id?: number;
  /** In bytes, a multiple of eight. */
  readonly fragmentOffset?: number;
  readonly hasMore?: boolean;
  readonly hopLimit?: number;
}

/** An IP packet of the family of its addresses, in an Ethernet frame from the pod. */
export function frame(options: IpOptions): Uint8Array {
  return options.source.includes(':') ? ethernet(0x86dd, ipv6(options)) : ethernet(0x0800, ipv4(options));
}

export function ipv4(options: IpOptions): Uint8Array {
  const fragment = ((options.fragmentOffset ?? 0) >> 3) | (options.hasMore === true ? 0x2000 : 0);
  const header = bytes(
    [0x45, 0],
    be16(20 + options.payload.length),
    be16(options.id ?? 0),
    be16(fragment),
    [options.hopLimit ?? 64, options.protocol, 0, 0],
    address(options.source),
    address(options.destination),
  );
  header.set(be16(checksum(header)), 10);
  return bytes(header, options.payload);
}

export function ipv6(options: IpOptions): Uint8Array {
  const isFragment = options.hasMore === true || options.fragmentOffset !== undefined;
  const offset = (options.fragmentOffset ?? 0) | (options.hasMore === true ? 1 : 0);
  const extension = isFragment
    ? bytes([options.protocol, 0], be16(offset), [0, 0], be16(options.id ?? 0))
    : bytes();
  return bytes(
    [0x60, 0, 0, 0],
    be16(extension.length + options.payload.length),
    [isFragment ? FRAGMENT : options.protocol, options.hopLimit ?? 64],
    address(options.source),
    address(options.destination),
    extension,
    options.payload,
  );
}

export interface TcpOptions extends Ends, Ports {
  readonly flags: number;
  readonly seq?: number;
  readonly ack?: number;
  readonly payload?: Uint8Array;
}

export function tcp(options: TcpOptions): Uint8Array {
  const segment = bytes(
    be16(options.sourcePort),
    be16(options.destinationPort),
    be32(options.seq ?? 0),
    be32(options.ack ?? 0),
    [0x50, options.flags],
    be16(65535),
    [0, 0, 0, 0],
    options.payload ?? bytes(),
  );
  segment.set(be16(l4Checksum(options, TCP, segment)), 16);
  return segment;
}

/** One chunk without content behind the header; the checksum is whole. */
export function sctp(
  options: Ports & {
    readonly chunk: number;
    readonly payload?: Uint8Array;
    readonly hasChecksum?: boolean;
    readonly tag?: number;
  },
): Uint8Array {
  const payload = options.payload ?? bytes();
  const packet = bytes(
    be16(options.sourcePort),
    be16(options.destinationPort),
    be32(options.tag ?? 0x12345678),
    [0, 0, 0, 0],
    [options.chunk, 0],
    be16(4 + payload.length),
    payload,
  );
  if (options.hasChecksum !== false) new DataView(packet.buffer).setUint32(8, crc32c(packet), true);
  return packet;
}

/** Bit by bit, as RFC 9260 appendix A defines it. */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

export function udp(
  options: Ends & Ports & { readonly payload?: Uint8Array; readonly hasChecksum?: boolean },
): Uint8Array {
  const payload = options.payload ?? bytes();
  const datagram = bytes(
    be16(options.sourcePort),
    be16(options.destinationPort),
    be16(8 + payload.length),
    [0, 0],
    payload,
  );
  if (options.hasChecksum !== false) datagram.set(be16(l4Checksum(options, UDP, datagram) || 0xffff), 6);
  return datagram;
}

export interface IcmpOptions extends Ends {
  readonly type: number;
  readonly code?: number;
  readonly body: Uint8Array;
}

/** ICMP of the family of its addresses; `body` follows the checksum. */
export function icmp(options: IcmpOptions): Uint8Array {
  const message = bytes([options.type, options.code ?? 0, 0, 0], options.body);
  const isV6 = options.source.includes(':');
  message.set(be16(isV6 ? l4Checksum(options, ICMP6, message) : checksum(message)), 2);
  return message;
}

/** ARP over Ethernet (RFC 826), a request by default. */
export function arp(sender: { readonly mac: string; readonly ip: string }, target: string): Uint8Array {
  const message = bytes(
    [0, 1, 8, 0, 6, 4, 0, 1],
    mac(sender.mac),
    address(sender.ip),
    [0, 0, 0, 0, 0, 0],
    address(target),
  );
  return ethernet(0x0806, message);
}

/** A frame read back. `isSound` says that every checksum it carries is right. */
export interface ReadPacket {
  readonly source: Ip;
  readonly destination: Ip;
  readonly protocol: number;
  readonly sourcePort: number | undefined;
  readonly destinationPort: number | undefined;
  /** TCP flags or ICMP type. */
  readonly flags: number | undefined;
  readonly l4: Uint8Array;
  readonly isSound: boolean;
}

export function readFrame(bytesOfFrame: Uint8Array): ReadPacket {
  const isV6 = bytesOfFrame[12] === 0x86;
  return isV6 ? readIpv6(bytesOfFrame.subarray(14)) : readIpv4(bytesOfFrame.subarray(14));
}

export function readIpv4(packet: Uint8Array): ReadPacket {
  const view = viewOf(packet);
  const length = ((packet[0] ?? 0) & 15) * 4;
  const isLater = (view.getUint16(6) & 0x1fff) !== 0;
  const isFragment = isLater || (view.getUint16(6) & 0x2000) !== 0;
  const [source, destination] = [ipFromBytes(packet.slice(12, 16)), ipFromBytes(packet.slice(16, 20))];
  const l4 = packet.subarray(length, view.getUint16(2));
  const read = readL4({ source, destination, protocol: packet[9] ?? 0, l4 }, { isLater, isFragment });
  return { ...read, isSound: read.isSound && checksum(packet.subarray(0, length)) === 0 };
}

export function readIpv6(packet: Uint8Array): ReadPacket {
  const view = viewOf(packet);
  const isFragment = packet[6] === FRAGMENT;
  const l4 = packet.subarray(isFragment ? 48 : 40, 40 + view.getUint16(4));
  const [source, destination] = [ipFromBytes(packet.slice(8, 24)), ipFromBytes(packet.slice(24, 40))];
  const isLater = isFragment && (view.getUint16(42) & 0xfff8) !== 0;
  const protocol = (isFragment ? packet[40] : packet[6]) ?? 0;
  return readL4({ source, destination, protocol, l4 }, { isLater, isFragment });
}

function readL4(
  packet: Pick<ReadPacket, 'source' | 'destination' | 'protocol' | 'l4'>,
  { isLater, isFragment }: { readonly isLater: boolean; readonly isFragment: boolean },
): ReadPacket {
  const { protocol, l4 } = packet;
  const view = viewOf(l4);
  const hasPorts = (protocol === TCP || protocol === UDP || protocol === SCTP) && !isLater;
  const isUnchecked = isFragment || (protocol === UDP && view.getUint16(6) === 0);
  const sum = sumOf(packet);
  return {
    ...packet,
    sourcePort: hasPorts ? view.getUint16(0) : undefined,
    destinationPort: hasPorts ? view.getUint16(2) : undefined,
    flags: protocol === TCP && !isLater ? l4[13] : l4[0],
    isSound: isUnchecked || sum === 0,
  };
}

/** 0 where the checksum that it carries is right. */
function sumOf({
  protocol,
  l4,
  ...ends
}: Pick<ReadPacket, 'source' | 'destination' | 'protocol' | 'l4'>): number {
  if (protocol === ICMP) return checksum(l4);
  if (protocol !== SCTP) return l4Checksum(ends, protocol, l4);
  const bare = l4.slice();
  bare.fill(0, 8, 12);
  return viewOf(l4).getUint32(8, true) ^ crc32c(bare);
}

/** One's complement sum (RFC 1071); 0 over data that holds its own right checksum. */
export function checksum(data: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < data.length; at += 2) sum += ((data[at] ?? 0) << 8) | (data[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function l4Checksum(ends: Ends, protocol: number, l4: Uint8Array): number {
  return checksum(
    bytes(address(ends.source), address(ends.destination), be32(l4.length), be32(protocol), l4),
  );
}

export function bytes(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

export function address(text: string): Uint8Array {
  return ipToBytes(parseIp(text));
}

export function be16(value: number): readonly number[] {
  return [(value >> 8) & 0xff, value & 0xff];
}

export function be32(value: number): readonly number[] {
  return [(value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

function mac(text: string): readonly number[] {
  return text.split(':').map((part) => Number.parseInt(part, 16));
}

function viewOf(data: Uint8Array): DataView {
  return new DataView(data.buffer, data.byteOffset, data.byteLength);
}
