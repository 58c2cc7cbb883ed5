// Elements of the table as text ("<set> <key>", "<map> <key> : <value>") and as the kernel has them. Pure.

import {
  cidrBase,
  cidrIpAt,
  cidrLength,
  cidrOf,
  cidrSize,
  hostCidr,
  parseCidr,
  type Cidr,
} from '../../base/cidr.ts';
import {
  familyOf,
  ipFromBytes,
  ipToBigInt,
  ipToBytes,
  parseIp,
  type Family,
  type Ip,
} from '../../base/ip.ts';
import { isPort, parsePort, PROTOCOL_NUMBERS } from '../../base/port.ts';
import { be16 } from '../../wire/netlink/network-order.ts';
import { concatenated, type NftData, type NftElement } from '../../wire/netlink/nftables.ts';

/** Sets and maps of frontends, without the digit of their family, and what their keys hold. */
const SHAPES: ReadonlyMap<string, 'address' | 'frontend' | 'range' | 'pair'> = new Map([
  ['carried', 'address'],
  ['exclusive', 'address'],
  ['restricted', 'frontend'],
  ['ranges', 'range'],
  ['hairpins', 'pair'],
  ['inside', 'frontend'],
  ['node', 'frontend'],
  ['outside', 'frontend'],
  ['marks', 'frontend'],
]);
const PROTOCOL_NAMES = new Map(
  Object.entries(PROTOCOL_NUMBERS).map(([name, number]) => [number, name.toLowerCase()]),
);
const NUMBERS = new Map([...PROTOCOL_NAMES].map(([number, name]) => [name, number]));
/** Protocol and port, four bytes each. */
const PROTOCOL_AND_PORT_BYTES = 8;

export const FRONTEND_SETS: readonly string[] = [...SHAPES.keys()].flatMap((it) => [`${it}4`, `${it}6`]);

/** The set of an element. */
export function setOf(element: string): string {
  return element.slice(0, element.indexOf(' '));
}

/** "<set> <key>" of an element: what names it. */
export function nameOf(element: string): string {
  const value = element.indexOf(' : ');
  return value < 0 ? element : element.slice(0, value);
}

export function encodeElement(element: string): NftElement {
  const name = nameOf(element);
  const value = name === element ? undefined : element.slice(name.length + 3);
  const [ip = '', protocol, port, from, to] = name.slice(name.indexOf(' ') + 1).split(' . ');
  if (protocol === undefined) return { key: ipToBytes(parseIp(ip)) };
  const number = NUMBERS.get(protocol) ?? 0;
  const key = concatenated(ipToBytes(parseIp(ip)), Uint8Array.of(number), be16(parsePort(Number(port))));
  if (to !== undefined)
    return { key: concatenated(key, ipToBytes(parseIp(from ?? '')), ipToBytes(parseIp(to))) };
  if (from !== undefined) {
    const range = from.includes('/') ? parseCidr(from) : hostCidr(parseIp(from));
    const last = cidrIpAt(range, cidrSize(range) - 1n);
    return {
      key: concatenated(key, ipToBytes(cidrBase(range))),
      keyEnd: concatenated(key, ipToBytes(last)),
    };
  }
  return value === undefined ? { key } : { key, data: encodeValue(value) };
}

function encodeValue(value: string): NftData {
  if (value === 'drop') return { kind: 'drop' };
  if (value.startsWith('goto ')) return { kind: 'goto', chain: value.slice(5) };
  const bytes = new Uint8Array(4);
  // Marks are in the order of the machine.
  new DataView(bytes.buffer).setUint32(0, Number(value), true);
  return { kind: 'value', bytes };
}

/** Undefined for an element that no frontend has: somebody else's. */
export function decodeElement(set: string, element: NftElement): string | undefined {
  const family: Family = set.endsWith('6') ? 6 : 4;
  const ipBytes = family === 4 ? 4 : 16;
  const { key, keyEnd, data } = element;
  const ip = ipFromBytes(key.subarray(0, ipBytes));
  const shape = SHAPES.get(set.slice(0, -1));
  if (shape === 'address') return `${set} ${ip}`;
  const protocol = PROTOCOL_NAMES.get(key[ipBytes] ?? 0);
  const port = ((key[ipBytes + 4] ?? 0) << 8) | (key[ipBytes + 5] ?? 0);
  if (protocol === undefined || !isPort(port) || shape === undefined) return undefined;
  const frontend = `${set} ${ip} . ${protocol} . ${port}`;
  const rest = key.subarray(ipBytes + PROTOCOL_AND_PORT_BYTES);
  if (shape === 'pair')
    return `${frontend} . ${ipFromBytes(rest.subarray(0, ipBytes))} . ${ipFromBytes(rest.subarray(ipBytes, 2 * ipBytes))}`;
  if (shape === 'range') {
    const end = keyEnd?.subarray(ipBytes + PROTOCOL_AND_PORT_BYTES) ?? rest;
    return `${frontend} . ${rangeOf(ipFromBytes(rest), ipFromBytes(end))}`;
  }
  return data === undefined ? frontend : `${frontend} : ${decodeValue(data)}`;
}

function decodeValue(data: NftData): string {
  if (data.kind === 'drop') return 'drop';
  if (data.kind === 'goto') return `goto ${data.chain}`;
  const { buffer, byteOffset, byteLength } = data.bytes;
  return byteLength === 4 ? String(new DataView(buffer, byteOffset, 4).getUint32(0, true)) : 'unknown';
}

/** The prefix that a range is; one that is none, which no row has, is written with both its ends. */
function rangeOf(first: Ip, last: Ip): string {
  if (first === last) return first;
  const size = ipToBigInt(last) - ipToBigInt(first) + 1n;
  const width = familyOf(first) === 4 ? 32 : 128;
  const length = size > 0n ? width - (size.toString(2).length - 1) : width;
  const range = cidrOf(first, length);
  return isRange(range, first, last) ? rangeText(range) : `${first}-${last}`;
}

function isRange(range: Cidr, first: Ip, last: Ip): boolean {
  return cidrBase(range) === first && cidrIpAt(range, cidrSize(range) - 1n) === last;
}

/** A single address is written as one. */
export function rangeText(range: Cidr): string {
  const base = cidrBase(range);
  return cidrLength(range) === cidrLength(hostCidr(base)) ? base : range;
}
