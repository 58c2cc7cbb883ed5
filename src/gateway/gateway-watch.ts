// The gateway process's copy of the cluster: one list-watch per kind into one store, and the statuses as they stand beside it.

import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import type { Lifetime } from '../base/lifetime.ts';
import type { KubeClient, Selection } from '../kube/kube-client.ts';
import { ListWatch } from '../kube/list-watch.ts';
import {
  BACKEND_TLS_POLICIES,
  CONFIG_MAPS,
  ENDPOINT_SLICES,
  GATEWAY_CLASSES,
  GATEWAYS,
  GRPC_ROUTES,
  HTTP_ROUTES,
  LISTENER_SETS,
  NAMESPACES,
  NODES,
  REFERENCE_GRANTS,
  SECRETS,
  SERVICES,
  TCP_ROUTES,
  TLS_ROUTES,
  UDP_ROUTES,
  type ResourceRef,
} from '../kube/resource.ts';
import { parseAuthorityConfigMap, parseCertificateSecret } from '../objects/certificates.ts';
import { parseEndpointSlice } from '../objects/endpoint-slice.ts';
import { parseBackendTlsPolicy } from '../objects/gateway-api/backend-tls-policy.ts';
import { parseGateway, parseGatewayClass, parseListenerSet } from '../objects/gateway-api/gateway.ts';
import { parseGrpcRoute } from '../objects/gateway-api/grpc-route.ts';
import { parseHttpRoute } from '../objects/gateway-api/http-route.ts';
import { parseReferenceGrant } from '../objects/gateway-api/reference-grant.ts';
import { parseTcpRoute, parseTlsRoute, parseUdpRoute } from '../objects/gateway-api/stream-route.ts';
import { parseNamespace } from '../objects/namespace.ts';
import { parseNode } from '../objects/node.ts';
import { parseService } from '../objects/service.ts';
import { Store, type Snapshot } from '../store/store.ts';
import type { StoreKind, Table } from '../store/table.ts';
import type { GatewayObjects } from '../compile/gateway/gateway-objects.ts';
import { seenStatusOf, SeenStatuses, type SeenStatus } from './seen-status.ts';

/** One kind: where it comes from, what is kept of it, and whether its status is ours to write. */
interface GatewayKind<T extends object> {
  readonly kind: StoreKind<T>;
  readonly resource: ResourceRef;
  readonly parse: (raw: unknown) => T | undefined;
  readonly hasOwnStatus: boolean;
  readonly selection: Selection;
}

function gatewayKind<T extends object>(
  name: string,
  resource: ResourceRef,
  parse: (raw: unknown) => T | undefined,
  more: { readonly hasOwnStatus?: boolean; readonly selection?: Selection } = {},
): GatewayKind<T> {
  return {
    kind: { name, isEqual: isSameObject },
    resource,
    parse,
    hasOwnStatus: more.hasOwnStatus ?? false,
    selection: more.selection ?? {},
  };
}

const OWN = { hasOwnStatus: true };
const KINDS = {
  gatewayClasses: gatewayKind('GatewayClass', GATEWAY_CLASSES, parseGatewayClass),
  gateways: gatewayKind('Gateway', GATEWAYS, parseGateway, OWN),
  listenerSets: gatewayKind('ListenerSet', LISTENER_SETS, parseListenerSet, OWN),
  httpRoutes: gatewayKind('HTTPRoute', HTTP_ROUTES, parseHttpRoute, OWN),
  grpcRoutes: gatewayKind('GRPCRoute', GRPC_ROUTES, parseGrpcRoute, OWN),
  tlsRoutes: gatewayKind('TLSRoute', TLS_ROUTES, parseTlsRoute, OWN),
  tcpRoutes: gatewayKind('TCPRoute', TCP_ROUTES, parseTcpRoute, OWN),
  udpRoutes: gatewayKind('UDPRoute', UDP_ROUTES, parseUdpRoute, OWN),
  referenceGrants: gatewayKind('ReferenceGrant', REFERENCE_GRANTS, parseReferenceGrant),
  backendTlsPolicies: gatewayKind('BackendTLSPolicy', BACKEND_TLS_POLICIES, parseBackendTlsPolicy, OWN),
  namespaces: gatewayKind('Namespace', NAMESPACES, parseNamespace),
  services: gatewayKind('Service', SERVICES, parseService),
  endpointSlices: gatewayKind('EndpointSlice', ENDPOINT_SLICES, parseEndpointSlice),
  secrets: gatewayKind('Secret', SECRETS, parseCertificateSecret, {
    selection: { fieldSelector: 'type=kubernetes.io/tls' },
  }),
  configMaps: gatewayKind('ConfigMap', CONFIG_MAPS, (raw) => {
    const map = parseAuthorityConfigMap(raw);
    return map.authorities === undefined ? undefined : map;
  }),
};
const NODE_KIND = gatewayKind('Node', NODES, parseNode);

