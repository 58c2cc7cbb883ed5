// Why a request gets the answer that it gets: beside what has it, every route that could have had it, and the first thing that keeps it from that. It decides
// nothing: all of it is what `judge` went by.

import type { ParentRef } from '../objects/gateway-api/common.ts';
import type { Gateway } from '../objects/gateway-api/gateway.ts';
import { allRoutes, attach, type AnyRoute } from './route-attach.ts';
import type { Miss } from './route-condition.ts';
import { isStream, streamPrecedenceOf } from './route-connection.ts';
import { bestHost, hostOf } from './route-host.ts';
import {
  isRefTo,
  isSame,
  listenerSetsOf,
  listenersOf,
  unservedBy,
  type OwnedListener,
} from './route-listener.ts';
import { precedenceOf, readableRules, type TriedMatch, type TriedRoute } from './route-match.ts';
import type { Precedence } from './route-precedence.ts';
import type { GatewayObjects, GatewayRequest, RouteAnswer } from './route-objects.ts';
import { judge, type Judgement } from './route.ts';

/** What keeps a route or a rule of it from the request. */
export type Obstacle =
  | Miss
  /** It has the request, and something else goes before it. */
  | { readonly kind: 'precedence'; readonly by: Precedence }
  /** None of the route's names has the host, or the name asked for by TLS. */
  | { readonly kind: 'hostnames' }
  | { readonly kind: 'not-grpc' }
  /** A regular expression of it cannot be read: the rule is dropped. */
  | { readonly kind: 'unreadable' }
  /** `reasons` of the condition Accepted; `parent` is what the route names. */
  | { readonly kind: 'not-attached'; readonly parent: ParentRef; readonly reasons: readonly string[] }
  /** It is attached to other listeners alone. */
  | { readonly kind: 'elsewhere'; readonly listeners: readonly OwnedListener[] };

export interface NearMiss {
  readonly of: AnyRoute;
  /** Rule and match that come nearest, from 0; undefined where it is about the whole route. */
  readonly rule: number | undefined;
  readonly match: number | undefined;
  readonly because: Obstacle;
}

export interface KnownListener {
  readonly at: OwnedListener;
  /** Reasons why it is as though it were not there; undefined where it is served. */
  readonly unservedBy: readonly string[] | undefined;
}

export interface RouteExplanation extends Judgement {
  /** All of the Gateway. */
  readonly listeners: readonly KnownListener[];
  /** The nearest first; of a rule one. */
  readonly near: readonly NearMiss[];
}

export function explainRoute(objects: GatewayObjects, request: GatewayRequest): RouteExplanation {
  const judgement = judge(objects, request);
  const { gateway } = judgement;
  if (gateway === undefined) return { ...judgement, listeners: [], near: [] };
  const all = listenersOf(objects, gateway);
  return {
    ...judgement,
    listeners: all.map((at) => ({ at, unservedBy: unservedBy(objects, gateway, all, at) })),
    near: [
      ...judgement.tried.flatMap((it) => missesOf(it, judgement.found, request)),
      ...streamMisses(judgement.streams),
      ...untriedMisses(objects, gateway, judgement, request),
    ].sort((a, b) => distanceOf(a, request) - distanceOf(b, request)),
  };
}

function missesOf(
  tried: TriedRoute,
  found: TriedMatch | undefined,
  request: GatewayRequest,
): readonly NearMiss[] {
  const { of } = tried;
  if (tried.kind !== 'tried') return [about(of, { kind: tried.kind })];
  const misses = tried.matches.flatMap((it): readonly NearMiss[] => {
    if (found?.found.of === of && found.found.index === it.found.index) return [];
    const because = it.miss ?? (found && ({ kind: 'precedence', by: precedenceOf(found, it) } as const));
    return because === undefined ? [] : [{ of, rule: it.found.index, match: it.found.match, because }];
  });
  return [...nearestOfEach(misses, request), ...droppedRules(of)];
}

/** A rule with several matches came as near as the nearest of them. */
function nearestOfEach(misses: readonly NearMiss[], request: GatewayRequest): readonly NearMiss[] {
  const nearest = new Map<number | undefined, NearMiss>();
  for (const it of misses) {
    const before = nearest.get(it.rule);
    if (before === undefined || distanceOf(it, request) < distanceOf(before, request))
      nearest.set(it.rule, it);
  }
  return [...nearest.values()];
}

