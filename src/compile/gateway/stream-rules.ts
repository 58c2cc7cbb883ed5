// A TLSRoute's, TCPRoute's or UDPRoute's rule, as it is carried. The kinds take one rule each; a second one has nothing to be told by.

import type { StreamTarget } from '../../model/gateway.ts';
import type { Verdict } from '../../model/gateway-verdict.ts';
import type { BackendRef } from '../../objects/gateway-api/common.ts';
import type { StreamRoute } from '../../objects/gateway-api/stream-route.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import { resolveBackend, type BackendInputs, type BackendWay } from './backends.ts';
import { referrerOf } from './grants.ts';

const SHAPE = { isGrpc: false, retry: undefined, persistence: undefined };

export interface CompiledStreamRoute {
  /** Undefined for a route without rules. */
  readonly target: StreamTarget | undefined;
  /** Of listeners that pass TLS on. */
  readonly passedTarget: StreamTarget | undefined;
  readonly ways: readonly BackendWay[];
  readonly unresolved: Verdict | undefined;
  readonly refused: undefined;
  readonly dropped: readonly string[];
  readonly shortfalls: readonly string[];
}

export function compileStreamRoute(route: StreamRoute, inputs: BackendInputs): CompiledStreamRoute {
  const from = referrerOf(route.kind, route.namespace);
  const [rule, ...others] = route.rules;
  const carries = route.kind === 'UDPRoute' ? 'datagrams' : 'bytes';
  const ways: BackendWay[] = [];
  let unresolved: Verdict | undefined;
  const resolve = (ref: BackendRef, isPassed: boolean): string | undefined => {
    const found = resolveBackend(inputs, from, ref, { ...SHAPE, carries, isPassed });
    if ('way' in found) {
      ways.push(found.way);
      return found.way.id;
    }
    unresolved ??= found.problem;
    return undefined;
  };
  const targetOf = (isPassed: boolean): StreamTarget | undefined =>
    rule && {
      id: `${route.kind}/${objectKey(route)}/0`,
      backends: rule.backends.map((ref) => ({
        backend: resolve(ref, isPassed),
        weight: ref.weight,
        filters: [],
      })),
    };
  const target = targetOf(false);
  const passedTarget = route.kind === 'TLSRoute' ? targetOf(true) : target;
  const shortfalls = others.length === 0 ? [] : [`only the first of ${route.rules.length} rules is used`];
  return { target, passedTarget, ways, unresolved, refused: undefined, dropped: [], shortfalls };
}
