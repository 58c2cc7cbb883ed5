// IP addresses as canonical text: equal addresses are equal strings, so they serve as map keys and in JSON.
// IPv6 is written as RFC 5952 says; IPv4-mapped IPv6 addresses stay IPv6 (::ffff:192.0.2.1).

import type { Brand } from './brand.ts';
import { FairleadError } from './errors.ts';

/** An IPv4 or IPv6 address in canonical text, made only by this file. */
export type Ip = Brand<string, 'Ip'>;

export type Family = 4 | 6;

const [DOT, SLASH, ZERO, NINE] = [0x2e, 0x2f, 0x30, 0x39];

/** The address, or undefined where `text` is not exactly one address (no zone, no port, no leading zeros). */
export function tryParseIp(text: string): Ip | undefined {
  const bytes = text.includes(':') ? parseIpv6(text) : parseIpv4(text);
  return bytes === undefined ? undefined : ipFromBytes(bytes);
}

/** The address; throws `invalid` naming the text. */
export function parseIp(text: string): Ip {
  const ip = tryParseIp(text);
  if (ip === undefined) throw new FairleadError('invalid', `Cannot read IP address "${text}"`);
  return ip;
}

export function familyOf(ip: Ip): Family {
  return ip.includes(':') ? 6 : 4;
}

/** The address in network byte order: 4 or 16 bytes. */
export function ipToBytes(ip: Ip): Uint8Array {
  const bytes = ip.includes(':') ? parseIpv6(ip) : parseIpv4(ip);
  if (bytes === undefined) throw new FairleadError('internal', `Branded address "${ip}" does not parse`);
  return bytes;
}

/** The address of 4 or 16 bytes in network byte order. */
export function ipFromBytes(bytes: Uint8Array): Ip {
  // Not `join`: a node has a hundred thousand of these to read, and `join` takes five times as long.
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}` as Ip;
  if (bytes.length !== 16) {
    throw new FairleadError('invalid', `Cannot read IP address: ${bytes.length} bytes, not 4 or 16`);
  }
  return formatIpv6(bytes) as Ip;
}

/**
 * Writes the 16 bytes by which both families share one key space in BPF maps: IPv4 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2). `bytes` are
 * zero there.
 */
export function writeMappedIp(ip: Ip, bytes: Uint8Array, start: number): void {
  if (familyOf(ip) === 6) return bytes.set(ipToBytes(ip), start);
  bytes[start + 10] = 0xff;
  bytes[start + 11] = 0xff;
  // Digit by digit: tables of a hundred thousand endpoints come by here, and pieces of text cost more than the rest of an entry.
  let at = start + 12;
  let number = 0;
  for (let i = 0; i < ip.length; i++) {
    const code = ip.charCodeAt(i);
    if (code !== DOT) number = number * 10 + code - ZERO;
    else {
      bytes[at++] = number;
      number = 0;
    }
  }
  bytes[at] = number;
}

/** The inverse of `writeMappedIp`. */
export function ipFromMappedBytes(bytes: Uint8Array): Ip {
  const isMapped =
    bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
  return ipFromBytes(isMapped ? bytes.subarray(12, 16) : bytes);
}

/** The address as an unsigned number of 32 or 128 bits. */
export function ipToBigInt(ip: Ip): bigint {
  let value = 0n;
  for (const byte of ipToBytes(ip)) value = (value << 8n) | BigInt(byte);
  return value;
}

/** The inverse of `ipToBigInt`; throws `invalid` outside of the family's range. */
export function ipFromBigInt(value: bigint, family: Family): Ip {
  const length = family === 4 ? 4 : 16;
  if (value < 0n || value >> BigInt(length * 8) !== 0n) {
    throw new FairleadError('invalid', `Cannot make IPv${family} address of ${value}: out of range`);
  }
  const bytes = new Uint8Array(length);
  let rest = value;
  for (let i = length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return ipFromBytes(bytes);
}

/** Orders IPv4 before IPv6, then by value. */
export function compareIps(a: Ip, b: Ip): number {
  const families = familyOf(a) - familyOf(b);
  if (families !== 0) return families;
  if (a === b) return 0;
  if (familyOf(a) === 4) return ipv4Number(a) - ipv4Number(b);
  return Buffer.compare(ipToBytes(a), ipToBytes(b));
}

/** The IPv4 address, or base of a prefix, as an unsigned number; without a look at whether it is one. */
export function ipv4Number(text: string): number {
  let [number, part] = [0, 0];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === SLASH) break;
    if (code !== DOT) part = part * 10 + code - ZERO;
    else {
      number = (number + part) * 256;
      part = 0;
    }
  }
  return number + part;
}

/** Digit by digit, since all that is programmed passes here. */
function parseIpv4(text: string): Uint8Array | undefined {
  if (text.length > 15) return undefined;
  const bytes = new Uint8Array(4);
  let at = 0;
  let value = 0;
  let digits = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i === text.length ? DOT : text.charCodeAt(i);
    if (code === DOT) {
      if (digits === 0 || at === 4) return undefined;
      bytes[at++] = value;
      value = 0;
      digits = 0;
      continue;
    }
    // No leading zeros: some readers take them as octal, so that two programs would see two addresses.
    if (code < ZERO || code > NINE || (digits > 0 && value === 0)) return undefined;
    value = value * 10 + code - ZERO;
    if (value > 255) return undefined;
    digits++;
  }
  return at === 4 ? bytes : undefined;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? '', true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  const bytes = new Uint8Array(16);
  for (const [i, group] of groups.entries()) {
    bytes[2 * i] = group >> 8;
    bytes[2 * i + 1] = group & 0xff;
  }
  return bytes;
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [i, part] of parts.entries()) {
    if (part.includes('.')) {
      const bytes = mayEndInIpv4 && i === parts.length - 1 ? parseIpv4(part) : undefined;
      if (bytes === undefined) return undefined;
      const [a = 0, b = 0, c = 0, d = 0] = bytes;
      groups.push((a << 8) | b, (c << 8) | d);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups.length > 8 ? undefined : groups;
}

function formatIpv6(bytes: Uint8Array): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  const isMapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  if (isMapped) return `::ffff:${bytes.subarray(12).join('.')}`;
  const { start, length } = longestZeroRun(groups);
  if (length < 2) return groups.map((group) => group.toString(16)).join(':');
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === 0) continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}
