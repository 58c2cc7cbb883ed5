// Objects of a cluster, or of manifests, as questions about requests need them. What manifests seldom hold is taken to be there, and that is remembered.

import { parsePort } from '../../base/port.ts';
import { parseIp } from '../../base/ip.ts';
import { parseAuthorityConfigMap, parseCertificateSecret } from '../../objects/certificates.ts';
import { parseEndpointSlice, type EndpointSlice } from '../../objects/endpoint-slice.ts';
import { parseBackendTlsPolicy } from '../../objects/gateway-api/backend-tls-policy.ts';
import type { ObjectRef } from '../../objects/gateway-api/common.ts';
import {
  parseGateway,
  parseGatewayClass,
  parseListenerSet,
  type Gateway,
  type GatewayClass,
  type Listener,
} from '../../objects/gateway-api/gateway.ts';
import { parseGrpcRoute } from '../../objects/gateway-api/grpc-route.ts';
import { parseHttpRoute } from '../../objects/gateway-api/http-route.ts';
import { localCertificateOf } from '../../objects/gateway-api/local-certificate.ts';
import { parseReferenceGrant } from '../../objects/gateway-api/reference-grant.ts';
import { parseTcpRoute, parseTlsRoute, parseUdpRoute } from '../../objects/gateway-api/stream-route.ts';
import {
  defaultClassName,
  INGRESS_CONTROLLER,
  parseIngress,
  parseIngressClass,
  type IngressClass,
} from '../../objects/ingress.ts';
import { parseNamespace } from '../../objects/namespace.ts';
import { parseService, type Service } from '../../objects/service.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import type { IngressObjects } from '../../oracle/route-ingress.ts';
import type { GatewayObjects } from '../../oracle/route-objects.ts';

/** An object as the API or a file has it, with its namespace. */
export interface RawObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

export interface RouteWorld {
  readonly objects: GatewayObjects & IngressObjects;
  readonly gatewayClasses: readonly GatewayClass[];
  /** What was read, for statuses: by "Gateway shop/public". */
  readonly raw: ReadonlyMap<string, RawObject>;
  /** False where it is made of manifests: what controllers write is not there. */
  readonly isLive: boolean;
  /** "Secret shop/tls": named by others, in no manifest, and taken to be good. */
  readonly assumed: ReadonlySet<string>;
  /** Services whose endpoints no manifest has, "namespace/name": each is taken to have one. */
  readonly unknownEndpoints: ReadonlySet<string>;
}

const V1 = 'v1';
const GATEWAY_API = 'gateway.networking.k8s.io/v1';
const NETWORKING = 'networking.k8s.io/v1';

/** Kinds that decide about requests, by apiVersion. */
export const ROUTE_KINDS: Readonly<Record<string, readonly string[]>> = {
  [V1]: ['Service', 'Namespace', 'Secret', 'ConfigMap'],
  'discovery.k8s.io/v1': ['EndpointSlice'],
  [GATEWAY_API]: [
    'GatewayClass',
    'Gateway',
    'ListenerSet',
    'HTTPRoute',
    'GRPCRoute',
    'TLSRoute',
    'TCPRoute',
    'UDPRoute',
    'ReferenceGrant',
    'BackendTLSPolicy',
  ],
  [NETWORKING]: ['Ingress', 'IngressClass'],
};

export function isOfRouteWorld({ apiVersion, kind }: Pick<RawObject, 'apiVersion' | 'kind'>): boolean {
  return ROUTE_KINDS[apiVersion]?.includes(kind) ?? false;
}

/** Throws `invalid` naming the object and the field. */
export function readRouteWorld(raw: readonly RawObject[], isLive: boolean): RouteWorld {
  const read = readObjects(raw);
  const world = {
    ...read,
    isLive,
    raw: new Map(raw.map((it) => [nameOfRaw(it), it])),
    assumed: new Set<string>(),
    unknownEndpoints: new Set<string>(),
  };
  return isLive ? world : withAssumptions(world);
}

