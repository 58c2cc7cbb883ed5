// All that one route brings to a Gateway, and all that is to be said of it. Pure: the same inputs give the same parts.

import type { ProxyRule, StreamTarget } from '../../model/gateway.ts';
import type { RouteVerdict, Verdict } from '../../model/gateway-verdict.ts';
import type { GrpcRoute } from '../../objects/gateway-api/grpc-route.ts';
import type { HttpFilter, HttpRoute } from '../../objects/gateway-api/http-route.ts';
import type { BackendRef } from '../../objects/gateway-api/common.ts';
import type { StreamRoute } from '../../objects/gateway-api/stream-route.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import {
  judgeParents,
  type AttachingRoute,
  type JudgedParent,
  type Parents,
  type SharedName,
} from './attach.ts';
import type { BackendInputs, BackendWay } from './backends.ts';
import { asHttpRoute } from './grpc-rules.ts';
import { compileHttpRoute, type HttpLikeRoute } from './http-rules.ts';
import type { RankedEntry } from './precedence.ts';
import { compileStreamRoute } from './stream-rules.ts';
import { yes } from './verdicts.ts';

export interface RoutePlace {
  /** Id of the listener. */
  readonly listener: string;
  readonly isPassed: boolean;
  readonly names: readonly SharedName[];
}

export interface RouteParts {
  /** Listeners by their ids, each with every name once. */
  readonly places: readonly RoutePlace[];
  readonly entries: readonly RankedEntry[];
  readonly rules: readonly ProxyRule[];
  /** Of a stream's route. */
  readonly target: StreamTarget | undefined;
  /** The same at listeners that pass TLS on. */
  readonly passedTarget: StreamTarget | undefined;
  readonly ways: readonly BackendWay[];
  readonly verdict: RouteVerdict;
}

/** Undefined for routes of other Gateways. */
export function httpRouteParts(
  route: HttpRoute,
  parents: Parents,
  inputs: BackendInputs,
): RouteParts | undefined {
  const rules = route.rules.map((rule) => ({
    ...rule,
    matches: rule.matches.map((it) => ({ ...it, isMethodOnly: false })),
  }));
  return partsOf({ ...route, kind: 'HTTPRoute', rules }, parents, inputs);
}

export function grpcRouteParts(
  route: GrpcRoute,
  parents: Parents,
  inputs: BackendInputs,
): RouteParts | undefined {
  return partsOf(asHttpRoute(route), parents, inputs);
}

function partsOf(route: HttpLikeRoute, parents: Parents, inputs: BackendInputs): RouteParts | undefined {
  const judged = judgeParents(route.kind, route, parents);
  if (judged === undefined) return undefined;
  const compiled = compileHttpRoute(route, inputs);
  const verdict = verdictOf(route.kind, route, judged, compiled);
  const isServed = compiled.refused === undefined && judged.some((it) => it.accepted.isTrue);
  const { entries, rules, ways } = isServed ? compiled : NOTHING;
  return {
    places: placesOf(judged),
    entries,
    rules,
    ways,
    target: undefined,
    passedTarget: undefined,
    verdict,
  };
}

const NOTHING = { entries: [], rules: [], ways: [] };

export function streamRouteParts(
  route: StreamRoute,
  parents: Parents,
  inputs: BackendInputs,
): RouteParts | undefined {
  const judged = judgeParents(route.kind, route, parents);
  if (judged === undefined) return undefined;
  const compiled = compileStreamRoute(route, inputs);
  const verdict = verdictOf(route.kind, route, judged, compiled);
  const { target, passedTarget, ways } = compiled;
  return { places: placesOf(judged), entries: [], rules: [], ways, target, passedTarget, verdict };
}

/** Whatever parent references lead to a listener, it has the route once. */
function placesOf(parents: readonly JudgedParent[]): readonly RoutePlace[] {
  const places = new Map<string, RoutePlace>();
  // One route has the same names at a listener, whichever reference leads there.
  for (const { id, isPassed, names } of parents.flatMap((it) => it.attachments))
    places.set(id, { listener: id, isPassed, names });
  return [...places.values()];
}

interface Findings {
  readonly unresolved: Verdict | undefined;
  readonly refused: Verdict | undefined;
  readonly dropped: readonly string[];
  readonly shortfalls: readonly string[];
}

function verdictOf(
  kind: string,
  { namespace, name, generation }: AttachingRoute,
  parents: readonly JudgedParent[],
  { unresolved, refused, dropped, shortfalls }: Findings,
): RouteVerdict {
  const partial = refused === undefined && dropped.length > 0;
  const own = [
    unresolved ?? yes('ResolvedRefs', 'ResolvedRefs'),
    ...(partial ? [yes('PartiallyInvalid', 'UnsupportedValue', `Dropped Rule: ${dropped.join('; ')}`)] : []),
    ...limits(shortfalls),
  ];
  return {
    kind,
    namespace,
    name,
    generation,
    parents: parents.map(({ parent, accepted }) => ({
      parent,
      conditions: [accepted.isTrue ? (refused ?? accepted) : accepted, ...own],
    })),
  };
}

/** What this proxy cannot do is said, beside what it does. */
function limits(shortfalls: readonly string[]): readonly Verdict[] {
  if (shortfalls.length === 0) return [];
  const message = shortfalls.join('; ');
  return [{ type: 'fairlead.dev/Limited', isTrue: true, reason: 'UnsupportedValue', message }];
}

const services = new WeakMap<object, readonly string[]>();

/** Keys of the Services that a route names; what its parts depend on beside itself. */
export function servicesOf(route: HttpRoute | GrpcRoute | StreamRoute): readonly string[] {
  let found = services.get(route);
  if (found === undefined) {
    found = [...new Set(route.rules.flatMap(refsOfRule).map(objectKey))];
    services.set(route, found);
  }
  return found;
}

function refsOfRule(rule: (HttpRoute | GrpcRoute | StreamRoute)['rules'][number]): readonly BackendRef[] {
  const filters = 'filters' in rule ? rule.filters : [];
  const inner = rule.backends.flatMap((it) =>
    'filters' in it ? (it as { filters: readonly HttpFilter[] }).filters : [],
  );
  return [...rule.backends, ...[...filters, ...inner].flatMap((it) => ('backend' in it ? [it.backend] : []))];
}
