// Slim objects of Gateway API in few words. What is left out is what the specification has for it.

import { parseIp } from '../../src/base/ip.ts';
import { parsePort, type Protocol } from '../../src/base/port.ts';
import type { EndpointSlice } from '../../src/objects/endpoint-slice.ts';
import type { BackendTlsPolicy } from '../../src/objects/gateway-api/backend-tls-policy.ts';
import {
  GATEWAY_GROUP,
  type BackendRef,
  type GatewayMeta,
  type NamedMatch,
  type ObjectRef,
  type ParentRef,
} from '../../src/objects/gateway-api/common.ts';
import type { Gateway, Listener, ListenerSet } from '../../src/objects/gateway-api/gateway.ts';
import type { GrpcRoute, GrpcRule } from '../../src/objects/gateway-api/grpc-route.ts';
import type { HttpMatch, HttpRoute, HttpRule } from '../../src/objects/gateway-api/http-route.ts';
import type { ReferenceGrant } from '../../src/objects/gateway-api/reference-grant.ts';
import type { StreamRoute } from '../../src/objects/gateway-api/stream-route.ts';
import type { Service, ServicePort } from '../../src/objects/service.ts';
import type { GatewayObjects } from '../../src/oracle/route-objects.ts';

/** Of the namespace `infra` unless it says another: "shop/web". */
export function metaOf(key: string, createdAt = '2026-01-01T00:00:00Z'): GatewayMeta {
  const [namespace = 'infra', name = ''] = key.includes('/') ? key.split('/') : ['infra', key];
  return { namespace, name, uid: key, labels: new Map(), generation: 1, createdAt };
}

/** "http HTTP 80 *.example.com"; of TLS and HTTPS with the certificate `infra/tls`. */
export function aListener(text: string, rest: Partial<Listener> = {}): Listener {
  const [name = '', protocol = '', port, hostname] = text.split(' ');
  const isTls = protocol === 'HTTPS' || protocol === 'TLS';
  return {
    name,
    protocol,
    port: parsePort(Number(port)),
    hostname,
    tls: isTls
      ? { mode: 'terminate', certificates: [aSecretRef('infra/tls')], options: new Map() }
      : undefined,
    allowedRoutes: { namespaces: { from: 'all' }, kinds: undefined },
    ...rest,
  };
}

function aSecretRef(key: string): ObjectRef {
  const { namespace, name } = metaOf(key);
  return { group: '', kind: 'Secret', namespace, name };
}

export function aGateway(key: string, listeners: readonly Listener[], rest: Partial<Gateway> = {}): Gateway {
  return {
    ...metaOf(key),
    className: 'fairlead',
    listeners,
    addresses: [],
    infrastructure: { labels: new Map(), annotations: new Map(), parameters: undefined },
    allowedListeners: undefined,
    backendClientCertificate: undefined,
    frontendValidation: undefined,
    frontendTlsPorts: new Map(),
    telemetry: undefined,
    ...rest,
  };
}

