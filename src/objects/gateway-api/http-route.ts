// The slim HTTPRoute: gateway.networking.k8s.io/v1, with the defaults of absent fields decided here.

import type { Port } from '../../base/port.ts';
import { Field } from '../slim-field.ts';
import type {
  BackendRef,
  GatewayMeta,
  HeaderChange,
  NamedMatch,
  ObjectRef,
  ParentRef,
  SessionPersistence,
} from './common.ts';
import { optionalDurationMs } from './duration.ts';
import { readFilters } from './http-filter.ts';
import { readHeaderMatches, readQueryMatches } from './named-match.ts';
import { readBackend, readGatewayMeta, readHostnames, readParents } from './references.ts';
import { readPersistence } from './session-persistence.ts';

export interface HttpRoute extends GatewayMeta {
  readonly parents: readonly ParentRef[];
  /** In lower case; "*." stands for one and more labels. Empty for every name of its listeners. */
  readonly hostnames: readonly string[];
  readonly rules: readonly HttpRule[];
}

export interface HttpRule {
  readonly name: string | undefined;
  /** Any of them; never empty: an absent list is the prefix "/". */
  readonly matches: readonly HttpMatch[];
  readonly filters: readonly HttpFilter[];
  readonly backends: readonly HttpBackendRef[];
  readonly timeouts: HttpTimeouts;
  readonly retry: HttpRetry | undefined;
  readonly persistence: SessionPersistence | undefined;
}

/** All of it must hold. */
export interface HttpMatch {
  readonly path: PathMatch;
  readonly headers: readonly NamedMatch[];
  readonly query: readonly NamedMatch[];
  /** "GET"; undefined for every method. */
  readonly method: string | undefined;
}

/** `prefix` goes by elements: "/v2" and "/v2/" both match /v2, /v2/ and /v2/x, and never /v2x. */
export interface PathMatch {
  readonly type: 'exact' | 'prefix' | 'regex';
  readonly value: string;
}

export interface HttpBackendRef extends BackendRef {
  readonly filters: readonly HttpFilter[];
}

/** 0 switches a limit off, undefined leaves it to us. `requestMs` bounds the whole with its retries, `backendRequestMs` each try. */
export interface HttpTimeouts {
  readonly requestMs: number | undefined;
  readonly backendRequestMs: number | undefined;
}

export interface HttpRetry {
  /** Status codes of the backend after which another try is made. */
  readonly codes: readonly number[];
  /** Tries after the first; undefined leaves it to us. */
  readonly attempts: number | undefined;
  readonly backoffMs: number | undefined;
}

export type HttpFilter =
  | ({ readonly kind: 'request-headers' } & HeaderChange)
  | ({ readonly kind: 'response-headers' } & HeaderChange)
  | HttpMirror
  | HttpRedirect
  | HttpRewrite
  | HttpCors
  | HttpExternalAuth
  /** An object of somebody else's; a route with one that nobody knows must not be served without it. */
  | { readonly kind: 'extension'; readonly ref: ObjectRef };

export interface HttpMirror {
  readonly kind: 'mirror';
  readonly backend: BackendRef;
  /** This share of the requests: numerator / denominator. */
  readonly numerator: number;
  readonly denominator: number;
}

/** Absent parts stay as the request has them. */
export interface HttpRedirect {
  readonly kind: 'redirect';
  readonly scheme: string | undefined;
  readonly hostname: string | undefined;
  readonly port: Port | undefined;
  readonly path: PathModifier | undefined;
  /** 301, 302, 303, 307 or 308; 302 by default. */
  readonly statusCode: number;
}

export interface HttpRewrite {
  readonly kind: 'rewrite';
  readonly hostname: string | undefined;
  readonly path: PathModifier | undefined;
}

/** The whole path, or the part of it that the rule's prefix matched. */
export interface PathModifier {
  readonly type: 'full' | 'prefix';
  readonly value: string;
}

export interface HttpCors {
  readonly kind: 'cors';
  /** "https://*.example.com", "*"; a star stands for one and more labels. */
  readonly allowOrigins: readonly string[];
  readonly allowCredentials: boolean;
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeS: number;
}

export interface HttpExternalAuth {
  readonly kind: 'external-auth';
  readonly protocol: 'http' | 'grpc';
  readonly backend: BackendRef;
  /** Put before the request's path; HTTP alone. */
  readonly pathPrefix: string;
  /** Request headers that go to the authority beside those that always do. */
  readonly allowedHeaders: readonly string[];
  /** Headers of its answer that go on to the backend; empty for all of them. */
  readonly allowedResponseHeaders: readonly string[];
  /** How much of a body it gets; 0 for none. */
  readonly forwardBodyBytes: number;
}

/** Reads an HTTPRoute; throws `invalid` naming the field. */
export function parseHttpRoute(raw: unknown): HttpRoute {
  const root = Field.root('HTTPRoute', raw);
  const meta = readGatewayMeta(root);
  const spec = root.at('spec');
  const rules = spec.at('rules');
  return {
    ...meta,
    parents: readParents(spec, meta.namespace),
    hostnames: readHostnames(spec),
    // Without any it is one rule that sends everything nowhere: that is what the API fills in.
    rules: rules.isAbsent
      ? [readRule(rules, meta.namespace)]
      : rules.list().map((it) => readRule(it, meta.namespace)),
  };
}

function readRule(field: Field, namespace: string): HttpRule {
  const matches = field.at('matches').list();
  return {
    name: field.at('name').optionalText(),
    matches: matches.length === 0 ? [readMatch(field.at('matches'))] : matches.map(readMatch),
    filters: readFilters(field.at('filters'), namespace),
    backends: field
      .at('backendRefs')
      .list()
      .map((it) => ({
        ...readBackend(it, namespace),
        filters: readFilters(it.at('filters'), namespace),
      })),
    timeouts: {
      requestMs: optionalDurationMs(field.at('timeouts.request')),
      backendRequestMs: optionalDurationMs(field.at('timeouts.backendRequest')),
    },
    retry: readRetry(field.at('retry')),
    persistence: readPersistence(field.at('sessionPersistence')),
  };
}

function readMatch(field: Field): HttpMatch {
  return {
    path: readPath(field.at('path')),
    headers: readHeaderMatches(field.at('headers')),
    query: readQueryMatches(field.at('queryParams')),
    method: field.at('method').optionalText(),
  };
}

const PATH_TYPES = { Exact: 'exact', PathPrefix: 'prefix', RegularExpression: 'regex' } as const;

function readPath(field: Field): PathMatch {
  const type = field.at('type').choice<PathMatch['type']>(PATH_TYPES, 'prefix');
  const value = field.at('value').optionalText() ?? '/';
  if (type !== 'regex' && !value.startsWith('/')) return field.at('value').fail('must start with "/"');
  return { type, value };
}

function readRetry(field: Field): HttpRetry | undefined {
  if (field.isAbsent) return undefined;
  return {
    codes: field.at('codes').list().map(readStatusCode),
    attempts: field.at('attempts').optionalInteger(),
    backoffMs: optionalDurationMs(field.at('backoff')),
  };
}

function readStatusCode(field: Field): number {
  const code = field.optionalInteger() ?? NaN;
  return code >= 400 && code <= 599 ? code : field.fail('must be from 400 to 599');
}
