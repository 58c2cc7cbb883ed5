// The names of a cluster as the DNS process keeps them: one entry per Service or pod, plain data that travels as JSON. Names of Kubernetes
// objects are in lower case (RFC 1123 labels). No DNS records yet.

import type { Cidr } from '../base/cidr.ts';
import { tryParseIp, type Ip } from '../base/ip.ts';
import type { Port, Protocol } from '../base/port.ts';

/** Everything under the cluster domain, and the prefixes whose reverse names the cluster owns. */
export interface NameZone {
  /** Service and pod prefixes: addresses in them without a name do not exist, all others are asked upstream. */
  readonly prefixes: readonly Cidr[];
  /** By `nameEntryKey`. Of zones that were made one of the other in sharded maps, differences are found quickly. */
  readonly entries: ReadonlyMap<string, NameEntry>;
}

export type NameEntry = ClusterIpNames | HeadlessNames | ExternalNames | PodNames;

export interface ClusterIpNames {
  readonly kind: 'cluster-ip';
  readonly namespace: string;
  readonly service: string;
  readonly ips: readonly Ip[];
  readonly ports: readonly NamedPort[];
}

export interface HeadlessNames {
  readonly kind: 'headless';
  readonly namespace: string;
  readonly service: string;
  /** Never empty: a headless Service without ready endpoints has no name (DNS specification 2.4.1). */
  readonly endpoints: readonly NamedEndpoint[];
}

export interface ExternalNames {
  readonly kind: 'external';
  readonly namespace: string;
  readonly service: string;
  /** The name it stands for, as the Service says it. */
  readonly target: string;
}

export interface PodNames {
  readonly kind: 'pod';
  readonly namespace: string;
  readonly ip: Ip;
}

export interface NamedEndpoint {
  readonly ip: Ip;
  /** Undefined where the endpoint names none: its name is then made of its address (`dashedIp`) and has no reverse record. */
  readonly hostname: string | undefined;
  readonly ports: readonly NamedPort[];
}

/** A port with a name; unnamed ones have no SRV record, so they are no names. */
export interface NamedPort {
  readonly name: string;
  readonly port: Port;
  readonly protocol: Protocol;
}

/** Canonical key of an entry: "service/shop/web", "pod/shop/10.244.1.7". */
export function nameEntryKey(entry: NameEntry): string {
  return entry.kind === 'pod'
    ? `pod/${entry.namespace}/${entry.ip}`
    : `service/${entry.namespace}/${entry.service}`;
}

/** The label of an address: "10-244-1-7", "fd00-10-244--7". */
export function dashedIp(ip: Ip): string {
  return ip.replaceAll(/[.:]/g, '-');
}

/** The address that a label of this kind stands for. */
export function dashedLabelIp(label: string): Ip | undefined {
  return tryParseIp(
    label.replaceAll('-', label.split('-').length === 4 && !label.includes('--') ? '.' : ':'),
  );
}
