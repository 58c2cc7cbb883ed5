// The zone indexed for look-ups by name and by address; changed entry by entry. Knows entries, not DNS messages.

import { cidrHasIp, type Cidr } from '../base/cidr.ts';
import type { Ip } from '../base/ip.ts';
import { dashedIp, nameEntryKey, type NameEntry, type NameZone } from '../model/names.ts';

export type ServiceEntry = Exclude<NameEntry, { kind: 'pod' }>;

/** Keys are lower case throughout, since comparison in DNS is without case. */
export class ZoneIndex {
  readonly #entries = new Map<string, NameEntry>();
  readonly #services = new Map<string, ServiceEntry>();
  /** "namespace/dashed address" -> address. */
  readonly #pods = new Map<string, Ip>();
  readonly #serviceNamespaces = new Map<string, number>();
  readonly #podNamespaces = new Map<string, number>();
  /** Address -> names relative to the cluster domain, in the order they came; an address may have several. */
  readonly #reverse = new Map<Ip, readonly string[]>();
  #prefixes: readonly Cidr[] = [];

  get entries(): ReadonlyMap<string, NameEntry> {
    return this.#entries;
  }

  get prefixes(): readonly Cidr[] {
    return this.#prefixes;
  }

  get hasServices(): boolean {
    return this.#services.size > 0;
  }

  get hasPods(): boolean {
    return this.#pods.size > 0;
  }

  service(namespace: string, service: string): ServiceEntry | undefined {
    return this.#services.get(`${namespace}/${service}`);
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

  namesOf(ip: Ip): readonly string[] {
    return this.#reverse.get(ip) ?? [];
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
    const namespace = entry.namespace.toLowerCase();
    if (entry.kind === 'pod') {
      this.#pods.set(`${namespace}/${dashedIp(entry.ip)}`, entry.ip);
      count(this.#podNamespaces, namespace, 1);
      return;
    }
    this.#services.set(`${namespace}/${entry.service.toLowerCase()}`, entry);
    count(this.#serviceNamespaces, namespace, 1);
    for (const { ip, name } of reverseNames(entry)) {
      this.#reverse.set(ip, [...this.namesOf(ip), name]);
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    const namespace = entry.namespace.toLowerCase();
    if (entry.kind === 'pod') {
      this.#pods.delete(`${namespace}/${dashedIp(entry.ip)}`);
      count(this.#podNamespaces, namespace, -1);
      return;
    }
    this.#services.delete(`${namespace}/${entry.service.toLowerCase()}`);
    count(this.#serviceNamespaces, namespace, -1);
    for (const { ip, name } of reverseNames(entry)) this.#deleteReverse(ip, name);
  }

  #deleteReverse(ip: Ip, name: string): void {
    const left = [...this.namesOf(ip)];
    const at = left.indexOf(name);
    if (at >= 0) left.splice(at, 1);
    if (left.length === 0) this.#reverse.delete(ip);
    else this.#reverse.set(ip, left);
  }
}

function count(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const left = (counts.get(key) ?? 0) + by;
  if (left === 0) counts.delete(key);
  else counts.set(key, left);
}

/** DNS specification 2.3.3 and 2.4.3: every cluster address, and endpoints that have a hostname. */
function reverseNames(entry: ServiceEntry): readonly { ip: Ip; name: string }[] {
  const service = `${entry.service}.${entry.namespace}.svc`;
  switch (entry.kind) {
    case 'cluster-ip':
      return entry.ips.map((ip) => ({ ip, name: service }));
    case 'headless':
      return entry.endpoints.flatMap(({ ip, hostname }) =>
        hostname === undefined ? [] : [{ ip, name: `${hostname}.${service}` }],
      );
    case 'external':
      return [];
    default:
      return entry satisfies never;
  }
}
