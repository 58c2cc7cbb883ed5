// What one proxy has to do for its Gateway: ports, names, rules and where they lead. Every reference is resolved, every precedence decided; what is
// not allowed or not there has become an answer (404, 500, 503) already. Readonly data, no behaviour.

import type { Cidr } from '../base/cidr.ts';
import type { Ip } from '../base/ip.ts';
import type { Port } from '../base/port.ts';
import type { AuthRequest, BasicAuth, ClientCertificate, ClientLimits } from './request-guards.ts';

export interface ProxyModel {
  readonly ports: readonly ProxyPort[];
  /** Sorted; the kernel's to lead, not the proxy's. */
  readonly udpPorts: readonly UdpPort[];
  /** By `ProxyRule.id`. */
  readonly rules: ReadonlyMap<string, ProxyRule>;
  /** By `ProxyBackend.id`. */
  readonly backends: ReadonlyMap<string, ProxyBackend>;
  /** By `ProxyCertificate.id`. */
  readonly certificates: ReadonlyMap<string, ProxyCertificate>;
  /** Authorities' certificates as PEM, by id. */
  readonly authorities: ReadonlyMap<string, string>;
  /** Undefined where requests are not to be told of. */
  readonly telemetry?: Telemetry | undefined;
}

/** What is told of each request of HTTP: numbers by route, and with `access-log` a line too. */
export type Telemetry = 'metrics' | 'access-log';

/** Of TCP, in whatever it carries. */
export type ProxyPort = HttpPort | TlsPort | TcpPort;

/** HTTP/1.1 and HTTP/2 in the clear. */
export interface HttpPort {
  readonly kind: 'http';
  readonly port: Port;
  /** Of one name each: the most specific one that has a request's name takes it, and its table alone decides. */
  readonly listeners: readonly HttpListener[];
}

export interface HttpListener extends NamedListener {
  readonly hosts: readonly HostTable[];
}

/** A listener as status, logs and metrics call it. */
export interface NamedListener {
  /** "shop/public/http": namespace, name of the Gateway or ListenerSet, listener. */
  readonly id: string;
  /** In lower case, "*." for one and more labels; undefined for every name. */
  readonly hostname: string | undefined;
}

/** TLS: HTTPS and TLS listeners, told apart by the name that the client asks for (SNI). */
export interface TlsPort {
  readonly kind: 'tls';
  readonly port: Port;
  readonly listeners: readonly TlsListener[];
}

export type TlsListener = HttpsListener | TlsEndListener | TlsPassListener;

/** TLS ends here, HTTP goes on. A request for another listener's name on its connection is answered 421. */
export interface HttpsListener extends NamedListener {
  readonly kind: 'https';
  readonly tls: TlsEnd;
  readonly hosts: readonly HostTable[];
}

/** TLS ends here, bytes go on. */
export interface TlsEndListener extends NamedListener {
  readonly kind: 'tls-end';
  readonly tls: TlsEnd;
  readonly hosts: readonly StreamHost[];
}

/** TLS goes on as it came. */
export interface TlsPassListener extends NamedListener {
  readonly kind: 'tls-pass';
  readonly hosts: readonly StreamHost[];
}

export interface TlsEnd {
  /** Ids; the one whose names fit is shown, the first where none does. Never empty. */
  readonly certificates: readonly string[];
  readonly clientValidation: ClientValidation | undefined;
}

export interface ClientValidation {
  /** Ids of authorities; never empty. */
  readonly authorities: readonly string[];
  /** False lets in who shows no certificate or a wrong one. */
  readonly isRequired: boolean;
}

export interface TcpPort extends NamedListener {
  readonly kind: 'tcp';
  readonly port: Port;
  /** Undefined where no route is attached: connections are closed. */
  readonly target: StreamTarget | undefined;
}

export interface UdpPort extends NamedListener {
  readonly port: Port;
  /** Undefined where no route is attached: nobody is there. */
  readonly target: StreamTarget | undefined;
}

export interface StreamHost {
  /** Undefined for every name. */
  readonly hostname: string | undefined;
  readonly target: StreamTarget;
}

export interface StreamTarget {
  /** "TLSRoute/shop/web/0": kind, namespace, name, number of the rule. */
  readonly id: string;
  readonly backends: readonly WeightedBackend[];
}

/**
 * Rules for one name. Those of the most specific table that has the request's name come first; where none of them matches, the next less specific
 * table's are asked.
 */
export interface HostTable {
  /** The part of the listener's names that the routes have: a name, "*." and a name, or undefined for every one. */
  readonly hostname: string | undefined;
  /** Ingress: "*." stands for exactly one label. */
  readonly isOneLabel: boolean;
  /** In order of precedence: the first that matches decides. */
  readonly entries: readonly RouteEntry[];
}

export interface RouteEntry {
  /** A regular expression is for the whole path, as those of `ValueMatch` are for the whole value. */
  readonly path: { readonly type: 'exact' | 'prefix' | 'regex'; readonly value: string };
  readonly method: string | undefined;
  readonly headers: readonly ValueMatch[];
  readonly query: readonly ValueMatch[];
  /** Id of the rule. */
  readonly rule: string;
}

/** Header names are in lower case. */
export interface ValueMatch {
  readonly type: 'exact' | 'regex';
  readonly name: string;
  readonly value: string;
}

