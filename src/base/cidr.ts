// Prefixes as canonical text ("10.244.1.0/24"): host bits are zero, so equal prefixes are equal strings.

import type { Brand } from './brand.ts';
import { FairleadError } from './errors.ts';
import {
  familyOf,
  ipFromBigInt,
  ipToBigInt,
  ipToBytes,
  ipv4Number,
  tryParseIp,
  type Family,
  type Ip,
} from './ip.ts';

/** An IPv4 or IPv6 prefix in canonical text with zero host bits, made only by this file. */
export type Cidr = Brand<string, 'Cidr'>;

/** The prefix; throws `invalid` where the text is no prefix or has host bits set (the message names the network meant). */
export function parseCidr(text: string): Cidr {
  const parts = splitCidr(text);
  if (parts === undefined) throw new FairleadError('invalid', `Cannot read prefix "${text}"`);
  const cidr = cidrOf(parts.ip, parts.prefixLength);
  if (cidrBase(cidr) !== parts.ip) {
    throw new FairleadError(
      'invalid',
      `Cannot read prefix "${text}": host bits are set, "${cidr}" may be meant`,
    );
  }
  return cidr;
}

/** An interface address as `ip addr` writes it: "10.244.1.1/24" keeps its host bits. */
export function parseInterfaceAddress(text: string): { readonly ip: Ip; readonly prefixLength: number } {
  const parts = splitCidr(text);
  if (parts === undefined) throw new FairleadError('invalid', `Cannot read interface address "${text}"`);
  return parts;
}

/** The prefix of `prefixLength` bits that `ip` lies in. */
export function cidrOf(ip: Ip, prefixLength: number): Cidr {
  const family = familyOf(ip);
  const width = widthOf(family);
  if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > width) {
    throw new FairleadError(
      'invalid',
      `Cannot make prefix of ${ip}: length ${prefixLength} is not in 0 to ${width}`,
    );
  }
  const hostBits = BigInt(width - prefixLength);
  const base = (ipToBigInt(ip) >> hostBits) << hostBits;
  return `${ipFromBigInt(base, family)}/${prefixLength}` as Cidr;
}

/** The prefix of one address: /32 or /128. */
export function hostCidr(ip: Ip): Cidr {
  return `${ip}/${widthOf(familyOf(ip))}` as Cidr;
}

export function cidrBase(cidr: Cidr): Ip {
  return cidr.slice(0, cidr.lastIndexOf('/')) as Ip;
}

export function cidrLength(cidr: Cidr): number {
  return Number(cidr.slice(cidr.lastIndexOf('/') + 1));
}

export function cidrFamily(cidr: Cidr): Family {
  return familyOf(cidrBase(cidr));
}

/** How many addresses the prefix holds. */
export function cidrSize(cidr: Cidr): bigint {
  return 1n << BigInt(widthOf(cidrFamily(cidr)) - cidrLength(cidr));
}

/** Without big numbers: rows of ten thousands of endpoints ask it. */
export function cidrHasIp(cidr: Cidr, ip: Ip): boolean {
  const isIpv6 = ip.includes(':');
  if (isIpv6 !== cidr.includes(':')) return false;
  const length = cidrLength(cidr);
  // A shift by 32 would be one by none.
  if (!isIpv6) return length === 0 || (ipv4Number(cidr) ^ ipv4Number(ip)) >>> (32 - length) === 0;
  const [a, b] = [ipToBytes(cidrBase(cidr)), ipToBytes(ip)];
  const whole = length >> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  const difference = (a[whole] ?? 0) ^ (b[whole] ?? 0);
  return difference >> (8 - (length & 7)) === 0;
}

/** True when every address of `inner` lies in `outer`. */
export function cidrHasCidr(outer: Cidr, inner: Cidr): boolean {
  return cidrLength(inner) >= cidrLength(outer) && cidrHasIp(outer, cidrBase(inner));
}

export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return cidrHasCidr(a, b) || cidrHasCidr(b, a);
}

/** The address at `index` (0 is the base); throws `exhausted` past the end. */
export function cidrIpAt(cidr: Cidr, index: bigint | number): Ip {
  const offset = BigInt(index);
  if (offset < 0n || offset >= cidrSize(cidr)) {
    throw new FairleadError(
      'exhausted',
      `Cannot take address ${offset} of ${cidr}: it holds ${cidrSize(cidr)}`,
    );
  }
  return ipFromBigInt(ipToBigInt(cidrBase(cidr)) + offset, cidrFamily(cidr));
}

/** The sub-prefix of `prefixLength` bits at `index`; throws `exhausted` past the end. */
export function cidrSubnetAt(cidr: Cidr, prefixLength: number, index: number): Cidr {
  const count = 1n << BigInt(Math.max(0, prefixLength - cidrLength(cidr)));
  if (prefixLength < cidrLength(cidr) || BigInt(index) >= count) {
    throw new FairleadError(
      'exhausted',
      `Cannot take /${prefixLength} number ${index} of ${cidr}: it holds ${count}`,
    );
  }
  const step = 1n << BigInt(widthOf(cidrFamily(cidr)) - prefixLength);
  return cidrOf(cidrIpAt(cidr, BigInt(index) * step), prefixLength);
}

function widthOf(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128;
}

function splitCidr(text: string): { readonly ip: Ip; readonly prefixLength: number } | undefined {
  const match = /^([^/]+)\/(0|[1-9][0-9]{0,2})$/.exec(text);
  const ip = tryParseIp(match?.[1] ?? '');
  if (match === null || ip === undefined) return undefined;
  const prefixLength = Number(match[2]);
  return prefixLength <= widthOf(familyOf(ip)) ? { ip, prefixLength } : undefined;
}
