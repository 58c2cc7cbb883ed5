// What of the cluster the process of a Gateway knows.

import {
  BACKEND_TLS_POLICIES,
  CONFIG_MAPS,
  GATEWAY_CLASSES,
  GATEWAYS,
  GRPC_ROUTES,
  HTTP_ROUTES,
  LISTENER_SETS,
  NAMESPACES,
  REFERENCE_GRANTS,
  TCP_ROUTES,
  TLS_ROUTES,
  UDP_ROUTES,
} from '../kube/resource.ts';
import { parseAuthorityConfigMap } from '../objects/certificates.ts';
import { parseBackendTlsPolicy } from '../objects/gateway-api/backend-tls-policy.ts';
import { parseGateway, parseGatewayClass, parseListenerSet } from '../objects/gateway-api/gateway.ts';
import { parseGrpcRoute } from '../objects/gateway-api/grpc-route.ts';
import { parseHttpRoute } from '../objects/gateway-api/http-route.ts';
import { parseReferenceGrant } from '../objects/gateway-api/reference-grant.ts';
import { parseTcpRoute, parseTlsRoute, parseUdpRoute } from '../objects/gateway-api/stream-route.ts';
import { parseNamespace } from '../objects/namespace.ts';
import type { Snapshot } from '../store/store.ts';
import type { GatewayObjects } from '../compile/gateway/gateway-objects.ts';
import { startClusterWatch, watchedKind, type ClusterWatch, type WatchContext } from './cluster-watch.ts';
import { SHARED_KINDS } from './shared-kinds.ts';

const OWN = { hasOwnStatus: true };
const KINDS = {
  ...SHARED_KINDS,
  gatewayClasses: watchedKind('GatewayClass', GATEWAY_CLASSES, parseGatewayClass),
  gateways: watchedKind('Gateway', GATEWAYS, parseGateway, OWN),
  listenerSets: watchedKind('ListenerSet', LISTENER_SETS, parseListenerSet, OWN),
  httpRoutes: watchedKind('HTTPRoute', HTTP_ROUTES, parseHttpRoute, OWN),
  grpcRoutes: watchedKind('GRPCRoute', GRPC_ROUTES, parseGrpcRoute, OWN),
  tlsRoutes: watchedKind('TLSRoute', TLS_ROUTES, parseTlsRoute, OWN),
  tcpRoutes: watchedKind('TCPRoute', TCP_ROUTES, parseTcpRoute, OWN),
  udpRoutes: watchedKind('UDPRoute', UDP_ROUTES, parseUdpRoute, OWN),
  referenceGrants: watchedKind('ReferenceGrant', REFERENCE_GRANTS, parseReferenceGrant),
  backendTlsPolicies: watchedKind('BackendTLSPolicy', BACKEND_TLS_POLICIES, parseBackendTlsPolicy, OWN),
  namespaces: watchedKind('Namespace', NAMESPACES, parseNamespace),
  configMaps: watchedKind('ConfigMap', CONFIG_MAPS, (raw) => {
    const map = parseAuthorityConfigMap(raw);
    return map.authorities === undefined ? undefined : map;
  }),
};

export function startGatewayWatch(context: WatchContext): ClusterWatch {
  return startClusterWatch(Object.values(KINDS), context);
}

/** Undefined until everything that decides is listed. */
export function gatewayObjectsOf(snapshot: Snapshot): GatewayObjects | undefined {
  if (!snapshot.isSynced) return undefined;
  return {
    gatewayClasses: snapshot.of(KINDS.gatewayClasses.kind).objects,
    gateways: snapshot.of(KINDS.gateways.kind).objects,
    listenerSets: snapshot.of(KINDS.listenerSets.kind).objects,
    httpRoutes: snapshot.of(KINDS.httpRoutes.kind).objects,
    grpcRoutes: snapshot.of(KINDS.grpcRoutes.kind).objects,
    tlsRoutes: snapshot.of(KINDS.tlsRoutes.kind).objects,
    tcpRoutes: snapshot.of(KINDS.tcpRoutes.kind).objects,
    udpRoutes: snapshot.of(KINDS.udpRoutes.kind).objects,
    referenceGrants: snapshot.of(KINDS.referenceGrants.kind).objects,
    backendTlsPolicies: snapshot.of(KINDS.backendTlsPolicies.kind).objects,
    namespaces: snapshot.of(KINDS.namespaces.kind).objects,
    services: snapshot.of(KINDS.services.kind).objects,
    endpointSlices: snapshot.of(KINDS.endpointSlices.kind).objects,
    secrets: snapshot.of(KINDS.secrets.kind).objects,
    configMaps: snapshot.of(KINDS.configMaps.kind).objects,
  };
}
