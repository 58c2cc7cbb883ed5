// What the objects mean for a packet to a virtual address. Naive on purpose: written from the text of the Kubernetes API and its
// enhancement proposals, one pass over all objects for every question.

import { cidrHasIp, parseCidr } from '../base/cidr.ts';
import { familyOf, type Ip } from '../base/ip.ts';
import type { RawNode, RawService, RawTrafficObjects } from './raw-objects.ts';
import {
  addressesOfNode,
  whoIsAddressed,
  type Addressed,
  type AddressedPacket,
  type TrafficSettings,
} from './service-address.ts';
import { findEndpoints, isReady, localOnes, nearOnes, slicesOf } from './service-endpoint.ts';

/** Who sends: a pod of a node, a process of a node, somebody outside of the cluster. */
export type ServiceClient =
  | { readonly kind: 'pod'; readonly node: string; readonly ip: Ip }
  | { readonly kind: 'node'; readonly name: string }
  | { readonly kind: 'outside'; readonly ip: Ip };

export interface ServicePacket extends AddressedPacket {
  readonly client: ServiceClient;
}

/**
 * `endpoints` are "ip port" texts; any one of them may answer, and sees the client's own address unless it is masqueraded (a client that is
 * its own endpoint always is). `node-local`: the node itself answers. `service` is the pod's name for a host port.
 */
export type ServiceVerdict =
  | { readonly kind: 'not-a-service' }
  | { readonly kind: 'refused' | 'dropped' | 'node-local'; readonly service: string }
  | {
      readonly kind: 'endpoints';
      readonly service: string;
      readonly endpoints: ReadonlySet<string>;
      readonly isMasqueraded: boolean;
    };

/** Where a packet to this address and port goes. */
export function resolveService(
  objects: RawTrafficObjects,
  packet: ServicePacket,
  settings: TrafficSettings,
): ServiceVerdict {
  const node = objects.nodes.find((it) => it.metadata.name === packet.node);
  const addressed = whoIsAddressed(objects, packet, settings);
  if (addressed === undefined || node === undefined) return { kind: 'not-a-service' };
  if (addressed.kind === 'host-port') {
    const endpoints = new Set([addressed.endpoint]);
    return { kind: 'endpoints', service: nameOf(addressed.pod), endpoints, isMasqueraded: false };
  }
  const { service } = addressed;
  const name = nameOf(service);
  if (addressed.kind === 'cluster-ip' && isLeftToTheNode(objects, service))
    return { kind: 'node-local', service: name };
  if (addressed.kind === 'load-balancer' && !isLetIn(service, packet, node))
    return { kind: 'dropped', service: name };
  return balance(objects, packet, { addressed, node });
}

interface Asked {
  readonly addressed: Exclude<Addressed, { kind: 'host-port' }>;
  readonly node: RawNode;
}

function balance(
  objects: RawTrafficObjects,
  packet: ServicePacket,
  { addressed, node }: Asked,
): ServiceVerdict {
  const { kind, service, port } = addressed;
  const name = nameOf(service);
  const all = findEndpoints(slicesOf(objects.endpointSlices, service), port, familyOf(packet.ip));
  const { internalTrafficPolicy, externalTrafficPolicy } = service.spec;
  const isOutside = !isInside(packet);
  const isExternalLocal = isOutside && externalTrafficPolicy === 'Local';
  const isLocal = kind === 'cluster-ip' ? internalTrafficPolicy === 'Local' : isExternalLocal;
  const chosen = isLocal ? localOnes(all, node) : nearOnes(all, node);
  if (chosen.length === 0) return { kind: all.length > 0 ? 'dropped' : 'refused', service: name };
  const isMasqueraded = isOutside && (kind === 'cluster-ip' || externalTrafficPolicy !== 'Local');
  return {
    kind: 'endpoints',
    service: name,
    endpoints: new Set(chosen.map((it) => `${it.ip} ${it.port}`)),
    isMasqueraded,
  };
}

function isInside({ client, node }: ServicePacket): boolean {
  if (client.kind === 'outside') return false;
  return (client.kind === 'pod' ? client.node : client.name) === node;
}

/** `loadBalancerSourceRanges` restricts who may use a load balancer's addresses; a node counts with its own addresses. */
function isLetIn({ spec }: RawService, { client, ip }: ServicePacket, node: RawNode): boolean {
  const ranges = (spec.loadBalancerSourceRanges ?? []).map((it) => parseCidr(it.trim()));
  if (ranges.length === 0) return true;
  const sources = client.kind === 'node' ? addressesOfNode(node) : [client.ip];
  return sources.some((it) => familyOf(it) === familyOf(ip) && ranges.some((range) => cidrHasIp(range, it)));
}

/** Cluster DNS is answered by the node unless somebody's own server stands behind it. */
function isLeftToTheNode(objects: RawTrafficObjects, service: RawService): boolean {
  if (nameOf(service) !== 'kube-system/kube-dns') return false;
  const slices = slicesOf(objects.endpointSlices, service).filter((it) => it.addressType !== 'FQDN');
  return !slices.some((slice) => (slice.endpoints ?? []).some(isReady));
}

function nameOf({
  metadata,
}: {
  readonly metadata: { readonly namespace: string; readonly name: string };
}): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** What a balancer outside that asks a node's `healthCheckNodePort` is told; undefined where the port is no Service's. */
export function resolveHealthCheck(
  objects: RawTrafficObjects,
  node: string,
  port: number,
): { readonly service: string; readonly localEndpoints: number } | undefined {
  const [service] = objects.services
    .filter(({ spec }) => spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local')
    .filter(({ spec }) => spec.healthCheckNodePort === port && hasClusterIp(spec))
    .sort((a, b) => compareNames(a.metadata, b.metadata));
  if (service === undefined) return undefined;
  const slices = slicesOf(objects.endpointSlices, service);
  // A pod of two families stands in slices of both: no more than the larger family has.
  const counts = ([4, 6] as const).map((family) => {
    const endpoints = (service.spec.ports ?? []).flatMap((it) => findEndpoints(slices, it, family));
    return new Set(endpoints.filter((it) => it.isReady && it.node === node).map((it) => it.ip)).size;
  });
  return { service: nameOf(service), localEndpoints: Math.max(...counts) };
}

function hasClusterIp({ clusterIPs, clusterIP }: RawService['spec']): boolean {
  return (clusterIPs ?? [clusterIP ?? '']).some((it) => it !== '' && it !== 'None');
}

function compareNames(a: RawService['metadata'], b: RawService['metadata']): number {
  if (a.namespace !== b.namespace) return a.namespace < b.namespace ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}
