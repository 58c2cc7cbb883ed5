// The kinds that every proxy's process watches, and what it asks of them.

import type { Ip } from '../base/ip.ts';
import { ZONE_LABEL } from '../compile/frontend-place.ts';
import { ENDPOINT_SLICES, NODES, SECRETS, SERVICES } from '../kube/resource.ts';
import { parseCertificateSecret } from '../objects/certificates.ts';
import { parseEndpointSlice } from '../objects/endpoint-slice.ts';
import { parseNode } from '../objects/node.ts';
import { parseService } from '../objects/service.ts';
import type { Snapshot } from '../store/store.ts';
import { watchedKind } from './cluster-watch.ts';

export const SHARED_KINDS = {
  services: watchedKind('Service', SERVICES, parseService),
  endpointSlices: watchedKind('EndpointSlice', ENDPOINT_SLICES, parseEndpointSlice),
  secrets: watchedKind('Secret', SECRETS, parseCertificateSecret, {
    selection: { fieldSelector: 'type=kubernetes.io/tls' },
  }),
  nodes: watchedKind('Node', NODES, parseNode),
};

/** The addresses by which a Service is reached from outside; none until it has some. */
export function serviceAddresses(snapshot: Snapshot, key: string): readonly Ip[] {
  const service = snapshot.of(SHARED_KINDS.services.kind).get(key);
  return (service?.loadBalancerIngress ?? []).map(({ ip }) => ip);
}

/** Undefined for a node that is not known. */
export function zoneOfNode(snapshot: Snapshot, name: string): string | undefined {
  return snapshot.of(SHARED_KINDS.nodes.kind).get(name)?.labels.get(ZONE_LABEL);
}
