// Which rule of HTTPRoutes and GRPCRoutes has a request: all that match are found, and the one of the highest precedence is taken.

import { readPlainRegex } from '../base/plain-regex.ts';
import type { NamedMatch } from '../objects/gateway-api/common.ts';
import type { GrpcMatch, GrpcRoute, GrpcRule } from '../objects/gateway-api/grpc-route.ts';
import type { HttpMatch, HttpRoute, HttpRule, PathMatch } from '../objects/gateway-api/http-route.ts';
import { bestHost, compareRanks, hostOf, hostRank } from './route-host.ts';
import { isGrpc, grpcRank, matchesGrpc } from './route-grpc.ts';
import { matchesPath, pathRank } from './route-path.ts';
import type { HttpRequest } from './route-objects.ts';

export type AnyHttpRoute =
  | { readonly kind: 'HTTPRoute'; readonly route: HttpRoute }
  | { readonly kind: 'GRPCRoute'; readonly route: GrpcRoute };

export interface FoundRule {
  readonly of: AnyHttpRoute;
  readonly index: number;
  readonly rule: HttpRule | GrpcRule;
  /** The path by which it was found, for what replaces a prefix. */
  readonly path: PathMatch;
}

/** Undefined where no rule of the routes has the request. Routes are those that are attached to the listener of the request. */
export function findRule(routes: readonly AnyHttpRoute[], request: HttpRequest): FoundRule | undefined {
  return routes.flatMap((it) => candidatesOf(it, request)).sort(byPrecedence)[0]?.found;
}

interface Candidate {
  readonly found: FoundRule;
  readonly rank: readonly number[];
}

const ANY_PATH: PathMatch = { type: 'prefix', value: '/' };

function candidatesOf(of: AnyHttpRoute, request: HttpRequest): readonly Candidate[] {
  const best = bestHost(of.route.hostnames, hostOf(request.host));
  if (best === undefined) return [];
  const host = hostRank(best.pattern);
  if (of.kind === 'HTTPRoute')
    return readableRules(of.route.rules).flatMap(({ rule, index }) =>
      rule.matches
        .filter((it) => matchesHttp(it, request))
        .map((it) => ({
          found: { of, index, rule, path: it.path },
          rank: [...host, ...pathRank(it.path), ...httpRank(it)],
        })),
    );
  // "If no matches are specified, the implementation MUST match every gRPC request": and no others.
  if (!isGrpc(request)) return [];
  return readableRules(of.route.rules).flatMap(({ rule, index }) =>
    rule.matches
      .filter((it) => matchesGrpc(it, request.path) && matchesHeaders(it.headers, request))
      .map((it) => ({
        found: { of, index, rule, path: ANY_PATH },
        rank: [...host, ...grpcRank(it.method), 0, firstOfEach(it.headers, true).length, 0],
      })),
  );
}

/** One by one: rank, "the oldest Route", "the Route appearing first in alphabetical order by {namespace}/{name}", "the FIRST matching rule". */
function byPrecedence(a: Candidate, b: Candidate): number {
  const [one, other] = [a.found.of.route, b.found.of.route];
  return (
    compareRanks(a.rank, b.rank) ||
    compareTexts(one.createdAt, other.createdAt) ||
    compareTexts(`${one.namespace}/${one.name}`, `${other.namespace}/${other.name}`) ||
    // Two kinds may have one name; the specification leaves it there.
    compareTexts(a.found.of.kind, b.found.of.kind) ||
    a.found.index - b.found.index
  );
}

export function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** "Method match. Largest number of header matches. Largest number of query param matches." */
function httpRank({ method, headers, query }: HttpMatch): readonly number[] {
  return [method === undefined ? 0 : 1, firstOfEach(headers, true).length, firstOfEach(query, false).length];
}

function matchesHttp({ path, method, headers, query }: HttpMatch, request: HttpRequest): boolean {
  return (
    matchesPath(path, request.path) &&
    (method === undefined || method === request.method) &&
    matchesHeaders(headers, request) &&
    matchesQuery(query, request.query)
  );
}

/** "Only the first entry with an equivalent name MUST be considered for a match." */
function firstOfEach(matches: readonly NamedMatch[], isAnyCase: boolean): readonly NamedMatch[] {
  const nameOf = ({ name }: NamedMatch): string => (isAnyCase ? name.toLowerCase() : name);
  return matches.filter((it, at) => matches.findIndex((other) => nameOf(other) === nameOf(it)) === at);
}

function matchesHeaders(matches: readonly NamedMatch[], request: HttpRequest): boolean {
  return firstOfEach(matches, true).every((it) => matchesValue(it, headerOf(request, it.name)));
}

/** Fields of one name are one value, joined by commas (RFC 9110, 5.3). */
export function headerOf({ headers, host }: HttpRequest, name: string): string | undefined {
  if (name.toLowerCase() === 'host') return host;
  const values = headers.filter((it) => it.name.toLowerCase() === name.toLowerCase()).map((it) => it.value);
  return values.length === 0 ? undefined : values.map((it) => it.trim()).join(',');
}

function matchesQuery(matches: readonly NamedMatch[], query: string | undefined): boolean {
  const parameters = (query ?? '').split('&').filter((it) => it !== '');
  return firstOfEach(matches, false).every((it) => {
    // "It is recommended that implementations should match against the first value of the param."
    const [value] = parameters
      .map((text) => /^([^=]*)=?(.*)$/s.exec(text) ?? [])
      .filter(([, name = '']) => decoded(name) === it.name)
      .map(([, , text = '']) => decoded(text));
    return matchesValue(it, value);
  });
}

/** As forms are written: a plus is a space, %41 is A. What is no escape stands for itself. */
function decoded(text: string): string {
  const bytes = text
    .replaceAll('+', ' ')
    .replaceAll(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function matchesValue({ type, value }: NamedMatch, actual: string | undefined): boolean {
  if (actual === undefined) return false;
  return type === 'exact' ? actual === value : (readPlainRegex(value)?.test(actual) ?? false);
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
