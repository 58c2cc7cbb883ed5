// Whose an address and port is on a node: written from core/v1's text on the addresses of Services and host ports, one pass over all
// objects for every question.

import { cidrHasIp, type Cidr } from '../base/cidr.ts';
import { familyOf, parseIp, type Ip } from '../base/ip.ts';
import type { Protocol } from '../base/port.ts';
import type { RawNode, RawPod, RawService, RawServicePort, RawTrafficObjects } from './raw-objects.ts';

/** What the cluster's operator says, beside the objects. */
export interface TrafficSettings {
  /** Empty for the first address of each family. */
  readonly nodePortAddresses: readonly Cidr[];
  readonly allowsExternalIps: boolean;
}

export interface AddressedPacket {
  /** Node where the packet meets the Service: that of an inside client, or the one at which an outside client's arrives. */
  readonly node: string;
  readonly ip: Ip;
  readonly port: number;
  readonly protocol: Protocol;
}

/** By which of its addresses a Service is asked, or the pod that has the port of its node. */
export type Addressed =
  | {
      readonly kind: 'cluster-ip' | 'load-balancer' | 'external-ip' | 'node-port';
      readonly service: RawService;
      readonly port: RawServicePort;
    }
  | { readonly kind: 'host-port'; readonly pod: RawPod; readonly endpoint: string };

/** Undefined where the address and port are nobody's. Of several that claim them the first kind wins, then the first name. */
export function whoIsAddressed(
  objects: RawTrafficObjects,
  packet: AddressedPacket,
  settings: TrafficSettings,
): Addressed | undefined {
  const node = objects.nodes.find((it) => it.metadata.name === packet.node);
  const services = objects.services.filter((it) => clusterIpsOf(it).length > 0).sort(byName);
  const isAsked = {
    'cluster-ip': (service: RawService) => clusterIpsOf(service).includes(packet.ip),
    'load-balancer': (service: RawService) => balancerIpsOf(service).includes(packet.ip),
    'external-ip': ({ spec }: RawService) =>
      settings.allowsExternalIps && (spec.externalIPs ?? []).some((it) => parseIp(it) === packet.ip),
    'node-port': (service: RawService) =>
      nodePortIpsOf(node, settings).includes(packet.ip) &&
      clusterIpsOf(service).some((it) => familyOf(it) === familyOf(packet.ip)),
  };
  for (const kind of ['cluster-ip', 'load-balancer', 'external-ip', 'node-port'] as const)
    for (const service of services.filter(isAsked[kind])) {
      const port = (service.spec.ports ?? []).find((it) => isPort(service, it, { kind, packet }));
      if (port !== undefined) return { kind, service, port };
    }
  return hostPortOf(objects.pods, node, packet);
}

interface Question {
  readonly kind: 'cluster-ip' | 'load-balancer' | 'external-ip' | 'node-port';
  readonly packet: AddressedPacket;
}

function isPort({ spec }: RawService, port: RawServicePort, { kind, packet }: Question): boolean {
  if ((port.protocol ?? 'TCP') !== packet.protocol) return false;
  if (kind !== 'node-port') return port.port === packet.port;
  return (spec.type === 'NodePort' || spec.type === 'LoadBalancer') && port.nodePort === packet.port;
}

/** None for headless and ExternalName Services. */
function clusterIpsOf({ spec }: RawService): readonly Ip[] {
  if (spec.type === 'ExternalName') return [];
  const texts = spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]);
  return texts.filter((text) => text !== 'None' && text !== '').map(parseIp);
}

/** Addresses of mode Proxy are the balancer's own: packets to them must reach it (KEP-1860). */
function balancerIpsOf({ spec, status }: RawService): readonly Ip[] {
  if (spec.type !== 'LoadBalancer') return [];
  const ingress = status?.loadBalancer?.ingress ?? [];
  return ingress.flatMap(({ ip, ipMode }) =>
    ip === undefined || ip === '' || ipMode === 'Proxy' ? [] : [parseIp(ip)],
  );
}

export function addressesOfNode(node: RawNode | undefined): readonly Ip[] {
  const addresses = node?.status?.addresses ?? [];
  return addresses.filter((it) => it.type === 'InternalIP').map((it) => parseIp(it.address));
}

function nodePortIpsOf(node: RawNode | undefined, { nodePortAddresses }: TrafficSettings): readonly Ip[] {
  const all = addressesOfNode(node);
  if (nodePortAddresses.length > 0)
    return all.filter((ip) => nodePortAddresses.some((cidr) => cidrHasIp(cidr, ip)));
  return all.filter((ip, at) => all.findIndex((it) => familyOf(it) === familyOf(ip)) === at);
}

function hostPortOf(
  pods: readonly RawPod[],
  node: RawNode | undefined,
  packet: AddressedPacket,
): Addressed | undefined {
  for (const pod of pods.filter((it) => hasHostPorts(it, packet.node)).sort(byName)) {
    const ip = (pod.status?.podIPs ?? [])
      .map((it) => parseIp(it.ip))
      .find((it) => familyOf(it) === familyOf(packet.ip));
    const ports = (pod.spec.containers ?? []).flatMap((it) => it.ports ?? []);
    const port = ports.find((it) => {
      const isAny = it.hostIP === undefined || ['', '0.0.0.0', '::'].includes(it.hostIP);
      const isHere = isAny
        ? addressesOfNode(node).includes(packet.ip)
        : parseIp(it.hostIP ?? '') === packet.ip;
      return isHere && it.hostPort === packet.port && (it.protocol ?? 'TCP') === packet.protocol;
    });
    if (ip !== undefined && port !== undefined)
      return { kind: 'host-port', pod, endpoint: `${ip} ${port.containerPort}` };
  }
  return undefined;
}

/** A pod that shares its node's network has the node's ports anyway. */
function hasHostPorts({ spec, status }: RawPod, node: string): boolean {
  const isFinished = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  return spec.nodeName === node && !isFinished && spec.hostNetwork !== true;
}

interface Named {
  readonly metadata: { readonly namespace: string; readonly name: string };
}

function byName(a: Named, b: Named): number {
  const [x, y] = [a.metadata, b.metadata];
  if (x.namespace !== y.namespace) return x.namespace < y.namespace ? -1 : 1;
  return x.name < y.name ? -1 : 1;
}