export interface GatewayWatch {
  readonly store: Store;
  readonly seen: SeenStatuses;
}

export interface WatchContext {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  readonly lifetime: Lifetime;
  readonly fail: (error: unknown) => void;
}

/** Starts the watches; they end with the lifetime. */
export function startGatewayWatch(context: WatchContext): GatewayWatch {
  const store = new Store();
  const seen = new SeenStatuses();
  // The table of a kind only ever gets what the kind's own parser made.
  for (const kind of [...Object.values(KINDS), NODE_KIND])
    startWatch(kind as GatewayKind<object>, { context, store, seen });
  return { store, seen };
}

interface Kept {
  readonly object: object;
  readonly status: SeenStatus | undefined;
}

interface WatchParts extends GatewayWatch {
  readonly context: WatchContext;
}

function startWatch(watched: GatewayKind<object>, { context, store, seen }: WatchParts): void {
  const { client, log, clock, random, lifetime, fail } = context;
  const { kind, resource, selection, parse, hasOwnStatus } = watched;
  const watch = new ListWatch<never, Kept>({
    client,
    resource: resource as ResourceRef<never>,
    selection,
    convert: (raw) => {
      const object = parse(raw);
      return object === undefined
        ? undefined
        : { object, status: hasOwnStatus ? seenStatusOf(raw) : undefined };
    },
    sink: new SplitSink(store.table(kind), seen.of(kind.name)),
    clock,
    random,
    onProblem: (err, retryInMs) =>
      log.warn({ kind: kind.name, err, retryInMs: Math.round(retryInMs) }, err.message),
  });
  const running = watch.run(lifetime.signal).catch(fail);
  lifetime.defer(`watch of ${kind.name}`, () => running);
}

/** Objects into the store, statuses beside it: a status alone is no change to those who compile. */
class SplitSink {
  readonly #table: Table<object>;
  readonly #seen: Map<string, SeenStatus>;

  constructor(table: Table<object>, seen: Map<string, SeenStatus>) {
    this.#table = table;
    this.#seen = seen;
  }

  replace(objects: ReadonlyMap<string, Kept>): void {
    this.#seen.clear();
    for (const [key, kept] of objects) this.#see(key, kept);
    this.#table.replace(new Map([...objects].map(([key, { object }]) => [key, object])));
  }

  put(key: string, kept: Kept): void {
    this.#see(key, kept);
    this.#table.put(key, kept.object);
  }

  delete(key: string): void {
    this.#seen.delete(key);
    this.#table.delete(key);
  }

  #see(key: string, { status }: Kept): void {
    if (status !== undefined) this.#seen.set(key, status);
  }
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

/** The addresses by which a Service is reached from outside; none until it has some. */
export function serviceAddresses(snapshot: Snapshot, key: string): readonly string[] {
  const service = snapshot.of(KINDS.services.kind).get(key);
  return (service?.loadBalancerIngress ?? []).map(({ ip }) => ip);
}

const ZONE = 'topology.kubernetes.io/zone';

/** Undefined for a node that is not known. */
export function zoneOfNode(snapshot: Snapshot, name: string): string | undefined {
  return snapshot.of(NODE_KIND.kind).get(name)?.labels.get(ZONE);
}

/** Slim objects are made by one parser each, so equal ones have the same members in the same order. */
function isSameObject(before: object, after: object): boolean {
  return JSON.stringify(before, mapAsList) === JSON.stringify(after, mapAsList);
}

function mapAsList(_key: string, value: unknown): unknown {
  return value instanceof Map ? [...(value as Map<string, string>)] : value;
}
