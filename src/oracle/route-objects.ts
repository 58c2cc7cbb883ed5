// What is asked about a Gateway, and what can come of it. Only types: the sentences that decide stand beside it, a file for each part.

import type { Port } from '../base/port.ts';
import type { EndpointSlice } from '../objects/endpoint-slice.ts';
import type { BackendTlsPolicy } from '../objects/gateway-api/backend-tls-policy.ts';
import type { HeaderChange, SessionPersistence } from '../objects/gateway-api/common.ts';
import type { Gateway, ListenerSet } from '../objects/gateway-api/gateway.ts';
import type { GrpcRoute } from '../objects/gateway-api/grpc-route.ts';
import type {
  HttpExternalAuth,
  HttpRetry,
  HttpRoute,
  HttpTimeouts,
} from '../objects/gateway-api/http-route.ts';
import type { ReferenceGrant } from '../objects/gateway-api/reference-grant.ts';
import type { StreamRoute } from '../objects/gateway-api/stream-route.ts';
import type { Namespace } from '../objects/namespace.ts';
import type { Service } from '../objects/service.ts';

/** What references of routes and listeners can lead to. */
export interface BackendObjects {
  readonly grants: readonly ReferenceGrant[];
  readonly tlsPolicies: readonly BackendTlsPolicy[];
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
  /** Secrets whose certificate and key can be used: "namespace/name". */
  readonly certificates: ReadonlySet<string>;
  /** ConfigMaps whose `ca.crt` can be used: "namespace/name". */
  readonly authorities: ReadonlySet<string>;
}

/** Everything that decides what a Gateway does. */
export interface GatewayObjects extends BackendObjects {
  readonly gateways: readonly Gateway[];
  readonly listenerSets: readonly ListenerSet[];
  readonly httpRoutes: readonly HttpRoute[];
  readonly grpcRoutes: readonly GrpcRoute[];
  /** Of TLS, TCP and UDP. */
  readonly streamRoutes: readonly StreamRoute[];
  readonly namespaces: readonly Namespace[];
}

export interface Named {
  readonly namespace: string;
  readonly name: string;
}

/** Somebody connects to a port, or sends a datagram there. */
export interface GatewayConnection {
  readonly gateway: Named;
  readonly port: number;
  readonly transport: 'TCP' | 'UDP';
  /** Undefined where the client does not begin with TLS. */
  readonly tls: ClientTls | undefined;
}

export interface ClientTls {
  /** What the client asks for (SNI). */
  readonly serverName: string | undefined;
  /** Whether one of the authorities of the port vouches for what the client shows; absent where it shows nothing. */
  readonly certificate?: 'trusted' | 'untrusted';
}

/** What the client sends on a connection to a Gateway, or to the controller of Ingresses. */
export interface HttpRequest {
  readonly method: string;
  /** As sent, with its port or without; undefined where there is none. */
  readonly host: string | undefined;
  /** As sent, without the query. */
  readonly path: string;
  /** As sent, behind the question mark; undefined where there is none. */
  readonly query: string | undefined;
  /** As sent, in order, without Host; a name may stand there several times. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

export type GatewayRequest = GatewayConnection & HttpRequest;

/** A header of an answer; any of `values` will do. Names are in lower case. */
export interface ExpectedHeader {
  readonly name: string;
  readonly values: readonly string[];
}

/** The Gateway answers by itself, with any of the statuses; headers that are not named are free but for those of CORS, which are not there. */
export interface Response {
  readonly kind: 'respond';
  readonly statuses: readonly number[];
  readonly headers: readonly ExpectedHeader[];
}

/** A client of gRPC is told this code, in whatever status of HTTP says it. */
export interface GrpcStatus {
  readonly kind: 'grpc-status';
  readonly code: number;
}

/** A port of a Service, and how it is spoken to. */
export interface Backend {
  readonly namespace: string;
  readonly service: string;
  readonly port: Port;
  readonly protocol: 'http' | 'h2c' | 'tcp' | 'udp';
  readonly tls: BackendTrust | undefined;
  /** "ip port" texts, sorted; any of them may get it. Never empty. */
  readonly endpoints: readonly string[];
}

/** What its certificate must be: `policy` is the BackendTLSPolicy that says it, "namespace/name". */
export interface BackendTrust {
  readonly policy: string;
  readonly hostname: string;
  readonly clientCertificate: string | undefined;
}

/** The request as the backend sees it; what proxies add by themselves (X-Forwarded-For and the like) is not in it. */
export interface ForwardedRequest {
  readonly method: string;
  readonly host: string | undefined;
  /** With the query. */
  readonly target: string;
  /** By name in lower case; those of one name are joined by commas. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface Forward {
  readonly kind: 'forward';
  readonly backend: Backend;
  readonly request: ForwardedRequest;
  /** What becomes of the answer's headers, in this order. */
  readonly responseChanges: readonly HeaderChange[];
  /** What CORS adds to the answer. */
  readonly responseHeaders: readonly ExpectedHeader[];
  readonly mirrors: readonly { readonly backend: Backend; readonly share: number }[];
  /** Who is asked first whether the request may pass. */
  readonly auth: { readonly filter: HttpExternalAuth; readonly backend: Backend } | undefined;
}

export type HttpOutcome = Response | GrpcStatus | Forward;

export type StreamOutcome =
  { readonly kind: 'refused' } | { readonly kind: 'forward'; readonly backend: Backend };

/** One of several, in proportion to its weight, which is never 0. */
export interface Choice<Outcome> {
  readonly weight: number;
  readonly outcome: Outcome;
}

/** A rule as "HTTPRoute shop/web rule 0". */
export interface RuleAnswer {
  readonly kind: 'rule';
  /** "shop/public/http": namespace and name of the Gateway or ListenerSet, and the listener's. */
  readonly listener: string;
  readonly rule: string;
  /** Never empty. */
  readonly choices: readonly Choice<HttpOutcome>[];
  readonly timeouts: HttpTimeouts;
  readonly retry: HttpRetry | undefined;
  readonly persistence: SessionPersistence | undefined;
}

export interface StreamAnswer {
  readonly kind: 'stream';
  readonly listener: string;
  /** "TLSRoute shop/web" */
  readonly route: string;
  readonly choices: readonly Choice<StreamOutcome>[];
}

/** Nobody listens, nobody has the name, or something else is spoken there: no HTTP comes of it. */
export interface Closed {
  readonly kind: 'closed';
  readonly because: 'no-listener' | 'no-name' | 'no-route' | 'not-tls' | 'not-plain' | 'not-trusted';
}

export type RouteAnswer = Closed | StreamAnswer | Response | GrpcStatus | RuleAnswer;