/** "infra/gw", "gw#listener" with its listener, "gw:80" with a port. */
export function aParent(text: string, rest: Partial<ParentRef> = {}): ParentRef {
  const [, key = '', sectionName, port] = /^([^#:]+)(?:#([^:]+))?(?::(\d+))?$/.exec(text) ?? [];
  const { namespace, name } = metaOf(key);
  return {
    group: GATEWAY_GROUP,
    kind: 'Gateway',
    namespace,
    name,
    sectionName,
    port: port === undefined ? undefined : parsePort(Number(port)),
    ...rest,
  };
}

export function aListenerSet(
  key: string,
  listeners: readonly Listener[],
  rest: Partial<ListenerSet> = {},
): ListenerSet {
  return { ...metaOf(key), parent: aParent('gw'), listeners, ...rest };
}

/** "v1", "shop/v1:8080*10": a Service, of `infra` unless it says another, its port and its weight. */
export function aBackend(
  text: string,
  rest: Partial<BackendRef> = {},
): BackendRef & { readonly filters: readonly [] } {
  const [, key = '', port = '8080', weight = '1'] = /^([^:*]+)(?::(\d+))?(?:\*(\d+))?$/.exec(text) ?? [];
  const { namespace, name } = metaOf(key);
  return {
    group: '',
    kind: 'Service',
    namespace,
    name,
    port: parsePort(Number(port)),
    weight: Number(weight),
    filters: [],
    ...rest,
  };
}

/** "GET =/exact version:one ?animal=whale": "/prefix", "~regex", and "~" before a value for expressions there. */
export function aMatch(text: string): HttpMatch {
  const words = text.split(' ').filter((it) => it !== '');
  const path = words.find((it) => /^[=~/]/.test(it)) ?? '/';
  const type = path.startsWith('=') ? 'exact' : 'regex';
  const named = (word: string, by: string): NamedMatch => {
    const at = word.indexOf(by);
    const value = word.slice(at + 1);
    return value.startsWith('~')
      ? { type: 'regex', name: word.slice(0, at), value: value.slice(1) }
      : { type: 'exact', name: word.slice(0, at), value };
  };
  return {
    path: path.startsWith('/') ? { type: 'prefix', value: path } : { type, value: path.slice(1) },
    headers: words.filter((it) => /^[^=~/?].*:/.test(it)).map((it) => named(it, ':')),
    query: words.filter((it) => it.startsWith('?')).map((it) => named(it.slice(1), '=')),
    method: words.find((it) => /^[A-Z]+$/.test(it)),
  };
}

/** Matches as `aMatch` has them, and to where. */
export function aRule(
  matches: readonly string[],
  backends: readonly string[],
  rest: Partial<HttpRule> = {},
): HttpRule {
  return {
    name: undefined,
    matches: (matches.length === 0 ? ['/'] : matches).map(aMatch),
    filters: [],
    backends: backends.map((it) => aBackend(it)),
    timeouts: { requestMs: undefined, backendRequestMs: undefined },
    retry: undefined,
    persistence: undefined,
    ...rest,
  };
}

/** Of the Gateway `infra/gw`. */
export function anHttpRoute(
  key: string,
  rules: readonly HttpRule[],
  rest: Partial<HttpRoute> = {},
): HttpRoute {
  return { ...metaOf(key), parents: [aParent('gw')], hostnames: [], rules, ...rest };
}

/** "Service/Method version:one", "Service/", "/Method", "" for everything; "~" in front of both for expressions. */
export function aGrpcRule(
  matches: readonly string[],
  backends: readonly string[],
  rest: Partial<GrpcRule> = {},
): GrpcRule {
  return {
    name: undefined,
    matches: (matches.length === 0 ? [''] : matches).map((text) => {
      const [path = '', ...headers] = text.split(' ');
      const [service = '', method = ''] = path.replace(/^~/, '').split('/');
      return {
        method:
          path === ''
            ? undefined
            : {
                type: path.startsWith('~') ? 'regex' : 'exact',
                service: service === '' ? undefined : service,
                method: method === '' ? undefined : method,
              },
        headers: aMatch(headers.join(' ')).headers,
      };
    }),
    filters: [],
    backends: backends.map((it) => aBackend(it)),
    persistence: undefined,
    ...rest,
  };
}

export function aGrpcRoute(
  key: string,
  rules: readonly GrpcRule[],
  rest: Partial<GrpcRoute> = {},
): GrpcRoute {
  return { ...metaOf(key), parents: [aParent('gw')], hostnames: [], rules, ...rest };
}

export function aStreamRoute(
  kind: StreamRoute['kind'],
  key: string,
  backends: readonly string[],
  rest: Partial<StreamRoute> = {},
): StreamRoute {
  const rules = [{ name: undefined, backends: backends.map((it) => aBackend(it)) }];
  return { ...metaOf(key), kind, parents: [aParent('gw')], hostnames: [], rules, ...rest };
}

/** "HTTPRoute shop > Service infra/v1", without a name for all of the kind. */
export function aGrant(text: string): ReferenceGrant {
  const [, kind = '', namespace = '', toKind = '', key = ''] = /^(\S+) (\S+) > (\S+) (\S+)$/.exec(text) ?? [];
  const [to = '', name] = key.split('/');
  const groupOf = (it: string): string => (/Route$|^Gateway$|^ListenerSet$/.test(it) ? GATEWAY_GROUP : '');
  return {
    ...metaOf(`${to}/grant`),
    from: [{ group: groupOf(kind), kind, namespace }],
    to: [{ group: groupOf(toKind), kind: toKind, name }],
  };
}

export function aTlsPolicy(
  key: string,
  target: string,
  rest: Partial<BackendTlsPolicy> = {},
): BackendTlsPolicy {
  const [service = '', sectionName] = target.split(':');
  const { namespace, name } = metaOf(service);
  return {
    ...metaOf(key),
    targets: [{ group: '', kind: 'Service', namespace, name, sectionName }],
    caCertificates: [{ group: '', kind: 'ConfigMap', namespace, name: 'ca' }],
    usesSystemAuthorities: false,
    hostname: 'backend.example.com',
    subjectAltNames: [],
    options: new Map(),
    ...rest,
  };
}

export function aServicePort(port: number, rest: Partial<ServicePort> = {}): ServicePort {
  return {
    name: '',
    port: parsePort(port),
    protocol: 'TCP',
    targetPort: parsePort(port),
    nodePort: undefined,
    appProtocol: undefined,
    ...rest,
  };
}

export function aService(
  key: string,
  ports: readonly ServicePort[] = [aServicePort(8080)],
  rest: Partial<Service> = {},
): Service {
  const { namespace, name, uid, labels } = metaOf(key);
  return {
    namespace,
    name,
    uid,
    labels,
    type: 'ClusterIP',
    isHeadless: false,
    clusterIps: [],
    ports,
    selector: undefined,
    affinityTimeoutS: undefined,
    externalName: undefined,
    publishNotReadyAddresses: false,
    externalIps: [],
    loadBalancerIngress: [],
    loadBalancerClass: undefined,
    sourceRanges: undefined,
    isInternalLocal: false,
    isExternalLocal: false,
    healthCheckNodePort: undefined,
    trafficDistribution: undefined,
    annotations: new Map(),
    ...rest,
  };
}

interface SliceWords {
  readonly port?: number;
  readonly name?: string;
  readonly protocol?: Protocol;
  /** Tells slices of one Service apart. */
  readonly as?: string;
}

/** "10.0.0.1", and behind a space "ready", "last" (serves while it terminates) or "gone". */
export function aSlice(
  key: string,
  endpoints: readonly string[],
  { port = 3000, name = '', protocol = 'TCP', as = '1' }: SliceWords = {},
): EndpointSlice {
  const { namespace, name: service } = metaOf(key);
  return {
    ...metaOf(`${namespace}/${service}-${as}`),
    service,
    addressType: 'IPv4',
    ports: [{ name, port: parsePort(port), protocol }],
    endpoints: endpoints.map((text) => {
      const [ip = '', state = 'ready'] = text.split(' ');
      return {
        addresses: [parseIp(ip)],
        hostname: undefined,
        node: undefined,
        isReady: state === 'ready',
        isServing: state !== 'gone',
        isTerminating: state !== 'ready',
        zoneHints: [],
        nodeHints: [],
        pod: undefined,
      };
    }),
  };
}

/** Services v1, v2 and v3 of `infra` with an endpoint each, `empty` without any, a certificate and an authority, and what is given. */
export function aWorld(given: Partial<GatewayObjects> = {}): GatewayObjects {
  const names = ['v1', 'v2', 'v3'];
  return {
    gateways: [aGateway('gw', [aListener('http HTTP 80')])],
    listenerSets: [],
    httpRoutes: [],
    grpcRoutes: [],
    streamRoutes: [],
    grants: [],
    tlsPolicies: [],
    namespaces: ['infra', 'shop', 'blue'].map((name) => ({
      namespace: '',
      name,
      uid: name,
      labels: new Map([['team', name]]),
    })),
    certificates: new Set(['infra/tls']),
    authorities: new Set(['infra/ca']),
    ...given,
    services: [...names.map((it) => aService(it)), aService('empty'), ...(given.services ?? [])],
    endpointSlices: [
      ...names.map((it, at) => aSlice(it, [`10.0.0.${at + 1}`])),
      ...(given.endpointSlices ?? []),
    ],
  };
}