function droppedRules(of: TriedRoute['of']): readonly NearMiss[] {
  const readable = readableRules<TriedRoute['of']['route']['rules'][number]>(of.route.rules);
  return [...of.route.rules.keys()]
    .filter((rule) => readable.every(({ index }) => index !== rule))
    .map((rule) => ({ of, rule, match: undefined, because: { kind: 'unreadable' } }));
}

/** Of routes of streams that have the connection, too. */
function streamMisses([first, ...others]: Judgement['streams']): readonly NearMiss[] {
  return others.flatMap((it) =>
    first === undefined ? [] : [about(it.of, { kind: 'precedence', by: streamPrecedenceOf(first, it) })],
  );
}

/** Of routes that name the Gateway and were not tried: those that are not attached where the request is, or whose names do not have the one asked for. */
function untriedMisses(
  objects: GatewayObjects,
  gateway: Gateway,
  judgement: Judgement,
  request: GatewayRequest,
): readonly NearMiss[] {
  const parents = { listeners: listenersOf(objects, gateway), sets: listenerSetsOf(objects, gateway) };
  const tried = new Set([...judgement.tried, ...judgement.streams].map((it) => it.of.route));
  return allRoutes(objects)
    .filter((of) => !tried.has(of.route) && speaksSo(of, judgement.answer))
    .flatMap((of) => {
      const because = obstacleOf(objects, of, { gateway, ...parents, at: judgement.at });
      const isOther = because?.kind !== 'hostnames' && !hasName(of, request);
      return because === undefined || isOther ? [] : [about(of, because)];
    });
}

function about(of: AnyRoute, because: Obstacle): NearMiss {
  return { of, rule: undefined, match: undefined, because };
}

/** Routes of streams have nothing to do with requests that are judged as HTTP, nor the other way round. */
function speaksSo(of: AnyRoute, answer: RouteAnswer): boolean {
  if (answer.kind === 'stream') return isStream(of);
  if (answer.kind !== 'closed') return !isStream(of);
  return answer.because === 'no-route' ? isStream(of) : true;
}

function hasName({ route }: AnyRoute, { host, tls }: GatewayRequest): boolean {
  const names = tls?.serverName === undefined ? [hostOf(host)] : [hostOf(host), tls.serverName.toLowerCase()];
  return names.some((it) => bestHost(route.hostnames, it) !== undefined);
}

interface Parents {
  readonly gateway: Gateway;
  readonly listeners: readonly OwnedListener[];
  readonly sets: GatewayObjects['listenerSets'];
  /** The listener that the request is at. */
  readonly at: OwnedListener | undefined;
}

/** Undefined where it names other Gateways alone. */
function obstacleOf(
  objects: GatewayObjects,
  of: AnyRoute,
  { gateway, listeners, sets, at }: Parents,
): Obstacle | undefined {
  const parents = of.route.parents.filter(
    (it) => isRefTo(it, 'Gateway', gateway) || sets.some((set) => isRefTo(it, 'ListenerSet', set)),
  );
  const tries = parents.map((parent) => ({ parent, attachment: attach(objects, listeners, of, parent) }));
  const attached = tries.flatMap(({ attachment: it }) => (it.kind === 'attached' ? it.listeners : []));
  if (at !== undefined && attached.some((it) => isSame(it, at))) return { kind: 'hostnames' };
  if (attached.length > 0) return { kind: 'elsewhere', listeners: attached };
  const [first] = tries.flatMap(({ parent, attachment }) =>
    attachment.kind === 'refused' ? [{ parent, reasons: attachment.reasons }] : [],
  );
  return first && { kind: 'not-attached', ...first };
}

/** From the nearest to the farthest: what can be mended at one place comes before what is meant for something else. */
const DISTANCES: Readonly<Record<Obstacle['kind'], number>> = {
  unreadable: 0,
  precedence: 1,
  query: 2,
  header: 3,
  method: 4,
  'not-attached': 5,
  path: 6,
  call: 6,
  'not-grpc': 7,
  elsewhere: 8,
  hostnames: 9,
};

/** Paths by how much of their beginning they share with the one asked for. */
function distanceOf({ because }: NearMiss, { path }: GatewayRequest): number {
  const distance = DISTANCES[because.kind];
  if (because.kind !== 'path') return distance;
  const wanted = because.path.value;
  let shared = 0;
  while (shared < wanted.length && wanted[shared] === path[shared]) shared++;
  return distance + 1 / (2 + shared);
}
