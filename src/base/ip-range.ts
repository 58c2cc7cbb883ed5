// Ranges of addresses, as people write them: a prefix, or the first and the last one with a dash between.

import { cidrBase, cidrFamily, cidrLength, cidrSize, parseCidr } from './cidr.ts';
import { FairleadError } from './errors.ts';
import { familyOf, ipFromBigInt, ipToBigInt, parseIp, type Family, type Ip } from './ip.ts';

/** Both ends belong to it. */
export interface IpRange {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

/**
 * "192.0.2.0/24", "192.0.2.10-192.0.2.20", "fd00::10-fd00::ff". Of a prefix the first address is left out, and of IPv4 the last one
 * too: networks take them for the network itself (in IPv6 for its routers, RFC 4291) and for everybody.
 */
export function parseIpRange(text: string): IpRange {
  const dash = text.indexOf('-');
  if (dash < 0) return rangeOfCidr(text);
  const [first, last] = [parseIp(text.slice(0, dash).trim()), parseIp(text.slice(dash + 1).trim())];
  const family = familyOf(first);
  if (familyOf(last) !== family)
    throw new FairleadError('invalid', `Cannot read range "${text}": its ends are of two families`);
  const range = { family, first: ipToBigInt(first), last: ipToBigInt(last) };
  if (range.first > range.last)
    throw new FairleadError('invalid', `Cannot read range "${text}": it ends before it begins`);
  return range;
}

function rangeOfCidr(text: string): IpRange {
  const cidr = parseCidr(text.trim());
  const family = cidrFamily(cidr);
  const base = ipToBigInt(cidrBase(cidr));
  const last = base + cidrSize(cidr) - 1n;
  if (cidrLength(cidr) >= (family === 4 ? 31 : 127)) return { family, first: base, last };
  return { family, first: base + 1n, last: family === 4 ? last - 1n : last };
}

export function rangeHasIp({ family, first, last }: IpRange, ip: Ip): boolean {
  if (familyOf(ip) !== family) return false;
  const value = ipToBigInt(ip);
  return first <= value && value <= last;
}

export function rangeSize({ first, last }: IpRange): bigint {
  return last - first + 1n;
}

export function rangesOverlap(a: IpRange, b: IpRange): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last;
}

/** The lowest address for which `isTaken` is false; undefined where there is none. */
export function lowestFree(range: IpRange, isTaken: (ip: Ip) => boolean): Ip | undefined {
  for (let value = range.first; value <= range.last; value++) {
    const ip = ipFromBigInt(value, range.family);
    if (!isTaken(ip)) return ip;
  }
  return undefined;
}
