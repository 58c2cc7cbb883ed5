// ip() and cidr() with what can be asked of them (k8s.io/apiserver/pkg/cel/library, ip and cidr). As there, an IPv6 address that stands for an
// IPv4 one is none, and a prefix may have bits beyond its length until masked() takes them.

import type { Environment } from '@marcbachmann/cel-js';
import { cidrHasIp, cidrOf, cidrBase } from '../../base/cidr.ts';
import { FairleadError } from '../../base/errors.ts';
import { familyOf, ipFromMappedBytes, ipToBytes, tryParseIp, type Ip } from '../../base/ip.ts';
import type { Comparable } from './same.ts';

class Address implements Comparable {
  readonly ip: Ip;

  constructor(ip: Ip) {
    this.ip = ip;
  }

  isSame(other: unknown): boolean {
    return other instanceof Address && other.ip === this.ip;
  }

  toString(): string {
    return this.ip;
  }
}

class Prefix implements Comparable {
  /** As it was written: bits beyond the length are still there. */
  readonly ip: Ip;
  readonly length: number;

  constructor(ip: Ip, length: number) {
    this.ip = ip;
    this.length = length;
  }

  has(ip: Ip): boolean {
    return cidrHasIp(cidrOf(this.ip, this.length), ip);
  }

  isSame(other: unknown): boolean {
    return other instanceof Prefix && other.ip === this.ip && other.length === this.length;
  }

  toString(): string {
    return `${this.ip}/${this.length}`;
  }
}

class IpNamespace {}

export function registerAddresses(environment: Environment): void {
  registerIps(environment);
  registerPrefixes(environment);
}

function registerIps(environment: Environment): void {
  environment
    .registerType('net.IP', { ctor: Address, fields: {} })
    .registerType('IpNamespace', { ctor: IpNamespace, fields: {} })
    .registerConstant('ip', 'IpNamespace', new IpNamespace())
    .registerOperator('net.IP == net.IP', (a: Address, b: Address) => a.isSame(b))
    .registerFunction('isIP(string): bool', (text: string) => tryAddress(text) !== undefined)
    .registerFunction('ip(string): net.IP', addressOf)
    .registerFunction('string(net.IP): string', String)
    .registerFunction(
      'IpNamespace.isCanonical(string): bool',
      (_: unknown, text: string) => addressOf(text).ip === text,
    )
    .registerFunction('net.IP.family(): int', ({ ip }: Address) => BigInt(familyOf(ip)));
  for (const [name, isOne] of Object.entries(KINDS_OF_ADDRESSES))
    environment.registerFunction(`net.IP.${name}(): bool`, ({ ip }: Address) => isOne(ip));
}

const KINDS_OF_ADDRESSES: Readonly<Record<string, (ip: Ip) => boolean>> = {
  isUnspecified: (ip) => ip === '0.0.0.0' || ip === '::',
  isLoopback: (ip) => ip === '::1' || isWithin(ip, '127.0.0.0', 8),
  isLinkLocalMulticast: (ip) => isWithin(ip, '224.0.0.0', 24) || isMulticastOfLink(ip),
  isLinkLocalUnicast: (ip) => isWithin(ip, '169.254.0.0', 16) || isWithin(ip, 'fe80::', 10),
  isGlobalUnicast: (ip) =>
    ip !== '255.255.255.255' &&
    !NOT_GLOBAL.some(([base, length]) => isWithin(ip, base, length)) &&
    ip !== '0.0.0.0' &&
    ip !== '::' &&
    ip !== '::1',
};

const NOT_GLOBAL = [
  ['127.0.0.0', 8],
  ['224.0.0.0', 4],
  ['169.254.0.0', 16],
  ['ff00::', 8],
  ['fe80::', 10],
] as const;

/** ff?2::/16 with any flags. */
function isMulticastOfLink(ip: Ip): boolean {
  return /^ff[0-9a-f]2:/.test(ip);
}

function isWithin(ip: Ip, base: string, length: number): boolean {
  return new Prefix(addressOf(base).ip, length).has(ip);
}

function registerPrefixes(environment: Environment): void {
  environment
    .registerType('net.CIDR', { ctor: Prefix, fields: {} })
    .registerOperator('net.CIDR == net.CIDR', (a: Prefix, b: Prefix) => a.isSame(b))
    .registerFunction('isCIDR(string): bool', (text: string) => tryPrefix(text) !== undefined)
    .registerFunction('cidr(string): net.CIDR', prefixOf)
    .registerFunction('string(net.CIDR): string', String)
    .registerFunction('net.CIDR.ip(): net.IP', ({ ip }: Prefix) => new Address(ip))
    .registerFunction(
      'net.CIDR.masked(): net.CIDR',
      ({ ip, length }: Prefix) => new Prefix(cidrBase(cidrOf(ip, length)), length),
    )
    .registerFunction('net.CIDR.prefixLength(): int', ({ length }: Prefix) => BigInt(length))
    .registerFunction('net.CIDR.containsIP(net.IP): bool', (it: Prefix, { ip }: Address) => it.has(ip))
    .registerFunction('net.CIDR.containsIP(string): bool', (it: Prefix, text: string) =>
      it.has(addressOf(text).ip),
    )
    .registerFunction('net.CIDR.containsCIDR(net.CIDR): bool', hasPrefix)
    .registerFunction('net.CIDR.containsCIDR(string): bool', (it: Prefix, text: string) =>
      hasPrefix(it, prefixOf(text)),
    );
}

function hasPrefix(outer: Prefix, inner: Prefix): boolean {
  return outer.length <= inner.length && outer.has(inner.ip);
}

function tryAddress(text: string): Address | undefined {
  const ip = tryParseIp(text);
  return ip === undefined || isMapped(ip) ? undefined : new Address(ip);
}

/** IPv6 that stands for IPv4. */
function isMapped(ip: Ip): boolean {
  return familyOf(ip) === 6 && familyOf(ipFromMappedBytes(ipToBytes(ip))) === 4;
}

function addressOf(text: string): Address {
  const address = tryAddress(text);
  if (address === undefined)
    throw new FairleadError(
      'invalid',
      `IP Address ${JSON.stringify(text.slice(0, 80))} parse error during conversion from string`,
    );
  return address;
}

function tryPrefix(text: string): Prefix | undefined {
  const [base = '', length = '', ...more] = text.split('/');
  const address = tryAddress(base);
  if (address === undefined || more.length > 0 || !/^(?:0|[1-9]\d{0,2})$/.test(length)) return undefined;
  return Number(length) <= (familyOf(address.ip) === 4 ? 32 : 128)
    ? new Prefix(address.ip, Number(length))
    : undefined;
}

function prefixOf(text: string): Prefix {
  const prefix = tryPrefix(text);
  if (prefix === undefined)
    throw new FairleadError(
      'invalid',
      `network address parse error during conversion from string: ${JSON.stringify(text.slice(0, 80))}`,
    );
  return prefix;
}
