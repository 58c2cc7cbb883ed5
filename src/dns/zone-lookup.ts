// A name and a type -> what the cluster says of it: the Kubernetes DNS specification 1.1.0 over the zone index. Pure, no message in sight.

import { familyOf, type Ip } from '../base/ip.ts';
import type { Cidr } from '../base/cidr.ts';
import {
  dashedIp,
  dashedLabelIp,
  type ClusterIpNames,
  type HeadlessNames,
  type NamedEndpoint,
} from '../model/names.ts';
import { TYPE } from '../wire/dns/constants.ts';
import type { RecordData } from '../wire/dns/message.ts';
import { canonicalName, labelsOf, nameFromLabels, parseDnsName, type DnsName } from '../wire/dns/name.ts';
import { addressOf, reverseApex, reverseNameOf, reversePrefixOf } from './reverse-name.ts';
import type { ServiceEntry, ZoneIndex } from './zone-index.ts';

export const SCHEMA_VERSION = '1.1.0';

/** `apex` names the zone whose SOA belongs to the answer. */
export type ZoneAnswer =
  /** Not the cluster's name: ask upstream. */
  | { readonly kind: 'outside' }
  | { readonly kind: 'no-name'; readonly apex: DnsName }
  /** The name exists; `records` of the asked type, none of them is no error (NODATA). */
  | {
      readonly kind: 'name';
      readonly apex: DnsName;
      readonly records: readonly RecordData[];
      /** Addresses of the names in `records`, for the additional section. */
      readonly targets: ReadonlyMap<DnsName, readonly Ip[]>;
    }
  /** The name stands for another one, inside or outside of the zone. */
  | { readonly kind: 'alias'; readonly apex: DnsName; readonly target: DnsName };

export interface ZoneIdentity {
  /** The cluster domain, in lower case. */
  readonly domain: DnsName;
  /** Addresses that answer for the zone: those of ns.dns.<domain>. */
  readonly serverIps: readonly Ip[];
  /**
   * Which names of pods by their addresses exist (1-2-3-4.namespace.pod.<domain>), in CoreDNS's words: 'insecure' all of them, as the specification has it (2.6);
   * 'verified', the default, those of the zone's pods.
   */
  readonly pods?: 'insecure' | 'verified';
}

/** What the zone says; `labels` of the name asked, in lower case. */
export function lookUp(
  zone: ZoneIndex,
  identity: ZoneIdentity,
  labels: readonly string[],
  typeCode: number,
): ZoneAnswer {
  const inside = labelsInside(labels, identity.domain);
  if (inside !== undefined) return new Lookup(zone, identity, typeCode).inside(inside);
  const prefix = reversePrefixOf(labels);
  if (prefix !== undefined) return new Lookup(zone, identity, typeCode).reverse(prefix);
  return { kind: 'outside' };
}

/** The labels before the domain's own; undefined where the name does not lie in it. */
export function labelsInside(labels: readonly string[], domain: DnsName): readonly string[] | undefined {
  const apex = labelsOf(domain);
  const length = labels.length - apex.length;
  if (length < 0) return undefined;
  for (const [i, label] of apex.entries()) if (labels[length + i] !== label) return undefined;
  return labels.slice(0, length);
}

/** The server's own name, target of the NS records and primary of the SOA. */
export function serverName(domain: DnsName): DnsName {
  return nameFromLabels(['ns', 'dns', ...labelsOf(domain)]);
}

const NO_TARGETS: ReadonlyMap<DnsName, readonly Ip[]> = new Map();

class Lookup {
  readonly #zone: ZoneIndex;
  readonly #identity: ZoneIdentity;
  readonly #typeCode: number;

  constructor(zone: ZoneIndex, identity: ZoneIdentity, typeCode: number) {
    this.#zone = zone;
    this.#identity = identity;
    this.#typeCode = typeCode;
  }

