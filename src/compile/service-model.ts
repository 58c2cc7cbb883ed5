// Service and endpoint slices -> the Service as the whole cluster sees it. Knows no other Service and no node.

import { compareIps, familyOf, type Ip } from '../base/ip.ts';
import type { Port } from '../base/port.ts';
import type { FrontendOptions, ServiceEndpoint, ServiceModel } from '../model/network.ts';
import { NO_FRONTEND_OPTIONS } from '../model/network.ts';
import type { EndpointSlice, SliceEndpoint } from '../objects/endpoint-slice.ts';
import { objectKey } from '../objects/slim-meta.ts';
import type { Service, ServicePort } from '../objects/service.ts';

/** The Service whose addresses the node itself answers unless somebody's own DNS server stands behind it. */
export const CLUSTER_DNS_SERVICE = 'kube-system/kube-dns';

const IPVS_SCHEDULER = 'fairlead.dev/ipvs-scheduler';
const LOAD_BALANCING = 'fairlead.dev/load-balancing';
const FORWARDING = 'fairlead.dev/forwarding';

/** Undefined for Services without an address: headless and ExternalName ones. */
export function compileService(service: Service, slices: readonly EndpointSlice[]): ServiceModel | undefined {
  if (service.clusterIps.length === 0) return undefined;
  const isBalancer = service.type === 'LoadBalancer';
  const hasNodePorts = isBalancer || service.type === 'NodePort';
  const ingress = isBalancer ? service.loadBalancerIngress : [];
  return {
    namespace: service.namespace,
    name: service.name,
    isNodeLocal: isNodeLocal(service, slices),
    clusterIps: service.clusterIps,
    externalIps: service.externalIps,
    loadBalancerIps: ingress.filter((it) => it.mode === 'VIP').map((it) => it.ip),
    sourceRanges: isBalancer ? service.sourceRanges : undefined,
    isInternalLocal: service.isInternalLocal,
    isExternalLocal: service.isExternalLocal,
    healthCheckNodePort: isBalancer && service.isExternalLocal ? service.healthCheckNodePort : undefined,
    affinityTimeoutS: service.affinityTimeoutS,
    options: optionsOf(service.annotations),
    ports: service.ports.map((port) => ({
      name: port.name,
      port: port.port,
      nodePort: hasNodePorts ? port.nodePort : undefined,
      protocol: port.protocol,
      endpoints: endpointsOfPort(port, slices),
    })),
  };
}

/** The whole Service changes hands at once: half of its addresses answered by another server would be two truths. */
function isNodeLocal(service: Service, slices: readonly EndpointSlice[]): boolean {
  if (objectKey(service) !== CLUSTER_DNS_SERVICE) return false;
  return !slices.some((slice) => slice.endpoints.some((endpoint) => endpoint.isReady));
}

function optionsOf(annotations: ReadonlyMap<string, string>): FrontendOptions {
  if (annotations.size === 0) return NO_FRONTEND_OPTIONS;
  return {
    ipvsScheduler: annotations.get(IPVS_SCHEDULER),
    isMaglev: annotations.get(LOAD_BALANCING) === 'maglev',
    isDirectReturn: annotations.get(FORWARDING) === 'dsr',
  };
}

/** Endpoints of slices that carry the port by name and protocol; those that neither are ready nor serve their last are left out. */
export function endpointsOfPort(
  port: ServicePort,
  slices: readonly EndpointSlice[],
): readonly ServiceEndpoint[] {
  const found = new Map<string, ServiceEndpoint>();
  for (const slice of slices) {
    for (const it of slice.ports) {
      if (it.name !== port.name || it.protocol !== port.protocol || it.port === undefined) continue;
      for (const endpoint of slice.endpoints) collect(found, endpoint, it.port);
    }
  }
  return [...found.values()].sort((a, b) => compareIps(a.ip, b.ip) || a.port - b.port);
}

/**
 * An endpoint may stand in two slices while it moves between them: it counts once, whatever the order of the slices, and as the better of
 * the two. Addresses of one endpoint are interchangeable; the first one is taken, as the API advises.
 */
function collect(into: Map<string, ServiceEndpoint>, endpoint: SliceEndpoint, port: Port): void {
  const ip = endpoint.addresses[0];
  const isServingLast = !endpoint.isReady && endpoint.isServing && endpoint.isTerminating;
  if (ip === undefined || !(endpoint.isReady || isServingLast)) return;
  const key = `${ip}|${port}`;
  const { node, isReady, zoneHints, nodeHints } = endpoint;
  const made = { ip, port, node, isReady, isServingLast, zoneHints, nodeHints };
  const known = into.get(key);
  into.set(key, known === undefined ? made : merged(known, made));
}

function merged(a: ServiceEndpoint, b: ServiceEndpoint): ServiceEndpoint {
  if (a.isReady !== b.isReady) return a.isReady ? a : b;
  return {
    ...a,
    node: smallest(a.node, b.node),
    zoneHints: union(a.zoneHints, b.zoneHints),
    nodeHints: union(a.nodeHints, b.nodeHints),
  };
}

/** No hint means everybody. */
function union(a: readonly string[], b: readonly string[]): readonly string[] {
  if (a.length === 0 || b.length === 0) return a.length === 0 ? a : b;
  return [...new Set([...a, ...b])].sort();
}

function smallest(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}

/** The endpoints of an address's family. */
export function endpointsOfFamily(endpoints: readonly ServiceEndpoint[], ip: Ip): readonly ServiceEndpoint[] {
  const family = familyOf(ip);
  return endpoints.filter((it) => familyOf(it.ip) === family);
}
