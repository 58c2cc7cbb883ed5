// The slim TLSRoute, TCPRoute and UDPRoute: gateway.networking.k8s.io/v1. They are one shape: names to be known by, and weighted backends.

import type { BackendRef, GatewayMeta, ParentRef } from './common.ts';

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
