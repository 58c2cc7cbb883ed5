// Objects of a Gateway from manifests, as the process has them from its watches.

import { parseAllDocuments } from 'yaml';
import type { GatewayObjects } from '../../src/compile/gateway/gateway-objects.ts';
import type { IngressObjects } from '../../src/compile/gateway/ingress-objects.ts';
import { parseAuthorityConfigMap, parseCertificateSecret } from '../../src/objects/certificates.ts';
import { parseCredentialSecret } from '../../src/objects/credentials.ts';
import { parseEndpointSlice } from '../../src/objects/endpoint-slice.ts';
import { parseBackendTlsPolicy } from '../../src/objects/gateway-api/backend-tls-policy.ts';
import { parseGateway, parseGatewayClass, parseListenerSet } from '../../src/objects/gateway-api/gateway.ts';
import { parseGrpcRoute } from '../../src/objects/gateway-api/grpc-route.ts';
import { parseHttpRoute } from '../../src/objects/gateway-api/http-route.ts';
import { parseReferenceGrant } from '../../src/objects/gateway-api/reference-grant.ts';
import { parseTcpRoute, parseTlsRoute, parseUdpRoute } from '../../src/objects/gateway-api/stream-route.ts';
import { parseIngress, parseIngressClass } from '../../src/objects/ingress.ts';
import { parseNamespace } from '../../src/objects/namespace.ts';
import { parseService } from '../../src/objects/service.ts';

const PARSERS = {
  gatewayClasses: { kind: 'GatewayClass', parse: parseGatewayClass },
  gateways: { kind: 'Gateway', parse: parseGateway },
  listenerSets: { kind: 'ListenerSet', parse: parseListenerSet },
  httpRoutes: { kind: 'HTTPRoute', parse: parseHttpRoute },
  grpcRoutes: { kind: 'GRPCRoute', parse: parseGrpcRoute },
  tlsRoutes: { kind: 'TLSRoute', parse: parseTlsRoute },
  tcpRoutes: { kind: 'TCPRoute', parse: parseTcpRoute },
  udpRoutes: { kind: 'UDPRoute', parse: parseUdpRoute },
  referenceGrants: { kind: 'ReferenceGrant', parse: parseReferenceGrant },
  backendTlsPolicies: { kind: 'BackendTLSPolicy', parse: parseBackendTlsPolicy },
  namespaces: { kind: 'Namespace', parse: parseNamespace },
  services: { kind: 'Service', parse: parseService },
  endpointSlices: { kind: 'EndpointSlice', parse: parseEndpointSlice },
  secrets: { kind: 'Secret', parse: parseCertificateSecret },
  configMaps: { kind: 'ConfigMap', parse: parseAuthorityConfigMap },
} as const;

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly namespace?: string; readonly name: string };
}

const INGRESS_PARSERS = {
  ingressClasses: { kind: 'IngressClass', parse: parseIngressClass },
  ingresses: { kind: 'Ingress', parse: parseIngress },
  services: PARSERS.services,
  endpointSlices: PARSERS.endpointSlices,
  secrets: PARSERS.secrets,
  credentials: { kind: 'Secret', parse: parseCredentialSecret },
} as const;

/** Throws what the parsers throw; kinds that no Gateway reads are an error too. */
export function gatewayObjects(yaml: string): GatewayObjects {
  return tablesOf<GatewayObjects>(PARSERS, yaml);
}

/** The same for what Ingresses go by. */
export function ingressObjects(yaml: string): IngressObjects {
  return tablesOf<IngressObjects>(INGRESS_PARSERS, yaml);
}

type Parsers = Readonly<Record<string, { readonly kind: string; readonly parse: (raw: unknown) => unknown }>>;

function tablesOf<T>(parsers: Parsers, yaml: string): T {
  const manifests = parseAllDocuments(yaml).map((it) => it.toJS() as Manifest | null);
  const known = new Set<string>(Object.values(parsers).map(({ kind }) => kind));
  for (const it of manifests)
    if (it !== null && !known.has(it.kind)) throw new Error(`Cannot use ${it.kind}`);
  const tables = Object.entries(parsers).map(([name, { kind, parse }]) => {
    const own = manifests.filter((it) => it?.kind === kind);
    const parsed = own.map((it) => [keyOf(it), parse(it)] as const);
    return [name, new Map(parsed.filter(([, it]) => it !== undefined))];
  });
  // Each table holds what its own parser made.
  return Object.fromEntries(tables) as T;
}

function keyOf(manifest: Manifest | null): string {
  const { namespace, name = '' } = manifest?.metadata ?? {};
  return namespace === undefined ? name : `${namespace}/${name}`;
}
