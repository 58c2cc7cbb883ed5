// What must come of a request to a Gateway: Gateway API v1.6 by its text, and where that leaves the choice, as docs/decisions/routes-by-the-letter.md has
// it. Naive on purpose: every object is read for every question.

import type { BackendRef } from '../objects/gateway-api/common.ts';
import type { Gateway } from '../objects/gateway-api/gateway.ts';
import type { GrpcBackendRef } from '../objects/gateway-api/grpc-route.ts';
import type { HttpBackendRef, HttpExternalAuth, HttpFilter } from '../objects/gateway-api/http-route.ts';
import { attachedTo } from './route-attach.ts';
import { resolveBackend, type Resolved } from './route-backend.ts';
import {
  connect,
  findStreams,
  gatewayOf,
  mostSpecific,
  streamAnswer,
  streamEnds,
  weighted,
  type HttpArrival,
  type RankedStream,
  type RouteEnd,
  type StreamArrival,
} from './route-connection.ts';
import { forwarded, passFilters, startOf, type Arrival, type Passage } from './route-filters.ts';
import { isGrpc, UNAVAILABLE, UNIMPLEMENTED } from './route-grpc.ts';
import { hostOf } from './route-host.ts';
import { idOf, type OwnedListener } from './route-listener.ts';
import {
  findRule,
  tryRoute,
  type AnyHttpRoute,
  type FoundRule,
  type TriedMatch,
  type TriedRoute,
} from './route-match.ts';
import type {
  Backend,
  GatewayObjects,
  GatewayRequest,
  GrpcStatus,
  HttpOutcome,
  Response,
  RouteAnswer,
} from './route-objects.ts';

/** Throws nothing: whatever the objects say, a request has an answer. */
export function route(objects: GatewayObjects, request: GatewayRequest): RouteAnswer {
  return judge(objects, request).answer;
}

/** An answer, and what it comes of. */
export interface Judgement {
  readonly answer: RouteAnswer;
  /** Undefined where there is no such Gateway. */
  readonly gateway: Gateway | undefined;
  /** The listener that has the connection by the name asked for by TLS, where that is all that is spoken or another one has the request. */
  readonly arrivedAt: OwnedListener | undefined;
  /** The listener that has the request, or the connection where no HTTP is spoken. */
  readonly at: OwnedListener | undefined;
  /** Every route of HTTP that is attached there. */
  readonly tried: readonly TriedRoute[];
  /** What has it. */
  readonly found: TriedMatch | undefined;
  /** Every route of streams that has the connection, the one that gets it first. */
  readonly streams: readonly RankedStream[];
  /** Where each choice of the answer leads, in their order; empty where none of them is a backend's. */
  readonly ends: readonly RouteEnd[];
}

export function judge(objects: GatewayObjects, request: GatewayRequest): Judgement {
  const arrival = connect(objects, request);
  switch (arrival.kind) {
    case 'closed':
      return judged({ answer: arrival, gateway: gatewayOf(objects, request) });
    case 'stream':
      return judgeStream(objects, arrival);
    case 'http':
      return judgeHttp(objects, arrival, request);
  }
}

function judged(of: Partial<Judgement> & Pick<Judgement, 'answer' | 'gateway'>): Judgement {
  return {
    arrivedAt: undefined,
    at: undefined,
    tried: [],
    found: undefined,
    streams: [],
    ends: [],
    ...of,
  };
}

function judgeStream(objects: GatewayObjects, arrival: StreamArrival): Judgement {
  const { gateway, at } = arrival;
  const streams = findStreams(objects, arrival);
  const stream = streams[0]?.of;
  if (stream === undefined)
    return judged({ answer: { kind: 'closed', because: 'no-route' }, gateway, arrivedAt: at, at });
  const ends = streamEnds(objects, arrival, stream);
  return judged({ answer: streamAnswer(arrival, stream, ends), gateway, arrivedAt: at, at, streams, ends });
}

function judgeHttp(objects: GatewayObjects, arrival: HttpArrival, request: GatewayRequest): Judgement {
  const { gateway, at: arrivedAt } = arrival;
  const here = { gateway, arrivedAt };
  // What begins with something else ("*", a whole URL) is nothing that a path could match.
  if (!request.path.startsWith('/')) return judged({ ...here, answer: respond(400) });
  const at = mostSpecific(arrival.listeners, hostOf(request.host));
  if (at === undefined) return judged({ ...here, answer: noRule(request) });
  // "If another Listener has an exact match or more specific wildcard entry, the Gateway SHOULD return a 421."
  if (arrivedAt !== undefined && at !== arrivedAt) return judged({ ...here, at, answer: respond(421) });
  const tried = attachedTo(objects, gateway, at).flatMap((it) =>
    it.kind === 'HTTPRoute' || it.kind === 'GRPCRoute' ? [tryRoute(it, request)] : [],
  );
  const found = findRule(tried);
  if (found === undefined) return judged({ ...here, at, tried, answer: noRule(request) });
  const end = answer(objects, { arrival, at, found: found.found }, request);
  return judged({ ...here, at, tried, found, ...end });
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

function answer(
  objects: GatewayObjects,
  where: Found,
  request: GatewayRequest,
): Pick<Judgement, 'answer' | 'ends'> {
  const { of, index, rule, path: match } = where.found;
  const scheme = where.at.listener.protocol === 'HTTPS' ? 'https' : 'http';
  const arrival: Arrival = { scheme, port: where.at.listener.port };
  const pass = (start: Passage, filters: readonly HttpFilter[]): Passage =>
    passFilters(start, filters, { request, arrival, match });
  const passage = pass(startOf(request), rule.filters);
  const outcomeOf = (ref: HttpBackendRef | GrpcBackendRef, resolved: Resolved): HttpOutcome => {
    // "If and only if the request is being forwarded to the backend defined here."
    const it = resolved.kind === 'invalid' ? passage : pass(passage, ref.filters);
    return finish(objects, where, { passage: it, resolved, request });
  };
  const ends =
    passage.response === undefined
      ? weighted(rule.backends).map((ref) => ({ ref, resolved: resolveRef(objects, where, ref) }))
      : [];
  const choices = ends.map(({ ref, resolved }) => ({
    weight: ref.weight,
    outcome: outcomeOf(ref, resolved),
  }));
  return {
    ends,
    answer: {
      kind: 'rule',
      listener: idOf(where.at),
      rule: `${of.kind} ${of.route.namespace}/${of.route.name} rule ${index}`,
      choices:
        choices.length > 0 ? choices : [{ weight: 1, outcome: passage.response ?? failure(of, [500]) }],
      timeouts: 'timeouts' in rule ? rule.timeouts : { requestMs: undefined, backendRequestMs: undefined },
      retry: 'retry' in rule ? rule.retry : undefined,
      persistence: rule.persistence,
    },
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
