// Service and endpoint slices -> frontends: the pure function of one Service. Knows no other Service and no node.

import { compareIps, familyOf, type Ip } from '../base/ip.ts';
import type { Port } from '../base/port.ts';
import type { Endpoint, Frontend } from '../model/network.ts';
import type { EndpointSlice, SliceEndpoint } from '../objects/endpoint-slice.ts';
import { objectKey } from '../objects/slim-meta.ts';
import type { Service, ServicePort } from '../objects/service.ts';

/** The Service whose addresses the node itself answers unless somebody's own DNS server stands behind it. */
export const CLUSTER_DNS_SERVICE = 'kube-system/kube-dns';

/** One frontend per ClusterIP and port; none for headless and ExternalName Services. */
export function compileFrontends(service: Service, slices: readonly EndpointSlice[]): readonly Frontend[] {
  const kind = kindOf(service, slices);
  return service.clusterIps.flatMap((ip) =>
    service.ports.map((port) => ({
      kind,
      namespace: service.namespace,
      service: service.name,
      portName: port.name,
      ip,
      port: port.port,
      protocol: port.protocol,
      endpoints: kind === 'node-local' ? [] : endpointsOf(ip, port, slices),
      affinityTimeoutS: service.affinityTimeoutS,
    })),
  );
}

/** The whole Service changes hands at once: half of its addresses answered by another server would be two truths. */
function kindOf(service: Service, slices: readonly EndpointSlice[]): Frontend['kind'] {
  if (objectKey(service) !== CLUSTER_DNS_SERVICE) return 'balanced';
  const isServed = slices.some((slice) => slice.endpoints.some((endpoint) => endpoint.isReady));
  return isServed ? 'balanced' : 'node-local';
}

/** Ready ones; where there is none, those that still serve while they terminate (KEP-1669). */
function endpointsOf(ip: Ip, port: ServicePort, slices: readonly EndpointSlice[]): readonly Endpoint[] {
  const ready = new Map<string, Endpoint>();
  const terminating = new Map<string, Endpoint>();
  for (const { endpoint, targetPort } of candidatesOf(ip, port, slices)) {
    if (endpoint.isReady) collect(ready, endpoint, targetPort);
    else if (endpoint.isServing && endpoint.isTerminating) collect(terminating, endpoint, targetPort);
  }
  const chosen = ready.size > 0 ? ready : terminating;
  return [...chosen.values()].sort((a, b) => compareIps(a.ip, b.ip) || a.port - b.port);
}

/** Endpoints of the address's family in slices that carry the port by name and protocol. */
function* candidatesOf(
  ip: Ip,
  port: ServicePort,
  slices: readonly EndpointSlice[],
): Generator<{ endpoint: SliceEndpoint; targetPort: Port }> {
  const addressType = familyOf(ip) === 4 ? 'IPv4' : 'IPv6';
  for (const slice of slices) {
    if (slice.addressType !== addressType) continue;
    for (const it of slice.ports) {
      if (it.name !== port.name || it.protocol !== port.protocol || it.port === undefined) continue;
      for (const endpoint of slice.endpoints) yield { endpoint, targetPort: it.port };
    }
  }
}

/**
 * An endpoint may stand in two slices while it moves between them: it counts once, whatever the order of the slices.
 * Addresses of one endpoint are interchangeable; the first one is taken, as the API advises.
 */
function collect(into: Map<string, Endpoint>, endpoint: SliceEndpoint, port: Port): void {
  const ip = endpoint.addresses[0];
  if (ip === undefined) return;
  const key = `${ip}|${port}`;
  const known = into.get(key);
  const node = smallest(known?.node, endpoint.node);
  const isTerminating = endpoint.isTerminating && (known?.isTerminating ?? true);
  into.set(key, { ip, port, node, isTerminating });
}

function smallest(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}
