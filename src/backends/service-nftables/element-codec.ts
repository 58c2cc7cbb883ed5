// Elements of a frontend's row as the kernel has them: keys begin with address, protocol and port. Pure.

import { cidrOf, type Cidr } from '../../base/cidr.ts';
import { ipFromBytes, ipToBytes, parseIp, type Family, type Ip } from '../../base/ip.ts';
import { isPort, parsePort, PROTOCOL_NUMBERS, type Protocol } from '../../base/port.ts';
import { be16 } from '../../wire/netlink/network-order.ts';
import { concatenated, type NftElement } from '../../wire/netlink/nftables.ts';
import { markText } from './flow-kind.ts';
import { markedName, type FrontendSet, type RowAddress } from './frontend-row.ts';

const FIELD_BYTES = 4;
const PROTOCOLS = new Map(Object.entries(PROTOCOL_NUMBERS).map(([name, number]) => [number, name]));

/** The kernel's set for a set of rows: one per family. */
export function setName(set: FrontendSet, family: Family): string {
  return `${set}${family}`;
}

/** Address, protocol and port: the begin of all keys of a frontend. */
export function addressKey({ ip, protocol, port }: RowAddress): Uint8Array {
  return concatenated(ipToBytes(ip), Uint8Array.of(PROTOCOL_NUMBERS[protocol]), be16(port));
}

export function setOfName(name: string): FrontendSet {
  const end = name.indexOf(' ');
  // Names are made by `renderFrontend` and `readName` alone, both of which begin them with a set.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (end < 0 ? name : name.slice(0, end)) as FrontendSet;
}

/** `key` is the frontend's (`addressKey`). Without a value it is what deletes the element. */
export function encodeElement(key: Uint8Array, name: string, value: string | undefined): NftElement {
  const set = setOfName(name);
  const rest = name.slice(set.length + 1);
  switch (set) {
    case 'services':
    case 'outside':
      return withData(key, value, markBytes);
    case 'endpoints':
      return withData(withMark(key, rest), value, endpointBytes);
    case 'identities':
      return withData(withMark(key, rest), value, markBytes);
    case 'masquerade':
    case 'limited':
      return { key };
    case 'allowed': {
      const { first, last } = rangeOf(rest);
      return { key: concatenated(key, first), keyEnd: concatenated(key, last) };
    }
    default:
      return set satisfies never;
  }
}

function withData(
  key: Uint8Array,
  value: string | undefined,
  bytesOf: (value: string) => Uint8Array,
): NftElement {
  return value === undefined ? { key } : { key, data: { kind: 'value', bytes: bytesOf(value) } };
}

/** The frontend that an element belongs to; undefined for one that no row has: somebody else's. */
export function readAddress(family: Family, key: Uint8Array): RowAddress | undefined {
  const ipBytes = family === 4 ? 4 : 16;
  const port = readBe16At(key, ipBytes + FIELD_BYTES);
  const protocol = PROTOCOLS.get(key[ipBytes] ?? 0);
  if (!isProtocol(protocol) || !isPort(port)) return undefined;
  return { ip: ipFromBytes(key.subarray(0, ipBytes)), protocol, port };
}

/** The same text for elements of one frontend, and for no other's; quicker to make than its key. */
export function addressId(family: Family, key: Uint8Array): string {
  const end = (family === 4 ? 4 : 16) + 2 * FIELD_BYTES;
  let id = '';
  for (let at = 0; at < end; at += 2) id += String.fromCharCode(readBe16At(key, at));
  return id;
}

export function readName(set: FrontendSet, family: Family, { key, keyEnd }: NftElement): string {
  const start = (family === 4 ? 4 : 16) + 2 * FIELD_BYTES;
  switch (set) {
    case 'endpoints':
    case 'identities':
      return markedName(set, readMark(key, start));
    case 'allowed':
      return `allowed ${rangeText(key.subarray(start), (keyEnd ?? key).subarray(start))}`;
    case 'services':
    case 'outside':
    case 'masquerade':
    case 'limited':
      return set;
    default:
      return set satisfies never;
  }
}

