// The zone indexed for look-ups by name and by address; changed entry by entry. Knows entries, not DNS messages.

import { cidrHasIp, type Cidr } from '../base/cidr.ts';
import type { Ip } from '../base/ip.ts';
import { dashedIp, nameEntryKey, type NameEntry, type NameZone } from '../model/names.ts';

export type ServiceEntry = Exclude<NameEntry, { kind: 'pod' }>;

/**
 * Entries come with names in lower case (`parseNameEntry` sees to it). What is kept beside the entries is little on purpose: ten
 * thousand Services must fit into a few megabytes.
 */
export class ZoneIndex {
  /** By `nameEntryKey`. */
  readonly #entries = new Map<string, NameEntry>();
  /** "namespace/dashed address" -> address. */
  readonly #pods = new Map<string, Ip>();
  readonly #serviceNamespaces = new Map<string, number>();
  readonly #podNamespaces = new Map<string, number>();
  /** Who has a name for an address; mostly just one. */
  readonly #owners = new Map<Ip, ServiceEntry | readonly ServiceEntry[]>();
  #prefixes: readonly Cidr[] = [];

  get entries(): ReadonlyMap<string, NameEntry> {
    return this.#entries;
  }

  get prefixes(): readonly Cidr[] {
    return this.#prefixes;
  }

  get hasServices(): boolean {
    return this.#serviceNamespaces.size > 0;
  }

  get hasPods(): boolean {
    return this.#pods.size > 0;
  }

  service(namespace: string, service: string): ServiceEntry | undefined {
    const entry = this.#entries.get(`service/${namespace}/${service}`);
    return entry === undefined || entry.kind === 'pod' ? undefined : entry;
  }

  hasServiceNamespace(namespace: string): boolean {
    return this.#serviceNamespaces.has(namespace);
  }

  hasPodNamespace(namespace: string): boolean {
    return this.#podNamespaces.has(namespace);
  }

  pod(namespace: string, label: string): Ip | undefined {
    return this.#pods.get(`${namespace}/${label}`);
  }

  /** Names of the address relative to the cluster domain, without duplicates; it may have several. */
  namesOf(ip: Ip): readonly string[] {
    return [...new Set(this.#ownersOf(ip).flatMap((entry) => reverseNames(entry, ip)))];
  }

  ownsAddress(ip: Ip): boolean {
    return this.#prefixes.some((prefix) => cidrHasIp(prefix, ip));
  }

  setPrefixes(prefixes: readonly Cidr[]): void {
    this.#prefixes = prefixes;
  }

  /** Makes the index hold exactly `zone`, touching only entries that are other objects than before. */
  replace(zone: NameZone): void {
    this.#prefixes = zone.prefixes;
    for (const key of this.#entries.keys()) if (!zone.entries.has(key)) this.delete(key);
    for (const entry of zone.entries.values()) this.put(entry);
  }

  put(entry: NameEntry): void {
    const key = nameEntryKey(entry);
    if (this.#entries.get(key) === entry) return;
    this.delete(key);
    this.#entries.set(key, entry);
    if (entry.kind === 'pod') {
      this.#pods.set(`${entry.namespace}/${dashedIp(entry.ip)}`, entry.ip);
      count(this.#podNamespaces, entry.namespace, 1);
      return;
    }
    count(this.#serviceNamespaces, entry.namespace, 1);
    for (const ip of namedIps(entry)) {
      const owners = this.#ownersOf(ip);
      this.#owners.set(ip, owners.length === 0 ? entry : [...owners, entry]);
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    if (entry.kind === 'pod') {
      this.#pods.delete(`${entry.namespace}/${dashedIp(entry.ip)}`);
      count(this.#podNamespaces, entry.namespace, -1);
      return;
    }
    count(this.#serviceNamespaces, entry.namespace, -1);
    for (const ip of namedIps(entry)) {
      const left = this.#ownersOf(ip).filter((owner) => owner !== entry);
      if (left.length === 0) this.#owners.delete(ip);
      else this.#owners.set(ip, left);
    }
  }

  #ownersOf(ip: Ip): readonly ServiceEntry[] {
    const owners = this.#owners.get(ip);
    if (owners === undefined) return [];
    return isList(owners) ? owners : [owners];
  }
}

/** `Array.isArray` does not tell a readonly list from the rest. */
function isList(owners: ServiceEntry | readonly ServiceEntry[]): owners is readonly ServiceEntry[] {
  return Array.isArray(owners);
}

function count(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const left = (counts.get(key) ?? 0) + by;
  if (left === 0) counts.delete(key);
  else counts.set(key, left);
}

/** Addresses with a reverse record, each once (DNS specification 2.3.3, 2.4.3): cluster addresses, and endpoints that have a hostname. */
function namedIps(entry: ServiceEntry): Iterable<Ip> {
  switch (entry.kind) {
    case 'cluster-ip':
      return new Set(entry.ips);
    case 'headless':
      return new Set(entry.endpoints.flatMap(({ ip, hostname }) => (hostname === undefined ? [] : [ip])));
    case 'external':
      return [];
    default:
      return entry satisfies never;
  }
}

function reverseNames(entry: ServiceEntry, ip: Ip): readonly string[] {
  const service = `${entry.service}.${entry.namespace}.svc`;
  if (entry.kind !== 'headless') return [service];
  return entry.endpoints.flatMap((endpoint) =>
    endpoint.ip === ip && endpoint.hostname !== undefined ? [`${endpoint.hostname}.${service}`] : [],
  );
}
