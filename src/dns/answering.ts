// All that follows from the configuration: made as a whole, so that another configuration can take its place in one step.

import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { NODE_LOCAL_DNS } from '../base/node-local-dns.ts';
import { AnswerCache } from './answer-cache.ts';
import { CachingResolver } from './caching-resolver.ts';
import type { ClientTallies } from './client-tallies.ts';
import type { DnsConfig } from './config.ts';
import { explain, type Explanation, type ExplainQuestion } from './explain.ts';
import { watchHosts } from './hosts-watch.ts';
import type { DnsMetrics } from './metrics.ts';
import type { NameGate } from './name-gate.ts';
import { OwnAddresses } from './own-addresses.ts';
import { Overrides } from './overrides.ts';
import type { Random } from './random.ts';
import { Responder } from './responder.ts';
import { ZoneForwarder } from './zone-forwarder.ts';
import type { SearchLists } from './search-lists.ts';
import type { ZoneState } from './zone-state.ts';

export interface AnsweringParts {
  readonly zone: ZoneState;
  readonly searchLists: SearchLists;
  readonly tallies: ClientTallies;
  readonly metrics: DnsMetrics | undefined;
  readonly gate: NameGate | undefined;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: Random;
  /** The process' own: questions on their way end with it. */
  readonly signal: AbortSignal;
}

export interface Answering {
  readonly responder: Responder;
  readonly cache: AnswerCache;
  readonly forwarding: ZoneForwarder;
  /** Who answers a question, and why. */
  explain(question: ExplainQuestion): Promise<Explanation>;
}

/** Octets for answers of the zone that are ready to be sent: room for both families of 10,000 Services, of which few clusters use a tenth. */
const HOT_BYTES = 12 << 20;

/** What is watched on behalf of `config` ends with `watching`. */
export function makeAnswering(config: DnsConfig, parts: AnsweringParts, watching: AbortSignal): Answering {
  const { zone, searchLists, tallies, metrics, gate, log, clock, random, signal } = parts;
  const monotonicMs = (): number => clock.monotonicMs();
  const cache = new AnswerCache(config.cache.bytes);
  const forwarding = new ZoneForwarder({
    config,
    log,
    clock,
    random,
    signal,
    watching,
    onExchange: (facts) => metrics?.exchanged(facts),
    counts: metrics?.forwards,
  });
  const overrides = makeOverrides(config, parts, watching);
  const own = new OwnAddresses(monotonicMs);
  const shared = {
    zone,
    settings: {
      domain: config.clusterDomain,
      // Of every node's server, wherever they are asked from.
      serverIps: config.listen.filter((ip) => !NODE_LOCAL_DNS.includes(ip)),
      ttlS: config.ttlS,
      // The zone has no pods, so that where they are to be in it none has a name.
      pods: config.pods === 'disabled' ? ('verified' as const) : config.pods,
    },
    outside: forwarding.guard.around(makeResolver(config, parts, { cache, forwarding })),
    random,
    udpPayloadBytes: config.udpPayloadBytes,
    monotonicMs,
    searchLists,
    sleep: (ms: number, until: AbortSignal) => clock.sleep(ms, until),
    isProven: (address: string) => !searchLists.isKnown || searchLists.has(address) || own.has(address),
    ...(overrides === undefined ? {} : { overrides }),
  };
  const responder = new Responder({
    ...shared,
    hotBytes: HOT_BYTES,
    ...(gate === undefined ? {} : { observer: gate }),
    onAnswered: (query) => {
      const nowMs = monotonicMs();
      tallies.answered(query, nowMs);
      metrics?.answered(query, nowMs);
    },
    onError: (error) => {
      metrics?.failed();
      log.error({ error: messageOf(error) }, 'cannot answer');
    },
  });
  // What people ask is answered as pods are, and neither counted nor learned.
  const uncounted = new Responder({ ...shared, hotBytes: 0 });
  return {
    responder,
    cache,
    forwarding,
    explain: (question) => explain(question, { ...shared, cache, forwarding, responder: uncounted }),
  };
}

function makeResolver(
  config: DnsConfig,
  { clock, metrics }: AnsweringParts,
  { cache, forwarding }: Pick<Answering, 'cache' | 'forwarding'>,
): CachingResolver {
  const { maxInFlight, maxInFlightPerClient } = config;
  return new CachingResolver({
    ask: (question) => forwarding.ask(question),
    cache,
    settings: config.cache,
    clock,
    maxInFlight,
    maxInFlightPerClient,
    onLookup: (lookup) => metrics?.lookedUp(lookup),
  });
}

function makeOverrides(
  { overrides: zones }: DnsConfig,
  { clock, log }: AnsweringParts,
  signal: AbortSignal,
): Overrides | undefined {
  if (zones.length === 0) return undefined;
  const hosts = zones.flatMap((it) => (it.hosts === undefined ? [] : [it.hosts]));
  return new Overrides({ zones, tableOf: watchHosts(hosts, { clock, log, signal }) });
}
