// Where references of routes lead: Services' ports, and the way in which they want to be spoken to. Which endpoints they have is told apart from it
// (`backend-endpoints.ts`), for these change far more often.

import type { Port } from '../../base/port.ts';
import type { BackendPersistence, BackendRetry, BackendTls, ProxyBackend } from '../../model/gateway.ts';
import type { Verdict } from '../../model/gateway-verdict.ts';
import type { BackendRef } from '../../objects/gateway-api/common.ts';
import type { Service, ServicePort } from '../../objects/service.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import type { Grants, Referrer } from './grants.ts';
import { no } from './verdicts.ts';

/** What a rule asks of the way to its backends, beside what the Service says itself. */
export interface BackendShape {
  /** Bytes and datagrams are carried whatever the Service speaks. */
  readonly carries: 'http' | 'bytes' | 'datagrams';
  /** TLS goes on as it came: nobody adds any. */
  readonly isPassed: boolean;
  readonly isGrpc: boolean;
  readonly retry: BackendRetry | undefined;
  readonly persistence: BackendPersistence | undefined;
  /** Undefined for what is usual. */
  readonly connectTimeoutMs?: number | undefined;
}

/** How TLS is spoken to a Service's port. */
export type TlsOfPort = (service: Service, port: ServicePort) => TlsAnswer;

export type TlsAnswer =
  | { readonly kind: 'plain' }
  | { readonly kind: 'tls'; readonly tls: BackendTls }
  /** There is a policy that cannot be kept: nothing may be sent at all. */
  | { readonly kind: 'closed' };

export interface BackendInputs {
  readonly grants: Grants;
  readonly services: ReadonlyMap<string, Service>;
  readonly tlsOf: TlsOfPort;
}

/** A backend without its endpoints, and where they come from. */
export interface BackendWay extends Omit<ProxyBackend, 'endpoints'> {
  /** Key of the Service; endpoints are those of `port`. */
  readonly service: string;
  readonly port: ServicePort;
  /** Nothing may be sent. */
  readonly isClosed: boolean;
}

export type ResolvedBackend = { readonly way: BackendWay } | { readonly problem: Verdict };

export function resolveBackend(
  { grants, services, tlsOf }: BackendInputs,
  from: Referrer,
  ref: BackendRef,
  shape: BackendShape,
): ResolvedBackend {
  const unresolved = (reason: string, message: string): ResolvedBackend => ({
    problem: no('ResolvedRefs', reason, message),
  });
  if (ref.group !== '' || ref.kind !== 'Service')
    return unresolved('InvalidKind', `backends are Services, not ${ref.kind}.${ref.group}`);
  const key = objectKey(ref);
  if (!grants.permits(from, ref))
    return unresolved(
      'RefNotPermitted',
      `no ReferenceGrant of namespace ${ref.namespace} lets ${from.kind}s of ${from.namespace} name Service ${ref.name}`,
    );
  const service = services.get(key);
  if (service === undefined) return unresolved('BackendNotFound', `Service ${key} does not exist`);
  if (service.type === 'ExternalName')
    return unresolved('BackendNotFound', `Service ${key} is of type ExternalName, which has no endpoints`);
  const transport = shape.carries === 'datagrams' ? 'UDP' : 'TCP';
  const port = service.ports.find((it) => it.port === ref.port && it.protocol === transport);
  if (port === undefined)
    return unresolved(
      'BackendNotFound',
      `Service ${key} has no ${transport} port ${ref.port ?? '(none named)'}`,
    );
  const tls = shape.isPassed || transport === 'UDP' ? PLAIN_TLS : tlsOf(service, port);
  const protocol = protocolOf(port, tls, shape);
  if (protocol === undefined)
    return unresolved('UnsupportedProtocol', `Service ${key} port ${port.port} speaks ${port.appProtocol}`);
  return {
    way: {
      id: idOf(key, port.port, { protocol, tls, shape }),
      service: key,
      port,
      protocol,
      tls: tls.kind === 'tls' ? tls.tls : undefined,
      isClosed: tls.kind === 'closed',
      retry: shape.retry,
      persistence: shape.persistence,
      connectTimeoutMs: shape.connectTimeoutMs,
    },
  };
}

/** As ingress-nginx speaks TLS where it is not told otherwise: it keeps out who only listens. */
export const TO_ANYBODY: BackendTls = {
  isVerified: false,
  hostname: '',
  authorities: [],
  clientCertificate: undefined,
};

const PLAIN_TLS: TlsAnswer = { kind: 'plain' };

interface Way {
  readonly protocol: ProxyBackend['protocol'];
  readonly tls: TlsAnswer;
  readonly shape: BackendShape;
}

const PLAIN = new Set(['', 'http', 'ws', 'kubernetes.io/ws']);
const H2C = new Set(['h2c', 'grpc', 'kubernetes.io/h2c']);
const TLS = new Set(['https', 'wss', 'kubernetes.io/wss']);

/** KEP-3726, and the names that other tools have made common; undefined for what cannot be spoken here. */
function protocolOf(
  { appProtocol = '' }: ServicePort,
  tls: TlsAnswer,
  shape: BackendShape,
): Way['protocol'] | undefined {
  if (shape.carries === 'datagrams') return 'udp';
  if (shape.carries === 'bytes') return 'tcp';
  const isSecured = tls.kind !== 'plain' && TLS.has(appProtocol);
  if (!PLAIN.has(appProtocol) && !H2C.has(appProtocol) && !isSecured) return undefined;
  return shape.isGrpc || H2C.has(appProtocol) ? 'h2c' : 'http';
}

/** The same for the same way, whatever the endpoints are. */
function idOf(service: string, port: Port, { protocol, tls, shape }: Way): string {
  const parts = [`${service}:${port}`, protocol];
  if (tls.kind === 'tls') parts.push(`tls=${JSON.stringify(tls.tls)}`);
  if (tls.kind === 'closed') parts.push('closed');
  if (shape.retry !== undefined) parts.push(`retry=${JSON.stringify(shape.retry)}`);
  if (shape.persistence !== undefined) parts.push(`sticky=${JSON.stringify(shape.persistence)}`);
  if (shape.connectTimeoutMs !== undefined) parts.push(`connect=${shape.connectTimeoutMs}`);
  return parts.join(' ');
}