/** "Gateway shop/public", "GatewayClass fairlead" */
function nameOfRaw({ kind, metadata: { namespace, name } }: RawObject): string {
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

function readObjects(raw: readonly RawObject[]): Pick<RouteWorld, 'objects' | 'gatewayClasses'> {
  const of = <T>(kind: string, parse: (raw: unknown) => T): readonly T[] =>
    raw.filter((it) => it.kind === kind).map(parse);
  const secrets = of('Secret', parseCertificateSecret).filter(
    (it) => it.type === 'kubernetes.io/tls' && it.certificate !== undefined && it.key !== undefined,
  );
  const authorities = of('ConfigMap', parseAuthorityConfigMap).filter((it) => it.authorities !== undefined);
  const [ingresses, ingressClasses] = [of('Ingress', parseIngress), of('IngressClass', parseIngressClass)];
  const byDefault = defaultClassName(ingressClasses);
  return {
    gatewayClasses: of('GatewayClass', parseGatewayClass),
    objects: {
      gateways: of('Gateway', parseGateway).map(withLocalCertificates),
      listenerSets: of('ListenerSet', parseListenerSet).map(withLocalCertificates),
      httpRoutes: of('HTTPRoute', parseHttpRoute),
      grpcRoutes: of('GRPCRoute', parseGrpcRoute),
      streamRoutes: [
        ...of('TLSRoute', parseTlsRoute),
        ...of('TCPRoute', parseTcpRoute),
        ...of('UDPRoute', parseUdpRoute),
      ],
      grants: of('ReferenceGrant', parseReferenceGrant),
      tlsPolicies: of('BackendTLSPolicy', parseBackendTlsPolicy),
      namespaces: of('Namespace', parseNamespace),
      services: of('Service', parseService),
      endpointSlices: of('EndpointSlice', parseEndpointSlice),
      ingresses: ingresses.map((it) => ({ ...it, className: it.className ?? byDefault })),
      ingressClasses,
      certificates: new Set(secrets.map(objectKey)),
      authorities: new Set(authorities.map(objectKey)),
    },
  };
}

/** Listeners that ask the cluster's own authority for a certificate have it in a Secret that they do not name. */
function withLocalCertificates<
  T extends { readonly namespace: string; readonly name: string; readonly listeners: readonly Listener[] },
>(owner: T): T {
  const listeners = owner.listeners.map((it): Listener => {
    const local = localCertificateOf(owner, it);
    if (local === undefined || it.tls === undefined) return it;
    return { ...it, tls: { ...it.tls, certificates: [local] } };
  });
  return { ...owner, listeners };
}

function withAssumptions(world: RouteWorld): RouteWorld {
  const { objects, raw } = world;
  const missing = (refs: readonly ObjectRef[], kind: string): readonly string[] =>
    refs
      .filter((it) => it.group === '' && it.kind === kind && !raw.has(`${kind} ${objectKey(it)}`))
      .map(objectKey);
  const certificates = missing(certificateRefs(objects), 'Secret');
  const authorities = missing(authorityRefs(objects), 'ConfigMap');
  const withSlices = new Set(objects.endpointSlices.map((it) => `${it.namespace}/${it.service ?? ''}`));
  const ingressClasses = unsaidClasses(objects);
  const without = objects.services.filter((it) => !withSlices.has(objectKey(it)));
  return {
    ...world,
    assumed: new Set([
      ...certificates.map((it) => `Secret ${it}`),
      ...authorities.map((it) => `ConfigMap ${it}`),
      ...ingressClasses.map((it) => `IngressClass ${it.name}`),
    ]),
    unknownEndpoints: new Set(without.map(objectKey)),
    objects: {
      ...objects,
      certificates: new Set([...objects.certificates, ...certificates]),
      authorities: new Set([...objects.authorities, ...authorities]),
      ingressClasses: [...objects.ingressClasses, ...ingressClasses],
      namespaces: [...objects.namespaces, ...unsaidNamespaces(world)],
      endpointSlices: [...objects.endpointSlices, ...without.map(standInSlice)],
    },
  };
}

function certificateRefs(objects: RouteWorld['objects']): readonly ObjectRef[] {
  const owners: readonly { readonly listeners: readonly Listener[] }[] = [
    ...objects.gateways,
    ...objects.listenerSets,
  ];
  const ofClients = objects.gateways.flatMap((it) => it.backendClientCertificate ?? []);
  const ofIngresses = objects.ingresses.flatMap(({ namespace, tls }) =>
    tls.flatMap(({ secretName: name }) =>
      name === undefined ? [] : [{ group: '', kind: 'Secret', namespace, name }],
    ),
  );
  return [
    ...owners.flatMap((it) => it.listeners.flatMap(({ tls }) => tls?.certificates ?? [])),
    ...ofClients,
    ...ofIngresses,
  ];
}

function authorityRefs({ gateways, tlsPolicies }: RouteWorld['objects']): readonly ObjectRef[] {
  const validations = gateways.flatMap(({ frontendValidation, frontendTlsPorts }: Gateway) => [
    frontendValidation,
    ...frontendTlsPorts.values(),
  ]);
  return [
    ...validations.flatMap((it) => it?.caCertificates ?? []),
    ...tlsPolicies.flatMap((it) => it.caCertificates),
  ];
}

/** Namespaces that objects are in, and no manifest makes: they have no labels but their name. */
function unsaidNamespaces({ raw }: RouteWorld): RouteWorld['objects']['namespaces'] {
  const names = new Set([...raw.values()].flatMap((it) => it.metadata.namespace ?? []));
  return [...names]
    .filter((name) => !raw.has(`Namespace ${name}`))
    .map((name) => parseNamespace({ metadata: { name } }));
}

/** Classes that Ingresses name, and no manifest makes, are taken to be ours. */
function unsaidClasses({ ingresses, ingressClasses }: RouteWorld['objects']): readonly IngressClass[] {
  const known = new Set(ingressClasses.map((it) => it.name));
  const names = new Set(ingresses.flatMap((it) => it.className ?? []).filter((it) => !known.has(it)));
  return [...names].map((name) =>
    parseIngressClass({ metadata: { name }, spec: { controller: INGRESS_CONTROLLER } }),
  );
}

/** Nobody asks for its address: that the endpoints are not known is said in its place. */
function standInSlice({ namespace, name, ports }: Service): EndpointSlice {
  const stand = {
    addresses: [parseIp('0.0.0.0')],
    hostname: undefined,
    node: undefined,
    isReady: true,
    isServing: true,
    isTerminating: false,
    zoneHints: [],
    nodeHints: [],
    pod: undefined,
  };
  return {
    namespace,
    name,
    uid: '',
    labels: new Map(),
    service: name,
    addressType: 'IPv4',
    ports: ports.map((it) => ({ name: it.name, port: parsePort(1), protocol: it.protocol })),
    endpoints: [stand],
  };
}
