// Names below in-addr.arpa and ip6.arpa: what address or prefix they stand for (RFC 1035 3.5, RFC 3596 2.5). Pure.

import { cidrBase, cidrFamily, cidrHasCidr, cidrLength, cidrOf, type Cidr } from '../base/cidr.ts';
import { familyOf, ipFromBytes, ipToBytes, type Ip } from '../base/ip.ts';
import { nameFromLabels, type DnsName } from '../wire/dns/name.ts';

/** The prefix a reverse name stands for (/32 or /128: one address); undefined for every other name. `labels` in lower case. */
export function reversePrefixOf(labels: readonly string[]): Cidr | undefined {
  if (labels.at(-1) !== 'arpa') return undefined;
  const digits = labels.slice(0, -2).reverse();
  if (labels.at(-2) === 'in-addr') return ipv4Prefix(digits);
  if (labels.at(-2) === 'ip6') return ipv6Prefix(digits);
  return undefined;
}

/** "5.0.96.10.in-addr.arpa" for 10.96.0.5; of a prefix, the name of its whole octets or nibbles. */
export function reverseNameOf(prefix: Cidr): DnsName {
  const bytes = [...ipToBytes(cidrBase(prefix))];
  if (cidrFamily(prefix) === 4) {
    const octets = bytes.slice(0, Math.floor(cidrLength(prefix) / 8)).map(String);
    return nameFromLabels([...octets.reverse(), 'in-addr', 'arpa']);
  }
  const nibbles = bytes
    .flatMap((byte) => [byte >> 4, byte & 0xf])
    .slice(0, Math.floor(cidrLength(prefix) / 4));
  return nameFromLabels([...nibbles.map((nibble) => nibble.toString(16)).reverse(), 'ip6', 'arpa']);
}

/**
 * The apex of the reverse zone that owns `asked` where it lies in one of `owned`: the prefix cut at the next whole octet or nibble,
 * since names cannot say the bits between. Undefined where none of them owns it.
 */
export function reverseApex(asked: Cidr, owned: readonly Cidr[]): Cidr | undefined {
  const owner = owned.find((prefix) => cidrHasCidr(prefix, asked));
  if (owner === undefined) return undefined;
  const step = cidrFamily(owner) === 4 ? 8 : 4;
  return cidrOf(cidrBase(asked), Math.min(Math.ceil(cidrLength(owner) / step) * step, cidrLength(asked)));
}

/** The address where `prefix` is just one. */
export function addressOf(prefix: Cidr): Ip | undefined {
  const ip = cidrBase(prefix);
  return cidrLength(prefix) === (familyOf(ip) === 4 ? 32 : 128) ? ip : undefined;
}

function ipv4Prefix(digits: readonly string[]): Cidr | undefined {
  const isOctet = (digit: string): boolean => /^(0|[1-9][0-9]{0,2})$/.test(digit) && Number(digit) <= 255;
  if (digits.length === 0 || digits.length > 4 || !digits.every(isOctet)) return undefined;
  const bytes = new Uint8Array(4);
  bytes.set(digits.map(Number));
  return cidrOf(ipFromBytes(bytes), 8 * digits.length);
}

function ipv6Prefix(digits: readonly string[]): Cidr | undefined {
  if (digits.length === 0 || digits.length > 32) return undefined;
  if (!digits.every((digit) => /^[0-9a-f]$/.test(digit))) return undefined;
  const hex = digits.join('').padEnd(32, '0');
  return cidrOf(ipFromBytes(Buffer.from(hex, 'hex')), 4 * digits.length);
}
