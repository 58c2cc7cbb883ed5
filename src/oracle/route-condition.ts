// The conditions of a match, one after the other: which is the first that a request does not meet, or that it meets all of them.

import { readPlainRegex } from '../base/plain-regex.ts';
import type { NamedMatch } from '../objects/gateway-api/common.ts';
import type { GrpcMatch, GrpcMethodMatch } from '../objects/gateway-api/grpc-route.ts';
import type { HttpMatch, PathMatch } from '../objects/gateway-api/http-route.ts';
import { matchesGrpc } from './route-grpc.ts';
import type { HttpRequest } from './route-objects.ts';
import { matchesPath } from './route-path.ts';

/** A condition that a request does not meet; `actual` is what the request has instead, undefined where it has nothing of the name. */
export type Miss =
  | { readonly kind: 'path'; readonly path: PathMatch }
  | { readonly kind: 'method'; readonly method: string }
  | { readonly kind: 'header' | 'query'; readonly match: NamedMatch; readonly actual: string | undefined }
  | { readonly kind: 'call'; readonly call: GrpcMethodMatch };

/** Undefined where the request meets all of it. */
export function missOfHttp(
  { path, method, headers, query }: HttpMatch,
  request: HttpRequest,
): Miss | undefined {
  if (!matchesPath(path, request.path)) return { kind: 'path', path };
  if (method !== undefined && method !== request.method) return { kind: 'method', method };
  return missOfHeaders(headers, request) ?? missOfQuery(query, request.query);
}

/** Undefined where the request, which is one of gRPC, meets all of it. */
export function missOfGrpc(match: GrpcMatch, request: HttpRequest): Miss | undefined {
  const { method: call, headers } = match;
  if (call !== undefined && !matchesGrpc(match, request.path)) return { kind: 'call', call };
  return missOfHeaders(headers, request);
}

/** "Only the first entry with an equivalent name MUST be considered for a match." */
export function firstOfEach(matches: readonly NamedMatch[], isAnyCase: boolean): readonly NamedMatch[] {
  const nameOf = ({ name }: NamedMatch): string => (isAnyCase ? name.toLowerCase() : name);
  return matches.filter((it, at) => matches.findIndex((other) => nameOf(other) === nameOf(it)) === at);
}

function missOfHeaders(matches: readonly NamedMatch[], request: HttpRequest): Miss | undefined {
  return missOfValues('header', firstOfEach(matches, true), ({ name }) => headerOf(request, name));
}

/** Fields of one name are one value, joined by commas (RFC 9110, 5.3). */
export function headerOf({ headers, host }: HttpRequest, name: string): string | undefined {
  if (name.toLowerCase() === 'host') return host;
  const values = headers.filter((it) => it.name.toLowerCase() === name.toLowerCase()).map((it) => it.value);
  return values.length === 0 ? undefined : values.map((it) => it.trim()).join(',');
}

function missOfQuery(matches: readonly NamedMatch[], query: string | undefined): Miss | undefined {
  const parameters = (query ?? '').split('&').filter((it) => it !== '');
  return missOfValues('query', firstOfEach(matches, false), (it) => {
    // "It is recommended that implementations should match against the first value of the param."
    const [value] = parameters
      .map((text) => /^([^=]*)=?(.*)$/s.exec(text) ?? [])
      .filter(([, name = '']) => decoded(name) === it.name)
      .map(([, , text = '']) => decoded(text));
    return value;
  });
}

function missOfValues(
  kind: 'header' | 'query',
  matches: readonly NamedMatch[],
  valueOf: (match: NamedMatch) => string | undefined,
): Miss | undefined {
  const [missed] = matches
    .map((match) => ({ kind, match, actual: valueOf(match) }))
    .filter(({ match, actual }) => !matchesValue(match, actual));
  return missed;
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
