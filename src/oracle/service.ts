// What the objects mean for a packet to a Service's address. Naive on purpose: written from the text of the Kubernetes API and KEP-1669,
// one pass over all objects for every question.

import { familyOf, parseIp, type Ip } from '../base/ip.ts';
import type { Protocol } from '../base/port.ts';
import type { RawEndpointSlice, RawService, RawServiceObjects } from './raw-objects.ts';

export interface ServicePacket {
  readonly ip: Ip;
  readonly port: number;
  readonly protocol: Protocol;
}

/** `endpoints` are "ip port" texts; any one of them may answer. `node-local`: the node itself answers. */
export type ServiceVerdict =
  | { readonly kind: 'not-a-service' }
  | { readonly kind: 'refused'; readonly service: string }
  | { readonly kind: 'node-local'; readonly service: string }
  | { readonly kind: 'endpoints'; readonly service: string; readonly endpoints: ReadonlySet<string> };

/** Where a packet to this address and port goes. */
export function resolveService(objects: RawServiceObjects, packet: ServicePacket): ServiceVerdict {
  const service = objects.services.filter((it) => portsFor(it, packet).length > 0).sort(byName)[0];
  const port = service === undefined ? undefined : portsFor(service, packet)[0];
  if (service === undefined || port === undefined) return { kind: 'not-a-service' };
  const name = nameOf(service);
  const slices = objects.endpointSlices.filter((slice) => isOf(slice, service));
  if (name === 'kube-system/kube-dns' && !slices.some(hasReadyEndpoint)) {
    return { kind: 'node-local', service: name };
  }
  const ready = gather(slices, packet, port.name, (it) => it.conditions?.ready ?? true);
  const chosen = ready.size > 0 ? ready : gather(slices, packet, port.name, isServingLast);
  if (chosen.size === 0) return { kind: 'refused', service: name };
  return { kind: 'endpoints', service: name, endpoints: chosen };
}

type RawEndpoint = NonNullable<RawEndpointSlice['endpoints']>[number];

function nameOf(object: RawService): string {
  return `${object.metadata.namespace}/${object.metadata.name}`;
}

function byName(a: RawService, b: RawService): number {
  const [x, y] = [a.metadata, b.metadata];
  if (x.namespace !== y.namespace) return x.namespace < y.namespace ? -1 : 1;
  return x.name < y.name ? -1 : 1;
}

function addressesOf({ spec }: RawService): readonly Ip[] {
  if (spec.type === 'ExternalName') return [];
  const texts = spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]);
  return texts.filter((text) => text !== 'None' && text !== '').map(parseIp);
}

function portsFor(service: RawService, packet: ServicePacket): NonNullable<RawService['spec']['ports']> {
  if (!addressesOf(service).includes(packet.ip)) return [];
  const ports = service.spec.ports ?? [];
  return ports.filter((it) => it.port === packet.port && (it.protocol ?? 'TCP') === packet.protocol);
}

function isOf(slice: RawEndpointSlice, service: RawService): boolean {
  const label = slice.metadata.labels?.['kubernetes.io/service-name'];
  return slice.metadata.namespace === service.metadata.namespace && label === service.metadata.name;
}

function hasReadyEndpoint(slice: RawEndpointSlice): boolean {
  if (slice.addressType === 'FQDN') return false;
  return slice.endpoints?.some((it) => it.conditions?.ready ?? true) ?? false;
}

/** Not ready, but it serves while it terminates: better than nothing (KEP-1669). */
function isServingLast({ conditions }: RawEndpoint): boolean {
  const isReady = conditions?.ready ?? true;
  return !isReady && (conditions?.serving ?? isReady) && (conditions?.terminating ?? false);
}

function gather(
  slices: readonly RawEndpointSlice[],
  packet: ServicePacket,
  portName: string | undefined,
  isChosen: (endpoint: RawEndpoint) => boolean,
): Set<string> {
  const found = new Set<string>();
  for (const slice of slices.filter((it) => it.addressType === `IPv${familyOf(packet.ip)}`)) {
    const ports = (slice.ports ?? []).filter(
      (it) => (it.name ?? '') === (portName ?? '') && (it.protocol ?? 'TCP') === packet.protocol,
    );
    for (const endpoint of (slice.endpoints ?? []).filter(isChosen)) {
      for (const { port } of ports) {
        const [address] = endpoint.addresses;
        if (typeof port === 'number' && address !== undefined) found.add(`${parseIp(address)} ${port}`);
      }
    }
  }
  return found;
}
