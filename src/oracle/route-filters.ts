// What the filters of a rule and of a backend make of a request, one after the other, as they stand there.

import type { HeaderChange } from '../objects/gateway-api/common.ts';
import type {
  HttpCors,
  HttpExternalAuth,
  HttpFilter,
  HttpMirror,
  HttpRedirect,
  PathMatch,
} from '../objects/gateway-api/http-route.ts';
import { corsHeaders, preflight } from './route-cors.ts';
import { hostOf } from './route-host.ts';
import type { ExpectedHeader, ForwardedRequest, HttpRequest, Response } from './route-objects.ts';
import { modifyPath } from './route-path.ts';

/** What a redirect has to know of the connection. */
export interface Arrival {
  readonly scheme: 'http' | 'https';
  readonly port: number;
}

/** A request on its way through filters. */
export interface Passage {
  readonly host: string | undefined;
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly responseChanges: readonly HeaderChange[];
  readonly responseHeaders: readonly ExpectedHeader[];
  readonly mirrors: readonly HttpMirror[];
  readonly auth: HttpExternalAuth | undefined;
  /** A filter has answered. */
  readonly response: Response | undefined;
}

export function startOf(request: HttpRequest): Passage {
  const names = new Set(request.headers.map((it) => it.name.toLowerCase()));
  const valueOf = (name: string): string =>
    request.headers
      .filter((it) => it.name.toLowerCase() === name)
      .map((it) => it.value.trim())
      .join(',');
  return {
    host: request.host,
    path: request.path,
    headers: new Map([...names].map((it) => [it, valueOf(it)])),
    responseChanges: [],
    responseHeaders: [],
    mirrors: [],
    auth: undefined,
    response: undefined,
  };
}

interface Asked {
  readonly request: HttpRequest;
  readonly arrival: Arrival;
  readonly match: PathMatch;
}

/** "Implementations SHOULD implement filters in the order they are specified": who answers ends it. */
export function passFilters(start: Passage, filters: readonly HttpFilter[], asked: Asked): Passage {
  let passage = start;
  for (const filter of filters) {
    if (passage.response !== undefined) return passage;
    passage = passFilter(passage, filter, asked);
  }
  return passage;
}

function passFilter(passage: Passage, filter: HttpFilter, asked: Asked): Passage {
  switch (filter.kind) {
    case 'request-headers':
      return changeHeaders(passage, filter);
    case 'response-headers':
      return { ...passage, responseChanges: [...passage.responseChanges, filter] };
    case 'mirror':
      return { ...passage, mirrors: [...passage.mirrors, filter] };
    case 'redirect':
      return { ...passage, response: redirect(passage, filter, asked) };
    case 'rewrite': {
      const path = modifyPath(filter.path, asked.match, passage.path);
      return { ...passage, host: filter.hostname ?? passage.host, path };
    }
    case 'cors':
      return passCors(passage, filter, asked.request);
    case 'external-auth':
      return { ...passage, auth: filter };
    case 'extension':
      // "The filter MUST NOT be skipped. Instead, requests that would have been processed by that filter MUST receive a HTTP error response."
      return { ...passage, response: { kind: 'respond', statuses: [500], headers: [] } };
  }
}

function passCors(passage: Passage, filter: HttpCors, request: HttpRequest): Passage {
  const response = preflight(filter, request);
  const responseHeaders = [...passage.responseHeaders, ...corsHeaders(filter, request)];
  return { ...passage, response, responseHeaders };
}

/** "Set overwrites", "Add appends to any existing values". */
function changeHeaders(passage: Passage, { set, add, remove }: HeaderChange): Passage {
  const headers = new Map(passage.headers);
  let { host } = passage;
  for (const { name, value } of set)
    if (name.toLowerCase() === 'host') host = value;
    else headers.set(name.toLowerCase(), value);
  for (const { name, value } of add) {
    const before = headers.get(name.toLowerCase());
    headers.set(name.toLowerCase(), before === undefined ? value : `${before},${value}`);
  }
  for (const name of remove) headers.delete(name.toLowerCase());
  return { ...passage, host, headers };
}

function redirect(passage: Passage, filter: HttpRedirect, { request, arrival, match }: Asked): Response {
  const scheme = filter.scheme ?? arrival.scheme;
  const host = filter.hostname ?? hostOf(passage.host) ?? '';
  const port = redirectPort(filter, arrival);
  const isUsual = (scheme === 'http' && port === 80) || (scheme === 'https' && port === 443);
  const target = targetOf(modifyPath(filter.path, match, passage.path), request.query);
  const location = `${scheme}://${host}${isUsual ? '' : `:${port}`}${target}`;
  return {
    kind: 'respond',
    statuses: [filter.statusCode],
    headers: [{ name: 'location', values: [location] }, ...passage.responseHeaders],
  };
}

/** "If redirect scheme is not-empty, the redirect port MUST be the well-known port; if it is empty, the Gateway Listener port." */
function redirectPort({ port, scheme }: HttpRedirect, arrival: Arrival): number {
  if (port !== undefined) return port;
  if (scheme === 'http') return 80;
  return scheme === 'https' ? 443 : arrival.port;
}

export function forwarded(
  { host, path, headers }: Passage,
  { method, query }: HttpRequest,
): ForwardedRequest {
  return { method, host, target: targetOf(path, query), headers };
}

/** The query goes with the path, whatever becomes of that. */
function targetOf(path: string, query: string | undefined): string {
  return query === undefined ? path : `${path}?${query}`;
}