/** What happens to the requests that a rule matches. */
export interface ProxyRule {
  /** "HTTPRoute/shop/web/0": kind, namespace, name, number of the rule. */
  readonly id: string;
  readonly isGrpc: boolean;
  readonly filters: readonly ProxyFilter[];
  /** Chosen by weight; those without backend are answered 500. Empty, or of no weight at all: 500 too, where no filter answers. */
  readonly backends: readonly WeightedBackend[];
  /** Limits, 0 for none. */
  readonly requestTimeoutMs: number;
  readonly backendTimeoutMs: number;
}

export interface WeightedBackend {
  /** Id; undefined for a reference that leads nowhere. */
  readonly backend: string | undefined;
  readonly weight: number;
  readonly filters: readonly ProxyFilter[];
  /** How the cookie of a session of it is set: "Path=/; HttpOnly"; undefined for what is usual. */
  readonly cookieAttributes?: string | undefined;
}

/** In the order in which they are applied. */
export type ProxyFilter =
  /** 403 for who asks from an address of `deny`, or of none of `allow` where that has any. */
  | { readonly kind: 'sources'; readonly allow: readonly Cidr[]; readonly deny: readonly Cidr[] }
  /** 413 for a request that says that its body is longer. */
  | { readonly kind: 'body-size'; readonly maxBytes: number }
  | ({ readonly kind: 'request-headers' } & ProxyHeaderChange)
  | ({ readonly kind: 'response-headers' } & ProxyHeaderChange)
  /** `share`: of all requests, from 0 to 1. */
  | { readonly kind: 'mirror'; readonly backend: string; readonly share: number }
  | {
      readonly kind: 'redirect';
      readonly scheme: string | undefined;
      readonly hostname: string | undefined;
      readonly port: Port | undefined;
      readonly path: ProxyPathChange | undefined;
      readonly statusCode: number;
    }
  | {
      readonly kind: 'rewrite';
      readonly hostname: string | undefined;
      readonly path: ProxyPathChange | undefined;
    }
  | {
      readonly kind: 'cors';
      readonly allowOrigins: readonly string[];
      readonly allowCredentials: boolean;
      readonly allowMethods: readonly string[];
      readonly allowHeaders: readonly string[];
      readonly exposeHeaders: readonly string[];
      readonly maxAgeS: number;
    }
  | {
      readonly kind: 'external-auth';
      readonly protocol: 'http' | 'grpc';
      readonly backend: string;
      readonly pathPrefix: string;
      readonly allowedHeaders: readonly string[];
      readonly allowedResponseHeaders: readonly string[];
      readonly forwardBodyBytes: number;
    }
  | AuthRequest
  | BasicAuth
  | ClientLimits
  | ClientCertificate;

/** Of a body, to whom is asked for authorization: what of HAProxy's buffer is not for the header. A longer one is answered 413. */
export const SHOWN_BYTES = 24 * 1024;

export interface ProxyHeaderChange {
  readonly set: readonly { readonly name: string; readonly value: string }[];
  readonly add: readonly { readonly name: string; readonly value: string }[];
  readonly remove: readonly string[];
}

/**
 * `prefix` replaces what the entry's prefix matched. `captures` is the whole path, in which "$1" to "$9" stand for what the groups of the entry's regular
 * expression caught.
 */
export interface ProxyPathChange {
  readonly type: 'full' | 'prefix' | 'captures';
  readonly value: string;
}

/** A Service's port, as one way of speaking to it. */
export interface ProxyBackend {
  /** Stable over changes of endpoints: service, port and way of speaking. */
  readonly id: string;
  readonly protocol: 'http' | 'h2c' | 'tcp' | 'udp';
  readonly tls: BackendTls | undefined;
  readonly retry: BackendRetry | undefined;
  readonly persistence: BackendPersistence | undefined;
  /** How long a connection is waited for; undefined for what is usual. */
  readonly connectTimeoutMs?: number | undefined;
  /** Those that new requests may go to now, sorted; empty: 503. Of one family, but for UDP, which is led to the family that it came by. */
  readonly endpoints: readonly { readonly ip: Ip; readonly port: Port }[];
}

export interface BackendTls {
  /** False for whoever answers, without a look at the certificate; nothing else is asked for then. */
  readonly isVerified: boolean;
  /** SNI, and the name that the certificate must be for. */
  readonly hostname: string;
  /** Ids; empty for the machine's own authorities. */
  readonly authorities: readonly string[];
  /** Id of a certificate. */
  readonly clientCertificate: string | undefined;
}

export interface BackendRetry {
  /** Beside the first; 0 for none, whatever happens. */
  readonly attempts: number;
  readonly codes: readonly number[];
  /** Nobody is asked again because there was no answer in time. */
  readonly isWithoutTimeouts?: boolean;
  /** POST, PATCH and LOCK, which may do a thing twice, are not asked again once they were sent. */
  readonly isIdempotentAlone?: boolean;
}

export interface BackendPersistence {
  readonly type: 'cookie' | 'header';
  readonly name: string;
  readonly absoluteTimeoutMs: number | undefined;
  readonly cookieLifetime: 'session' | 'permanent';
}

export interface ProxyCertificate {
  /** "Secret shop/web-tls" */
  readonly id: string;
  /** Chain and private key, PEM, in this order. */
  readonly pem: string;
  /** Names that it is for, as the certificate says. */
  readonly names: readonly string[];
  /** In milliseconds since 1970; absent where nobody is to be told of its end. */
  readonly validity?: { readonly fromMs: number; readonly untilMs: number };
}