  inside(labels: readonly string[]): ZoneAnswer {
    const last = labels.at(-1);
    if (last === undefined) return this.#name([{ kind: 'ns', target: serverName(this.#identity.domain) }]);
    if (last === 'svc') return this.#services(labels.slice(0, -1));
    if (last === 'pod') return this.#pods(labels.slice(0, -1));
    if (last === 'dns') return this.#server(labels.slice(0, -1));
    if (last !== 'dns-version' || labels.length > 1) return this.#noName();
    return this.#name([{ kind: 'txt', strings: [Buffer.from(SCHEMA_VERSION)] }]);
  }

  reverse(prefix: Cidr): ZoneAnswer {
    const ip = addressOf(prefix);
    const names = ip === undefined ? [] : this.#zone.namesOf(ip);
    const apexPrefix = reverseApex(prefix, this.#zone.prefixes);
    // Endpoints may live outside of the cluster's prefixes: what has a name is answered all the same.
    if (apexPrefix === undefined && names.length === 0) return { kind: 'outside' };
    const apex = reverseNameOf(apexPrefix ?? prefix);
    if (ip !== undefined && names.length === 0) return { kind: 'no-name', apex };
    const isApex = apexPrefix === prefix;
    const records: RecordData[] = names.map((name) => ({ kind: 'ptr', target: this.#absolute(name) }));
    if (isApex) records.push({ kind: 'ns', target: serverName(this.#identity.domain) });
    return { ...this.#name(records), apex };
  }

  #server(labels: readonly string[]): ZoneAnswer {
    if (labels.length === 0) return this.#name([]);
    return labels.length === 1 && labels[0] === 'ns'
      ? this.#name(addressRecords(this.#identity.serverIps))
      : this.#noName();
  }

  #pods(labels: readonly string[]): ZoneAnswer {
    const namespace = labels.at(-1);
    const isAny = this.#identity.pods === 'insecure';
    if (namespace === undefined) return isAny || this.#zone.hasPods ? this.#name([]) : this.#noName();
    if (labels.length === 1)
      return isAny || this.#zone.hasPodNamespace(namespace) ? this.#name([]) : this.#noName();
    if (labels.length > 2) return this.#noName();
    const label = labels[0] ?? '';
    const ip = isAny ? dashedLabelIp(label) : this.#zone.pod(namespace, label);
    return ip === undefined ? this.#noName() : this.#name(addressRecords([ip]));
  }

  #services(labels: readonly string[]): ZoneAnswer {
    const [namespace, service] = [labels.at(-1), labels.at(-2)];
    if (namespace === undefined) return this.#zone.hasServices ? this.#name([]) : this.#noName();
    if (service === undefined) {
      return this.#zone.hasServiceNamespace(namespace) ? this.#name([]) : this.#noName();
    }
    const entry = this.#zone.service(namespace, service);
    if (entry === undefined) return this.#noName();
    const below = labels.slice(0, -2);
    return below.length === 0 ? this.#service(entry) : this.#belowService(entry, below);
  }

  #service(entry: ServiceEntry): ZoneAnswer {
    switch (entry.kind) {
      case 'cluster-ip':
        return this.#name(addressRecords(entry.ips));
      case 'headless':
        return this.#name(addressRecords(uniqueIps(entry.endpoints)));
      case 'external':
        return this.#alias(entry.target);
      default:
        return entry satisfies never;
    }
  }

  /** The target is the user's text: where it is no name at all, the Service has none either. */
  #alias(target: string): ZoneAnswer {
    try {
      return { kind: 'alias', apex: this.#identity.domain, target: canonicalName(parseDnsName(target)) };
    } catch {
      return this.#noName();
    }
  }

  #belowService(entry: ServiceEntry, labels: readonly string[]): ZoneAnswer {
    if (entry.kind === 'external' || labels.length > 2) return this.#noName();
    const protocol = labels.at(-1) ?? '';
    if (labels.length === 2) return this.#ports(entry, labels[0] ?? '', protocol);
    if (entry.kind === 'headless') {
      const ips = uniqueIps(entry.endpoints.filter((endpoint) => endpointLabel(endpoint) === protocol));
      if (ips.length > 0) return this.#name(addressRecords(ips));
    }
    const hasPorts = portLists(entry).some((ports) => ports.some((port) => protocolLabel(port) === protocol));
    return hasPorts ? this.#name([]) : this.#noName();
  }

  #ports(entry: ClusterIpNames | HeadlessNames, portLabel: string, protocol: string): ZoneAnswer {
    const records = new Map<string, RecordData>();
    const targets = new Map<DnsName, readonly Ip[]>();
    for (const { target, ips, ports } of this.#portOwners(entry)) {
      for (const port of ports) {
        if (`_${port.name.toLowerCase()}` !== portLabel || protocolLabel(port) !== protocol) continue;
        const data: RecordData = { kind: 'srv', priority: 0, weight: 100, port: port.port, target };
        records.set(`${port.port} ${target}`, data);
        targets.set(target, [...(targets.get(target) ?? []), ...ips]);
      }
    }
    if (records.size === 0) return this.#noName();
    const answer = this.#name([...records.values()]);
    return answer.kind === 'name' && answer.records.length > 0 ? { ...answer, targets } : answer;
  }

  #portOwners(entry: ClusterIpNames | HeadlessNames): PortOwner[] {
    const service = `${entry.service}.${entry.namespace}.svc`;
    if (entry.kind === 'cluster-ip') {
      return [{ target: this.#absolute(service), ips: entry.ips, ports: entry.ports }];
    }
    return entry.endpoints.map((endpoint) => ({
      target: this.#absolute(`${endpointLabel(endpoint)}.${service}`),
      ips: [endpoint.ip],
      ports: endpoint.ports,
    }));
  }

  #absolute(relative: string): DnsName {
    return nameFromLabels([...relative.split('.'), ...labelsOf(this.#identity.domain)]);
  }

  #noName(): ZoneAnswer {
    return { kind: 'no-name', apex: this.#identity.domain };
  }

  #name(all: readonly RecordData[]): ZoneAnswer & { kind: 'name' } {
    const records = all.filter((data) => isOfType(data, this.#typeCode));
    return { kind: 'name', apex: this.#identity.domain, records, targets: NO_TARGETS };
  }
}

interface PortOwner {
  readonly target: DnsName;
  readonly ips: readonly Ip[];
  readonly ports: ClusterIpNames['ports'];
}

/** The first label of an endpoint's own name. */
function endpointLabel(endpoint: NamedEndpoint): string {
  return endpoint.hostname?.toLowerCase() ?? dashedIp(endpoint.ip);
}

function protocolLabel(port: { readonly protocol: string }): string {
  return `_${port.protocol.toLowerCase()}`;
}

function portLists(entry: ClusterIpNames | HeadlessNames): readonly ClusterIpNames['ports'][] {
  return entry.kind === 'cluster-ip' ? [entry.ports] : entry.endpoints.map((endpoint) => endpoint.ports);
}

function uniqueIps(endpoints: readonly NamedEndpoint[]): readonly Ip[] {
  return [...new Set(endpoints.map((endpoint) => endpoint.ip))];
}

function addressRecords(ips: readonly Ip[]): RecordData[] {
  return ips.map((ip) => (familyOf(ip) === 4 ? { kind: 'a', ip } : { kind: 'aaaa', ip }));
}

function isOfType(data: RecordData, typeCode: number): boolean {
  switch (data.kind) {
    case 'a':
      return typeCode === TYPE.A;
    case 'aaaa':
      return typeCode === TYPE.AAAA;
    case 'srv':
      return typeCode === TYPE.SRV;
    case 'ptr':
      return typeCode === TYPE.PTR;
    case 'txt':
      return typeCode === TYPE.TXT;
    case 'ns':
      return typeCode === TYPE.NS;
    default:
      return false;
  }
}
