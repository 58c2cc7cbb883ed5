// Which listener of a Gateway a connection comes to, and what comes of it where no HTTP is spoken.

import type { Gateway } from '../objects/gateway-api/gateway.ts';
import { attachedTo, type AnyRoute } from './route-attach.ts';
import { resolveBackend, type Speech } from './route-backend.ts';
import { bestHost, compareRanks, hostRank, matchesHost } from './route-host.ts';
import { idOf, servedListeners, validationOf, type OwnedListener } from './route-listener.ts';
import { compareTexts } from './route-match.ts';
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

export function connect(
  objects: GatewayObjects,
  connection: GatewayConnection,
): HttpArrival | StreamAnswer | Closed {
  const { namespace, name } = connection.gateway;
  const gateway = objects.gateways.find((it) => it.namespace === namespace && it.name === name);
  if (gateway === undefined) return { kind: 'closed', because: 'no-listener' };
  const listeners = servedListeners(objects, gateway).filter(
    ({ listener }) =>
      listener.port === connection.port && (listener.protocol === 'UDP') === (connection.transport === 'UDP'),
  );
  const [first] = listeners;
  if (first === undefined) return { kind: 'closed', because: 'no-listener' };
  const { protocol } = first.listener;
  if (protocol === 'TCP' || protocol === 'UDP')
    return stream(objects, { gateway, at: first, serverName: undefined });
  const { tls } = connection;
  if (protocol === 'HTTP')
    return tls === undefined
      ? { kind: 'http', gateway, listeners, at: undefined }
      : { kind: 'closed', because: 'not-plain' };
  if (tls === undefined) return { kind: 'closed', because: 'not-tls' };
  const serverName = tls.serverName?.toLowerCase();
  const at = mostSpecific(listeners, serverName);
  if (at === undefined) return { kind: 'closed', because: 'no-name' };
  if (at.listener.protocol === 'TLS') return stream(objects, { gateway, at, serverName });
  // "The gateway will accept connections only if the client presents a valid certificate."
  const isAsked = validationOf(gateway, at.listener)?.mode === 'valid-only';
  if (isAsked && tls.certificate !== 'trusted') return { kind: 'closed', because: 'not-trusted' };
  const ofHttps = listeners.filter(({ listener }) => listener.protocol === 'HTTPS');
  return { kind: 'http', gateway, listeners: ofHttps, at };
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

interface StreamArrival {
  readonly gateway: Gateway;
  readonly at: OwnedListener;
  readonly serverName: string | undefined;
}

function stream(objects: GatewayObjects, arrival: StreamArrival): StreamAnswer | Closed {
  const { gateway, at, serverName } = arrival;
  const [found] = attachedTo(objects, gateway, at)
    .flatMap((of) => (isStream(of) ? rankedRoute(of, serverName) : []))
    .sort(
      (a, b) =>
        compareRanks(a.rank, b.rank) ||
        compareTexts(a.of.route.createdAt, b.of.route.createdAt) ||
        compareTexts(nameOf(a.of), nameOf(b.of)),
    );
  if (found === undefined) return { kind: 'closed', because: 'no-route' };
  const { kind, route } = found.of;
  const isPassed = at.listener.protocol === 'TLS' && at.listener.tls?.mode === 'passthrough';
  const backends = route.rules[0]?.backends ?? [];
  const from = { speech: { kind, isPassed } satisfies Speech, namespace: route.namespace };
  return {
    kind: 'stream',
    listener: idOf(at),
    route: `${kind} ${nameOf(found.of)}`,
    choices: choicesOf(backends, (ref): StreamOutcome => {
      const resolved = resolveBackend(objects, gateway, from, ref);
      return resolved.kind === 'backend'
        ? { kind: 'forward', backend: resolved.backend }
        : { kind: 'refused' };
    }) ?? [{ weight: 1, outcome: { kind: 'refused' } }],
  };
}

type OfStream = Extract<AnyRoute, { readonly kind: 'TLSRoute' | 'TCPRoute' | 'UDPRoute' }>;

function isStream(of: AnyRoute): of is OfStream {
  return of.kind !== 'HTTPRoute' && of.kind !== 'GRPCRoute';
}

function rankedRoute(
  of: OfStream,
  serverName: string | undefined,
): readonly { readonly of: OfStream; readonly rank: readonly number[] }[] {
  const best = of.kind === 'TLSRoute' ? bestHost(of.route.hostnames, serverName) : { pattern: undefined };
  return best === undefined ? [] : [{ of, rank: hostRank(best.pattern) }];
}

function nameOf({ route }: AnyRoute): string {
  return `${route.namespace}/${route.name}`;
}

/** "Weight/(sum of all weights)": what has none gets nothing. Undefined where nothing has any. */
export function choicesOf<Ref extends { readonly weight: number }, Outcome>(
  refs: readonly Ref[],
  outcomeOf: (ref: Ref) => Outcome,
): readonly Choice<Outcome>[] | undefined {
  const choices = refs
    .filter((it) => it.weight > 0)
    .map((it) => ({ weight: it.weight, outcome: outcomeOf(it) }));
  return choices.length === 0 ? undefined : choices;
}
