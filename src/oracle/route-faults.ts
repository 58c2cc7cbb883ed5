// What is wrong with the references of a route.

import type { BackendRef } from '../objects/gateway-api/common.ts';
import type { Gateway } from '../objects/gateway-api/gateway.ts';
import type { HttpFilter } from '../objects/gateway-api/http-route.ts';
import type { AnyRoute } from './route-attach.ts';
import { resolveBackend } from './route-backend.ts';
import type { GatewayObjects } from './route-objects.ts';

export interface RouteFaults {
  /** Of the condition ResolvedRefs, one for each reference that leads nowhere; any of them may be told. */
  readonly reasons: readonly string[];
  /** A BackendTLSPolicy cannot be met: the specification calls the reference invalid without a reason for it. */
  readonly isTrust: boolean;
}

export function faultsOf(objects: GatewayObjects, gateway: Gateway, of: AnyRoute): RouteFaults {
  const { namespace } = of.route;
  // Whether TLS is passed on decides nothing about a reference but for a policy that cannot be met.
  const from = { speech: { kind: of.kind, isPassed: false }, namespace };
  const resolved = refsOf(of).map((it) => resolveBackend(objects, gateway, from, it));
  return {
    reasons: [
      ...resolved.flatMap((it) => (it.kind === 'invalid' ? [it.reason] : [])),
      // Nobody's filters are known here.
      ...filtersOf(of).flatMap((it) => (it.kind === 'extension' ? ['InvalidKind', 'BackendNotFound'] : [])),
    ],
    isTrust: resolved.some((it) => it.kind === 'untrusted'),
  };
}

/** Of backends, mirrors and authorities, whatever their weight. */
function refsOf(of: AnyRoute): readonly BackendRef[] {
  const backends = of.route.rules.flatMap((it): readonly BackendRef[] => it.backends);
  const asked = filtersOf(of).flatMap((it) =>
    it.kind === 'mirror' || it.kind === 'external-auth' ? [it.backend] : [],
  );
  return [...backends, ...asked];
}

function filtersOf(of: AnyRoute): readonly HttpFilter[] {
  if (of.kind !== 'HTTPRoute' && of.kind !== 'GRPCRoute') return [];
  return of.route.rules.flatMap((rule) => [...rule.filters, ...rule.backends.flatMap((it) => it.filters)]);
}
