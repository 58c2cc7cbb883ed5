// What the objects mean for a name: the Kubernetes DNS specification 1.1.0, section by section, as a list of all records of the cluster.
// Naive on purpose: the whole list is written for every question.

import { cidrHasIp, type Cidr } from '../base/cidr.ts';
import { familyOf, ipToBytes, parseIp, type Ip } from '../base/ip.ts';
import type { RawEndpointSlice, RawService, RawServiceObjects } from './raw-objects.ts';

export interface NameSettings {
  readonly domain: string;
  /** Addresses of the cluster: one of them without a name has none. */
  readonly prefixes: readonly Cidr[];
}

export interface NameRecord {
  /** Lower case, no dot at the end. */
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'SRV' | 'PTR' | 'CNAME' | 'TXT';
  /** Address, target, text; of SRV "port target", since priority and weight are free. */
  readonly data: string;
}

export type NameVerdict =
  /** Somebody else's name. */
  | { readonly kind: 'outside' }
  | { readonly kind: 'no-name' }
  /** Nothing of this type, though the name, or one below it, exists. */
  | { readonly kind: 'no-data' }
  | { readonly kind: 'alias'; readonly target: string }
  | { readonly kind: 'records'; readonly data: ReadonlySet<string> };

/** What a question for `name` and `type` must be answered with. */
export function resolve(
  objects: RawServiceObjects,
  settings: NameSettings,
  name: string,
  type: string,
): NameVerdict {
  // "All comparisons between query data and data in Kubernetes is case-insensitive" (2.1).
  const asked = name.toLowerCase();
  const records = allRecords(objects, settings.domain);
  const here = records.filter((record) => record.name === asked);
  const alias = here.find((record) => record.type === 'CNAME');
  if (alias !== undefined) return { kind: 'alias', target: alias.data };
  const data = here.filter((record) => record.type === type).map((record) => record.data);
  if (data.length > 0) return { kind: 'records', data: new Set(data) };
  const exists = asked === settings.domain || records.some((it) => isAtOrBelow(it.name, asked));
  if (isAtOrBelow(asked, settings.domain)) return { kind: exists ? 'no-data' : 'no-name' };
  const ip = addressOf(asked);
  if (ip === undefined) return { kind: 'outside' };
  if (here.length > 0) return { kind: 'no-data' };
  return { kind: settings.prefixes.some((prefix) => cidrHasIp(prefix, ip)) ? 'no-name' : 'outside' };
}

/** Every record of the specification. */
export function allRecords(objects: RawServiceObjects, domain: string): readonly NameRecord[] {
  return [
    // 2.2: the version of the schema.
    { name: `dns-version.${domain}`, type: 'TXT', data: '1.1.0' },
    ...objects.services.flatMap((service) => {
      if (service.spec.type === 'ExternalName') return externalName(service, domain);
      if (service.spec.clusterIP === 'None') return headless(service, objects.endpointSlices, domain);
      return clusterIp(service, domain);
    }),
  ];
}

function serviceName({ metadata }: RawService, domain: string): string {
  return `${metadata.name}.${metadata.namespace}.svc.${domain}`.toLowerCase();
}

/** 2.3: A or AAAA of each cluster address, SRV of each named port, PTR of each address. */
function clusterIp(service: RawService, domain: string): NameRecord[] {
  const name = serviceName(service, domain);
  const texts = service.spec.clusterIPs ?? [service.spec.clusterIP ?? ''];
  const ips = texts.filter((text) => text !== '').map(parseIp);
  if (ips.length === 0) return [];
  const named = (service.spec.ports ?? []).filter((port) => (port.name ?? '') !== '');
  return [
    ...ips.map((ip) => addressRecord(name, ip)),
    ...named.map((port) => srvRecord({ service: name, port, target: name })),
    ...ips.map((ip) => ptrRecord(ip, name)),
  ];
}

/** 2.4: A or AAAA of each ready endpoint at the Service's name and at its own, SRV of each with each named port, PTR with a hostname. */
function headless(service: RawService, slices: readonly RawEndpointSlice[], domain: string): NameRecord[] {
  const name = serviceName(service, domain);
  return slices
    .filter((slice) => isSliceOf(slice, service))
    .flatMap((slice) => {
      const named = (slice.ports ?? []).filter((port) => (port.name ?? '') !== '');
      const published = (slice.endpoints ?? []).filter(
        (it) => service.spec.publishNotReadyAddresses === true || (it.conditions?.ready ?? true),
      );
      return published.flatMap((endpoint) =>
        endpoint.addresses.map(parseIp).flatMap((ip) => {
          const hostname = endpoint.hostname ?? '';
          // Without a hostname the identifier of the endpoint is free; ours is its address.
          const own = `${hostname === '' ? ip.replaceAll(/[.:]/g, '-') : hostname}.${name}`.toLowerCase();
          return [
            addressRecord(name, ip),
            addressRecord(own, ip),
            ...named
              .filter((port) => typeof port.port === 'number')
              .map((port) => srvRecord({ service: name, port, target: own })),
            ...(hostname === '' ? [] : [ptrRecord(ip, own)]),
          ];
        }),
      );
    });
}

/** 2.5: CNAME to the external name. */
function externalName(service: RawService, domain: string): NameRecord[] {
  const target = (service.spec.externalName ?? '').toLowerCase().replace(/\.$/, '');
  return target === '' ? [] : [{ name: serviceName(service, domain), type: 'CNAME', data: target }];
}

function isSliceOf(slice: RawEndpointSlice, service: RawService): boolean {
  return (
    slice.addressType !== 'FQDN' &&
    slice.metadata.namespace === service.metadata.namespace &&
    slice.metadata.labels?.['kubernetes.io/service-name'] === service.metadata.name
  );
}

function addressRecord(name: string, ip: Ip): NameRecord {
  return { name, type: familyOf(ip) === 4 ? 'A' : 'AAAA', data: ip };
}

interface RawPort {
  readonly name?: string | null;
  readonly port?: number | null;
  readonly protocol?: string | null;
}

function srvRecord(of: { service: string; port: RawPort; target: string }): NameRecord {
  const { service, port, target } = of;
  const labels = `_${port.name ?? ''}._${port.protocol ?? 'TCP'}`.toLowerCase();
  return { name: `${labels}.${service}`, type: 'SRV', data: `${port.port ?? ''} ${target}` };
}

function ptrRecord(ip: Ip, target: string): NameRecord {
  return { name: reverseName(ip), type: 'PTR', data: target };
}

/** RFC 1035 3.5 and RFC 3596 2.5. */
export function reverseName(ip: Ip): string {
  const bytes = [...ipToBytes(ip)].reverse();
  if (familyOf(ip) === 4) return `${bytes.join('.')}.in-addr.arpa`;
  const nibbles = bytes.flatMap((byte) => [byte & 0xf, byte >> 4]);
  return `${nibbles.map((nibble) => nibble.toString(16)).join('.')}.ip6.arpa`;
}

/** The address of a whole reverse name. */
function addressOf(name: string): Ip | undefined {
  const v4 = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa$/.exec(name);
  if (v4 !== null) return parseIp(v4.slice(1).reverse().join('.'));
  if (!/^([0-9a-f]\.){32}ip6\.arpa$/.test(name)) return undefined;
  const digits = name.slice(0, 64).replaceAll('.', '').split('').reverse().join('');
  return parseIp(digits.replace(/.{4}(?=.)/g, '$&:'));
}

function isAtOrBelow(name: string, ancestor: string): boolean {
  return name === ancestor || name.endsWith(`.${ancestor}`);
}
