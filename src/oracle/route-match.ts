// Which rule of HTTPRoutes and GRPCRoutes has a request: all that match are found, and the one of the highest precedence is taken.

import { readPlainRegex } from '../base/plain-regex.ts';
import type { GrpcMatch, GrpcRoute, GrpcRule } from '../objects/gateway-api/grpc-route.ts';
import type { HttpMatch, HttpRoute, HttpRule, PathMatch } from '../objects/gateway-api/http-route.ts';
import { firstOfEach, missOfGrpc, missOfHttp, type Miss } from './route-condition.ts';
import { bestHost, hostOf, hostRank } from './route-host.ts';
import { isGrpc, grpcRank } from './route-grpc.ts';
import type { HttpRequest } from './route-objects.ts';
import { pathRank } from './route-path.ts';
import {
  compareBy,
  compareTexts,
  decidingStep,
  stepsOfRoutes,
  type Precedence,
  type Step,
} from './route-precedence.ts';

export type AnyHttpRoute =
  | { readonly kind: 'HTTPRoute'; readonly route: HttpRoute }
  | { readonly kind: 'GRPCRoute'; readonly route: GrpcRoute };

export interface FoundRule {
  readonly of: AnyHttpRoute;
  readonly index: number;
  readonly rule: HttpRule | GrpcRule;
  /** Which of the rule's matches. */
  readonly match: number;
  /** Its path, for what replaces a prefix. */
  readonly path: PathMatch;
}

/** A match of a rule, held against a request. */
export interface TriedMatch {
  readonly found: FoundRule;
  readonly rank: readonly number[];
  /** Undefined where the request meets all of it. */
  readonly miss: Miss | undefined;
}

/** A route, held against a request: its matches, or why none of them was tried. */
export type TriedRoute =
  | { readonly kind: 'tried'; readonly of: AnyHttpRoute; readonly matches: readonly TriedMatch[] }
  /** None of its names has the host. */
  | { readonly kind: 'hostnames'; readonly of: AnyHttpRoute }
  /** It has nothing but gRPC. */
  | { readonly kind: 'not-grpc'; readonly of: AnyHttpRoute };

/** Undefined where no rule of the routes has the request. Routes are those that are attached to the listener of the request. */
export function findRule(tried: readonly TriedRoute[]): TriedMatch | undefined {
  return matchesOf(tried)
    .filter((it) => it.miss === undefined)
    .sort((a, b) => compareBy(STEPS, a, b))[0];
}

export function matchesOf(tried: readonly TriedRoute[]): readonly TriedMatch[] {
  return tried.flatMap((it) => (it.kind === 'tried' ? it.matches : []));
}

const ANY_PATH: PathMatch = { type: 'prefix', value: '/' };

export function tryRoute(of: AnyHttpRoute, request: HttpRequest): TriedRoute {
  const best = bestHost(of.route.hostnames, hostOf(request.host));
  if (best === undefined) return { kind: 'hostnames', of };
  const host = hostRank(best.pattern);
  if (of.kind === 'HTTPRoute') {
    const matches = readableRules(of.route.rules).flatMap(({ rule, index }) =>
      rule.matches.map((it, match) => ({
        found: { of, index, rule, match, path: it.path },
        rank: [...host, ...pathRank(it.path), ...httpRank(it)],
        miss: missOfHttp(it, request),
      })),
    );
    return { kind: 'tried', of, matches };
  }
  // "If no matches are specified, the implementation MUST match every gRPC request": and no others.
  if (!isGrpc(request)) return { kind: 'not-grpc', of };
  const matches = readableRules(of.route.rules).flatMap(({ rule, index }) =>
    rule.matches.map((it, match) => ({
      found: { of, index, rule, match, path: ANY_PATH },
      rank: [...host, ...grpcRank(it.method), 0, firstOfEach(it.headers, true).length, 0],
      miss: missOfGrpc(it, request),
    })),
  );
  return { kind: 'tried', of, matches };
}

/** What each number of a rank is about. */
const RANKS: readonly Precedence[] = ['hostname', 'hostname', 'path', 'path', 'method', 'headers', 'query'];

/** One by one: rank, then the routes', "the FIRST matching rule". */
const STEPS: readonly Step<TriedMatch>[] = [
  ...RANKS.map((by, at) => ({
    by,
    compare: (a: TriedMatch, b: TriedMatch) => (b.rank[at] ?? 0) - (a.rank[at] ?? 0),
  })),
  ...stepsOfRoutes<TriedMatch>(({ found }) => found.of.route),
  // Two kinds may have one name; the specification leaves it there.
  { by: 'kind', compare: (a, b) => compareTexts(a.found.of.kind, b.found.of.kind) },
  { by: 'position', compare: (a, b) => a.found.index - b.found.index },
];

/** Why one goes before another that has the request, too. */
export function precedenceOf(first: TriedMatch, second: TriedMatch): Precedence {
  return decidingStep(STEPS, first, second)?.by ?? 'position';
}

/** "Method match. Largest number of header matches. Largest number of query param matches." */
function httpRank({ method, headers, query }: HttpMatch): readonly number[] {
  return [method === undefined ? 0 : 1, firstOfEach(headers, true).length, firstOfEach(query, false).length];
}

/** Those without an expression that cannot be read: of a rule with one, nothing is served. */
export function readableRules<Rule extends HttpRule | GrpcRule>(
  rules: readonly Rule[],
): readonly { readonly rule: Rule; readonly index: number }[] {
  return rules
    .map((rule, index) => ({ rule, index }))
    .filter(({ rule }) =>
      rule.matches.flatMap(expressionsOf).every((it) => readPlainRegex(it) !== undefined),
    );
}

function expressionsOf(match: HttpMatch | GrpcMatch): readonly string[] {
  const named = 'path' in match ? [match.path, ...match.headers, ...match.query] : match.headers;
  const method = 'method' in match && typeof match.method === 'object' ? match.method : undefined;
  return [
    ...named.filter((it) => it.type === 'regex').map((it) => it.value),
    ...(method?.type === 'regex' ? [method.service ?? '', method.method ?? ''] : []),
  ];
}
