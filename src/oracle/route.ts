// What must come of a request to a Gateway: Gateway API v1.6 by its text, and where that leaves the choice, as docs/decisions/routes-by-the-letter.md has
// it. Naive on purpose: every object is read for every question.

import type { BackendRef } from '../objects/gateway-api/common.ts';
import type { HttpExternalAuth, HttpFilter } from '../objects/gateway-api/http-route.ts';
import { attachedTo } from './route-attach.ts';
import { resolveBackend, type Resolved } from './route-backend.ts';
import { choicesOf, connect, mostSpecific, type HttpArrival } from './route-connection.ts';
import { forwarded, passFilters, startOf, type Arrival, type Passage } from './route-filters.ts';
import { isGrpc, UNAVAILABLE, UNIMPLEMENTED } from './route-grpc.ts';
import { hostOf } from './route-host.ts';
import { idOf, type OwnedListener } from './route-listener.ts';
import { findRule, type AnyHttpRoute, type FoundRule } from './route-match.ts';
import type {
  Backend,
  Choice,
  GatewayObjects,
  GatewayRequest,
  GrpcStatus,
  HttpOutcome,
  Response,
  RouteAnswer,
} from './route-objects.ts';

/** Throws nothing: whatever the objects say, a request has an answer. */
export function route(objects: GatewayObjects, request: GatewayRequest): RouteAnswer {
  const arrival = connect(objects, request);
  if (arrival.kind !== 'http') return arrival;
  // What begins with something else ("*", a whole URL) is nothing that a path could match.
  if (!request.path.startsWith('/')) return respond(400);
  const best = mostSpecific(arrival.listeners, hostOf(request.host));
  if (best === undefined) return noRule(request);
  // "If another Listener has an exact match or more specific wildcard entry, the Gateway SHOULD return a 421."
  if (arrival.at !== undefined && best !== arrival.at) return respond(421);
  const routes = attachedTo(objects, arrival.gateway, best).flatMap((it): readonly AnyHttpRoute[] =>
    it.kind === 'HTTPRoute' || it.kind === 'GRPCRoute' ? [it] : [],
  );
  const found = findRule(routes, request);
  return found === undefined ? noRule(request) : answer(objects, { arrival, at: best, found }, request);
}

function respond(status: number): Response {
  return { kind: 'respond', statuses: [status], headers: [] };
}

/** "HTTP returns a 404 status code, while gRPC returns an Unimplemented status code." */
function noRule(request: GatewayRequest): Response | GrpcStatus {
  return isGrpc(request) ? { kind: 'grpc-status', code: UNIMPLEMENTED } : respond(404);
}

interface Found {
  readonly arrival: HttpArrival;
  readonly at: OwnedListener;
  readonly found: FoundRule;
}

function answer(objects: GatewayObjects, where: Found, request: GatewayRequest): RouteAnswer {
  const { of, index, rule, path: match } = where.found;
  const scheme = where.at.listener.protocol === 'HTTPS' ? 'https' : 'http';
  const arrival: Arrival = { scheme, port: where.at.listener.port };
  const pass = (start: Passage, filters: readonly HttpFilter[]): Passage =>
    passFilters(start, filters, { request, arrival, match });
  const passage = pass(startOf(request), rule.filters);
  const end = (it: Passage, resolved: Resolved): HttpOutcome =>
    finish(objects, where, { passage: it, resolved, request });
  const choices: readonly Choice<HttpOutcome>[] | undefined =
    passage.response === undefined
      ? choicesOf(rule.backends, (ref) => {
          const resolved = resolveRef(objects, where, ref);
          // "If and only if the request is being forwarded to the backend defined here."
          return end(resolved.kind === 'invalid' ? passage : pass(passage, ref.filters), resolved);
        })
      : [{ weight: 1, outcome: passage.response }];
  return {
    kind: 'rule',
    listener: idOf(where.at),
    rule: `${of.kind} ${of.route.namespace}/${of.route.name} rule ${index}`,
    choices: choices ?? [{ weight: 1, outcome: failure(of, [500]) }],
    timeouts: 'timeouts' in rule ? rule.timeouts : { requestMs: undefined, backendRequestMs: undefined },
    retry: 'retry' in rule ? rule.retry : undefined,
    persistence: rule.persistence,
  };
}

function resolveRef(objects: GatewayObjects, { arrival, found }: Found, ref: BackendRef): Resolved {
  const { kind, route: of } = found.of;
  const from = { speech: { kind, isPassed: false }, namespace: of.namespace };
  return resolveBackend(objects, arrival.gateway, from, ref);
}

/** An authority is asked in its own protocol, whatever the route speaks. */
function spokenBy({ protocol }: HttpExternalAuth, backend: Backend): Backend {
  return { ...backend, protocol: protocol === 'grpc' ? 'h2c' : 'http' };
}

/** "UNAVAILABLE statuses MUST be returned" by the rules of GRPCRoutes. */
function failure({ kind }: AnyHttpRoute, statuses: readonly number[]): Response | GrpcStatus {
  return kind === 'GRPCRoute'
    ? { kind: 'grpc-status', code: UNAVAILABLE }
    : { kind: 'respond', statuses, headers: [] };
}

interface Finish {
  readonly passage: Passage;
  readonly resolved: Resolved;
  readonly request: GatewayRequest;
}

function finish(objects: GatewayObjects, where: Found, { passage, resolved, request }: Finish): HttpOutcome {
  const { of } = where.found;
  if (passage.response !== undefined) return passage.response;
  const resolve = (ref: BackendRef): Backend | undefined => {
    const to = resolveRef(objects, where, ref);
    return to.kind === 'backend' ? to.backend : undefined;
  };
  const judge = passage.auth && resolve(passage.auth.backend);
  // "If there is any problem communicating with the external service, this filter MUST fail closed."
  if (passage.auth !== undefined && judge === undefined) return failure(of, [403, 500, 502, 503, 504]);
  switch (resolved.kind) {
    case 'invalid':
      return failure(of, [500]);
    case 'untrusted':
      return failure(of, [500, 502, 503, 504]);
    case 'empty':
      return failure(of, [503]);
    case 'backend': {
      // "This BackendRef is invalid and must be dropped": the request itself goes on.
      const mirrors = passage.mirrors.flatMap((it) => {
        const backend = resolve(it.backend);
        return backend === undefined ? [] : [{ backend, share: it.numerator / it.denominator }];
      });
      return {
        kind: 'forward',
        backend: resolved.backend,
        request: forwarded(passage, request),
        responseChanges: passage.responseChanges,
        responseHeaders: passage.responseHeaders,
        mirrors,
        auth: passage.auth && judge && { filter: passage.auth, backend: spokenBy(passage.auth, judge) },
      };
    }
  }
}
