// The slim GRPCRoute: gateway.networking.k8s.io/v1, with the defaults of absent fields decided here.

import type { BackendRef, GatewayMeta, NamedMatch, ParentRef, SessionPersistence } from './common.ts';
import type { HttpFilter } from './http-route.ts';

export interface GrpcRoute extends GatewayMeta {
  readonly parents: readonly ParentRef[];
  readonly hostnames: readonly string[];
  readonly rules: readonly GrpcRule[];
}

export interface GrpcRule {
  readonly name: string | undefined;
  /** Any of them; never empty: an absent list is the match of everything. */
  readonly matches: readonly GrpcMatch[];
  readonly filters: readonly HttpFilter[];
  readonly backends: readonly GrpcBackendRef[];
  readonly persistence: SessionPersistence | undefined;
}

export interface GrpcMatch {
  /** Undefined for every method of every service. */
  readonly method: GrpcMethodMatch | undefined;
  readonly headers: readonly NamedMatch[];
}

/** At least one of `service` and `method` is there. */
export interface GrpcMethodMatch {
  readonly type: 'exact' | 'regex';
  readonly service: string | undefined;
  readonly method: string | undefined;
}

export interface GrpcBackendRef extends BackendRef {
  readonly filters: readonly HttpFilter[];
}
