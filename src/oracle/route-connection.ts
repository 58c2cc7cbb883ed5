// Which listener of a Gateway a connection comes to, and what comes of it where no HTTP is spoken.

import type { BackendRef } from '../objects/gateway-api/common.ts';
import type { Gateway } from '../objects/gateway-api/gateway.ts';
import { objectKey } from '../objects/slim-meta.ts';
import { attachedTo, type AnyRoute } from './route-attach.ts';
import { resolveBackend, type Resolved, type Speech } from './route-backend.ts';
import { bestHost, compareRanks, hostRank, matchesHost } from './route-host.ts';
import { idOf, servedListeners, validationOf, type OwnedListener } from './route-listener.ts';
import { compareBy, decidingStep, stepsOfRoutes, type Precedence, type Step } from './route-precedence.ts';
import type {
  Choice,
  Closed,
  GatewayConnection,
  GatewayObjects,
  StreamAnswer,
  StreamOutcome,
} from './route-objects.ts';

/** HTTP is spoken on it: `listeners` are those of the port and protocol, `at` is the one that the name asked for by TLS has chosen. */
export interface HttpArrival {
  readonly kind: 'http';
  readonly gateway: Gateway;
  readonly listeners: readonly OwnedListener[];
  readonly at: OwnedListener | undefined;
}

/** Connections are handed on as they come, or datagrams. */
export interface StreamArrival {
  readonly kind: 'stream';
  readonly gateway: Gateway;
  readonly at: OwnedListener;
  readonly serverName: string | undefined;
}

export function connect(
  objects: GatewayObjects,
  connection: GatewayConnection,
): HttpArrival | StreamArrival | Closed {
  const gateway = gatewayOf(objects, connection);
  if (gateway === undefined) return { kind: 'closed', because: 'no-listener' };
  const listeners = servedListeners(objects, gateway).filter(
    ({ listener }) =>
      listener.port === connection.port && (listener.protocol === 'UDP') === (connection.transport === 'UDP'),
  );
  const [first] = listeners;
  if (first === undefined) return { kind: 'closed', because: 'no-listener' };
  const { protocol } = first.listener;
  if (protocol === 'TCP' || protocol === 'UDP')
    return { kind: 'stream', gateway, at: first, serverName: undefined };
  const { tls } = connection;
  if (protocol === 'HTTP')
    return tls === undefined
      ? { kind: 'http', gateway, listeners, at: undefined }
      : { kind: 'closed', because: 'not-plain' };
  if (tls === undefined) return { kind: 'closed', because: 'not-tls' };
  const serverName = tls.serverName?.toLowerCase();
  const at = mostSpecific(listeners, serverName);
  if (at === undefined) return { kind: 'closed', because: 'no-name' };
  if (at.listener.protocol === 'TLS') return { kind: 'stream', gateway, at, serverName };
  // "The gateway will accept connections only if the client presents a valid certificate."
  const isAsked = validationOf(gateway, at.listener)?.mode === 'valid-only';
  if (isAsked && tls.certificate !== 'trusted') return { kind: 'closed', because: 'not-trusted' };
  const ofHttps = listeners.filter(({ listener }) => listener.protocol === 'HTTPS');
  return { kind: 'http', gateway, listeners: ofHttps, at };
}

export function gatewayOf(
  { gateways }: Pick<GatewayObjects, 'gateways'>,
  { gateway: { namespace, name } }: Pick<GatewayConnection, 'gateway'>,
): Gateway | undefined {
  return gateways.find((it) => it.namespace === namespace && it.name === name);
}

/** "Exact matches MUST be processed before wildcard matches, and wildcard matches before fallback matches." */
export function mostSpecific(
  listeners: readonly OwnedListener[],
  host: string | undefined,
): OwnedListener | undefined {
  const rankOf = ({ listener }: OwnedListener): readonly number[] => hostRank(listener.hostname);
  return listeners
    .filter(({ listener }) => matchesHost(listener.hostname, host))
    .sort((a, b) => compareRanks(rankOf(a), rankOf(b)))[0];
}

/** A route of streams whose names have the one that is asked for. */
export interface RankedStream {
  readonly of: OfStream;
  readonly rank: readonly number[];
}

/** The attached routes that have the connection; the first one gets it. */
export function findStreams(
  objects: GatewayObjects,
  { gateway, at, serverName }: StreamArrival,
): readonly RankedStream[] {
  return attachedTo(objects, gateway, at)
    .flatMap((of) => (isStream(of) ? rankedRoute(of, serverName) : []))
    .sort((a, b) => compareBy(STEPS, a, b));
}

const STEPS: readonly Step<RankedStream>[] = [
  { by: 'hostname', compare: (a, b) => compareRanks(a.rank, b.rank) },
  ...stepsOfRoutes<RankedStream>(({ of }) => of.route),
];

export function streamPrecedenceOf(first: RankedStream, second: RankedStream): Precedence {
  return decidingStep(STEPS, first, second)?.by ?? 'name';
}

/** A backend that has a weight, and where it leads. */
export interface RouteEnd {
  readonly ref: BackendRef;
  readonly resolved: Resolved;
}

export function streamEnds(
  objects: GatewayObjects,
  { gateway, at }: StreamArrival,
  { kind, route }: OfStream,
): readonly RouteEnd[] {
  const isPassed = at.listener.protocol === 'TLS' && at.listener.tls?.mode === 'passthrough';
  const from = { speech: { kind, isPassed } satisfies Speech, namespace: route.namespace };
  return weighted(route.rules[0]?.backends ?? []).map((ref) => ({
    ref,
    resolved: resolveBackend(objects, gateway, from, ref),
  }));
}

export function streamAnswer(
  { at }: StreamArrival,
  { kind, route }: OfStream,
  ends: readonly RouteEnd[],
): StreamAnswer {
  const choices = ends.map(({ ref: { weight }, resolved }): Choice<StreamOutcome> => {
    const outcome: StreamOutcome =
      resolved.kind === 'backend' ? { kind: 'forward', backend: resolved.backend } : { kind: 'refused' };
    return { weight, outcome };
  });
  return {
    kind: 'stream',
    listener: idOf(at),
    route: `${kind} ${objectKey(route)}`,
    choices: choices.length > 0 ? choices : [{ weight: 1, outcome: { kind: 'refused' } }],
  };
}

export type OfStream = Extract<AnyRoute, { readonly kind: 'TLSRoute' | 'TCPRoute' | 'UDPRoute' }>;

export function isStream(of: AnyRoute): of is OfStream {
  return of.kind !== 'HTTPRoute' && of.kind !== 'GRPCRoute';
}

function rankedRoute(of: OfStream, serverName: string | undefined): readonly RankedStream[] {
  const best = of.kind === 'TLSRoute' ? bestHost(of.route.hostnames, serverName) : { pattern: undefined };
  return best === undefined ? [] : [{ of, rank: hostRank(best.pattern) }];
}

/** "Weight/(sum of all weights)": what has none gets nothing. */
export function weighted<Ref extends { readonly weight: number }>(refs: readonly Ref[]): readonly Ref[] {
  return refs.filter((it) => it.weight > 0);
}
