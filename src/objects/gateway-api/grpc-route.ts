// The slim GRPCRoute: gateway.networking.k8s.io/v1, with the defaults of absent fields decided here.

import { Field } from '../slim-field.ts';
import type { BackendRef, GatewayMeta, NamedMatch, ParentRef, SessionPersistence } from './common.ts';
import { readGrpcFilters } from './http-filter.ts';
import type { HttpFilter } from './http-route.ts';
import { readHeaderMatches, readMatchType } from './named-match.ts';
import { readBackend, readGatewayMeta, readHostnames, readParents } from './references.ts';
import { readPersistence } from './session-persistence.ts';

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

/** Reads a GRPCRoute; throws `invalid` naming the field. */
export function parseGrpcRoute(raw: unknown): GrpcRoute {
  const root = Field.root('GRPCRoute', raw);
  const meta = readGatewayMeta(root);
  const spec = root.at('spec');
  return {
    ...meta,
    parents: readParents(spec, meta.namespace),
    hostnames: readHostnames(spec),
    rules: spec
      .at('rules')
      .list()
      .map((it) => readRule(it, meta.namespace)),
  };
}

function readRule(field: Field, namespace: string): GrpcRule {
  const matches = field.at('matches').list();
  return {
    name: field.at('name').optionalText(),
    matches: matches.length === 0 ? [{ method: undefined, headers: [] }] : matches.map(readMatch),
    filters: readGrpcFilters(field.at('filters'), namespace),
    backends: field
      .at('backendRefs')
      .list()
      .map((it) => ({
        ...readBackend(it, namespace),
        filters: readGrpcFilters(it.at('filters'), namespace),
      })),
    persistence: readPersistence(field.at('sessionPersistence')),
  };
}

function readMatch(field: Field): GrpcMatch {
  return { method: readMethod(field.at('method')), headers: readHeaderMatches(field.at('headers')) };
}

/** Empty and absent are the same: any. */
function readMethod(field: Field): GrpcMethodMatch | undefined {
  const [service, method] = [field.at('service').optionalText(), field.at('method').optionalText()].map(
    (it) => (it === '' ? undefined : it),
  );
  if (service === undefined && method === undefined) return undefined;
  return { type: readMatchType(field.at('type')), service, method };
}