export function readValue(set: FrontendSet, family: Family, { data }: NftElement): string {
  if (data?.kind !== 'value') return '';
  return set === 'endpoints' ? readEndpoint(data.bytes, family) : markText(readMark(data.bytes, 0));
}

function isProtocol(name: string | undefined): name is Protocol {
  return name === 'TCP' || name === 'UDP' || name === 'SCTP';
}

// A hundred thousand elements are made at once when a node starts: each part of one is written in its place, not made and copied.

function markBytes(text: string): Uint8Array {
  return writeMark(new Uint8Array(FIELD_BYTES), 0, text);
}

function withMark(key: Uint8Array, text: string): Uint8Array {
  const bytes = new Uint8Array(key.length + FIELD_BYTES);
  bytes.set(key);
  return writeMark(bytes, key.length, text);
}

/** Marks are in the order of the machine, little endian. */
function writeMark(bytes: Uint8Array, at: number, text: string): Uint8Array {
  const value = Number(text);
  bytes[at] = value & 0xff;
  bytes[at + 1] = (value >>> 8) & 0xff;
  bytes[at + 2] = (value >>> 16) & 0xff;
  bytes[at + 3] = value >>> 24;
  return bytes;
}

/** "10.244.1.7 8080" */
function endpointBytes(text: string): Uint8Array {
  const space = text.indexOf(' ');
  const ip = ipToBytes(parseIp(text.slice(0, space)));
  const port = parsePort(Number(text.slice(space + 1)));
  const bytes = new Uint8Array(ip.length + FIELD_BYTES);
  bytes.set(ip);
  bytes[ip.length] = port >>> 8;
  bytes[ip.length + 1] = port & 0xff;
  return bytes;
}

function readEndpoint(bytes: Uint8Array, family: Family): string {
  const ipBytes = family === 4 ? 4 : 16;
  if (bytes.length < ipBytes + 2) return '';
  return `${ipFromBytes(bytes.subarray(0, ipBytes))} ${readBe16At(bytes, ipBytes)}`;
}

function readBe16At(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function readMark(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
  return (low | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>> 0;
}

/** First and last address of a prefix, or of "first-last". */
function rangeOf(text: string): { readonly first: Uint8Array; readonly last: Uint8Array } {
  const [from, to] = text.split('-');
  if (to !== undefined) return { first: ipToBytes(parseIp(from ?? '')), last: ipToBytes(parseIp(to)) };
  const at = text.lastIndexOf('/');
  const first = ipToBytes(parseIp(text.slice(0, at)));
  const last = first.slice();
  for (let bit = Number(text.slice(at + 1)); bit < last.length * 8; bit++) {
    last[bit >> 3] = (last[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  }
  return { first, last };
}

/** The prefix that a range is. One that is none is written with both its ends, which no row has. */
function rangeText(first: Uint8Array, last: Uint8Array): string {
  const [from, to] = [ipFromBytes(first), ipFromBytes(last)];
  const cidr = commonPrefix(first, last);
  const range = rangeOf(cidr);
  const isPrefix = isSame(range.first, first) && isSame(range.last, last);
  return isPrefix ? cidr : `${from}-${to}`;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** The least prefix that holds both addresses. */
function commonPrefix(first: Uint8Array, last: Uint8Array): Cidr {
  let bits = 0;
  while (bits < first.length * 8 && bitOf(first, bits) === bitOf(last, bits)) bits++;
  return cidrOf(ipFromBytes(first), bits);
}

/** The least prefix that holds a range of addresses; of the ranges that nft makes of prefixes, the prefix. */
export function prefixOf(first: Ip, last: Ip): Cidr {
  return commonPrefix(ipToBytes(first), ipToBytes(last));
}

function bitOf(bytes: Uint8Array, bit: number): number {
  return ((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1;
}
