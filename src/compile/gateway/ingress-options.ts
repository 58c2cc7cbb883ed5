// What the annotations of an Ingress ask for, in words of ours. Annotations are ingress-nginx's: the ones that Ingresses in the world carry.

import type { Cidr } from '../../base/cidr.ts';
import type { Port } from '../../base/port.ts';
import type { BackendPersistence, BackendRetry, ProxyFilter } from '../../model/gateway.ts';
import type { AuthRequest, ClientCertificate, ClientLimits } from '../../model/request-guards.ts';

export interface IngressOptions {
  /** The paths of all Ingresses that have a host with this one are regular expressions then. */
  readonly isRegex: boolean;
  /** "/$2"; paths that are otherwise make those of their hosts regular expressions, too. */
  readonly rewriteTarget: string | undefined;
  /** Whether HTTP is answered by a redirect to HTTPS: for the names of `tls`, for all. */
  readonly httpsRedirect: 'tls-hosts' | 'always' | undefined;
  /** In the place of every backend. */
  readonly redirect: Redirect | undefined;
  /** What "/" is redirected to. */
  readonly appRoot: string | undefined;
  readonly upstreamVhost: string | undefined;
  readonly forwardedPrefix: string | undefined;
  readonly hostAliases: readonly string[];
  readonly allow: readonly Cidr[];
  readonly deny: readonly Cidr[];
  /** 0 for none. */
  readonly maxBodyBytes: number;
  readonly readTimeoutMs: number;
  readonly isGrpc: boolean;
  /** TLS to backends, whoever they are. */
  readonly isTls: boolean;
  /** TLS goes on as it came. */
  readonly isPassed: boolean;
  readonly cors: Extract<ProxyFilter, { kind: 'cors' }> | undefined;
  readonly persistence: BackendPersistence | undefined;
  /** How the cookie of a session is set; undefined for what is usual. */
  readonly cookieAttributes: string | undefined;
  readonly retry: BackendRetry | undefined;
  readonly connectTimeoutMs: number | undefined;
  readonly canary: CanaryOptions | undefined;
  readonly basicAuth: BasicAuthOptions | undefined;
  readonly authRequest: AuthRequestOptions | undefined;
  readonly mirror: MirrorOptions | undefined;
  /** The name with "www." before it, or without it, is redirected to the rules' hosts. */
  readonly isOfBothNames: boolean;
  readonly clientTls: ClientTlsOptions | undefined;
  readonly limits: LimitOptions | undefined;
  /** Why nothing of the Ingress may be answered: what protects it cannot be had. */
  readonly closed: string | undefined;
}

export interface ClientTlsOptions extends Omit<ClientCertificate, 'kind'> {
  /** "name" or "namespace/name". */
  readonly secret: string;
}

export type LimitOptions = Omit<ClientLimits, 'kind' | 'of'>;

export interface NamedServicePort {
  readonly namespace: string;
  readonly name: string;
  readonly port: Port;
}

/** Who gets a copy of each request. */
export interface MirrorOptions {
  readonly service: NamedServicePort;
  readonly isTls: boolean;
}

export interface BasicAuthOptions {
  /** "name" or "namespace/name". */
  readonly secret: string;
  /** Its keys are names; otherwise its key `auth` is a file of names. */
  readonly isMap: boolean;
  readonly realm: string;
}

/** Who is asked about each request. In `path`, `redirect` and `signIn` nginx's variables stand for what the request says. */
export interface AuthRequestOptions extends Omit<AuthRequest, 'kind' | 'backend'> {
  /** Undefined for the proxy itself, by the host of the request. */
  readonly service: NamedServicePort | undefined;
  readonly isTls: boolean;
}

export type Redirect = Extract<ProxyFilter, { kind: 'redirect' }>;

export interface CanaryOptions {
  readonly weight: number;
  readonly weightTotal: number;
  readonly header: string | undefined;
  readonly headerValue: { readonly type: 'exact' | 'regex'; readonly value: string } | undefined;
  readonly cookie: string | undefined;
}

/** What became of one annotation: as ingress-nginx does it, otherwise, not at all, or the Ingress is answered with 500 because of it. */
export interface AnnotationFinding {
  /** Without the prefix: "rewrite-target". */
  readonly name: string;
  readonly effect: 'whole' | 'changed' | 'not' | 'closed';
  readonly message: string;
}

export const NO_OPTIONS: IngressOptions = {
  isRegex: false,
  rewriteTarget: undefined,
  httpsRedirect: undefined,
  redirect: undefined,
  appRoot: undefined,
  upstreamVhost: undefined,
  forwardedPrefix: undefined,
  hostAliases: [],
  allow: [],
  deny: [],
  maxBodyBytes: 0,
  readTimeoutMs: 0,
  isGrpc: false,
  isTls: false,
  isPassed: false,
  cors: undefined,
  persistence: undefined,
  cookieAttributes: undefined,
  retry: undefined,
  connectTimeoutMs: undefined,
  canary: undefined,
  basicAuth: undefined,
  authRequest: undefined,
  mirror: undefined,
  isOfBothNames: false,
  clientTls: undefined,
  limits: undefined,
  closed: undefined,
};
