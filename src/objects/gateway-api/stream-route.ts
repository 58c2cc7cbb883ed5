// The slim TLSRoute, TCPRoute and UDPRoute: gateway.networking.k8s.io/v1. They are one shape: names to be known by, and weighted backends.

import { Field } from '../slim-field.ts';
import type { BackendRef, GatewayMeta, ParentRef } from './common.ts';
import { readBackend, readGatewayMeta, readHostnames, readParents } from './references.ts';

export interface StreamRoute extends GatewayMeta {
  readonly kind: 'TLSRoute' | 'TCPRoute' | 'UDPRoute';
  readonly parents: readonly ParentRef[];
  /** Server names (SNI), TLSRoutes alone; "*." stands for one and more labels. */
  readonly hostnames: readonly string[];
  readonly rules: readonly StreamRule[];
}

export interface StreamRule {
  readonly name: string | undefined;
  readonly backends: readonly BackendRef[];
}

/** Reads a TLSRoute; throws `invalid` naming the field. */
export function parseTlsRoute(raw: unknown): StreamRoute {
  return parseStreamRoute('TLSRoute', raw);
}

/** Reads a TCPRoute; throws `invalid` naming the field. */
export function parseTcpRoute(raw: unknown): StreamRoute {
  return parseStreamRoute('TCPRoute', raw);
}

/** Reads a UDPRoute; throws `invalid` naming the field. */
export function parseUdpRoute(raw: unknown): StreamRoute {
  return parseStreamRoute('UDPRoute', raw);
}

function parseStreamRoute(kind: StreamRoute['kind'], raw: unknown): StreamRoute {
  const root = Field.root(kind, raw);
  const meta = readGatewayMeta(root);
  const spec = root.at('spec');
  return {
    ...meta,
    kind,
    parents: readParents(spec, meta.namespace),
    hostnames: kind === 'TLSRoute' ? readHostnames(spec) : [],
    rules: spec
      .at('rules')
      .list()
      .map((it) => ({
        name: it.at('name').optionalText(),
        backends: it
          .at('backendRefs')
          .list()
          .map((backend) => readBackend(backend, meta.namespace)),
      })),
  };
}
