// Which upstreams have a name: those of the most specific zone that it lies in. Each zone has its own pool, health and transport.

import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import type { DnsMessage } from '../wire/dns/message.ts';
import { isWithin, nameFromLabels, type DnsName } from '../wire/dns/name.ts';
import type { DnsConfig } from './config.ts';
import type { Exchange } from './exchange.ts';
import type { ForwardZone } from './forward-config.ts';
import type { ForwardCounts } from './forward-counts.ts';
import { Forwarder, rootProbe, type ExchangeFacts } from './forwarder.ts';
import { LoopGuard } from './loop-guard.ts';
import { watchLoops } from './loop-watch.ts';
import type { Random } from './random.ts';
import { tlsExchange } from './tls-exchange.ts';
import { upstreamText, type Upstream } from './upstream.ts';
import { plainExchange } from './upstream-exchange.ts';
import { watchUpstreams } from './upstream-list.ts';
import { UpstreamPool } from './upstream-pool.ts';
import type { UpstreamQuestion } from './upstream-query.ts';

export interface ZoneForwarderParts {
  readonly config: DnsConfig;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: Random;
  /** Ends questions on their way. */
  readonly signal: AbortSignal;
  /** Ends what is done beside questions: probes, and reading lists anew. */
  readonly watching: AbortSignal;
  readonly onExchange: (exchange: ExchangeFacts) => void;
  readonly counts: ForwardCounts | undefined;
}

interface Route {
  readonly zone: ForwardZone;
  readonly pool: UpstreamPool;
  readonly forwarder: Forwarder;
}

/** An upstream that passes the questions of its zone on to us. */
export interface LoopingUpstream {
  readonly zone: DnsName;
  readonly upstream: string;
}

/** What is told of the asking of upstreams. */
export interface ForwardingFacts {
  /** The zone whose upstreams have the name; undefined where none has it. */
  zoneOf(name: DnsName): DnsName | undefined;
  /** Calls `look` after each exchange until what it returns is called. */
  watchExchanges(look: (facts: ExchangeFacts) => void): () => void;
}

export class ZoneForwarder implements ForwardingFacts {
  readonly guard: LoopGuard;
  readonly #parts: ZoneForwarderParts;
  readonly #routes: readonly Route[];
  readonly #looping = new Map<Route, readonly LoopingUpstream[]>();
  readonly #watchers = new Set<(facts: ExchangeFacts) => void>();

  constructor(parts: ZoneForwarderParts) {
    const { config, log, random, signal } = parts;
    const overTls = tlsExchange(signal);
    const exchange: Exchange = (upstream, query, options) =>
      (upstream.tls === undefined ? plainExchange : overTls)(upstream, query, options);
    const sayTrouble = troubleLog(log);
    const onExchange = (facts: ExchangeFacts): void => {
      sayTrouble(facts);
      parts.onExchange(facts);
      for (const look of this.#watchers) look(facts);
    };
    this.#parts = parts;
    this.guard = new LoopGuard({ exchange, random, signal });
    this.#routes = config.forward.map((zone) => routeOf(zone, exchange, { ...parts, onExchange }));
  }

  get looping(): readonly LoopingUpstream[] {
    return [...this.#looping.values()].flat();
  }

  /** Looks for upstreams that lead back here; to be called when we can be asked. */
  watchLoops(): void {
    const { log, clock, watching: signal } = this.#parts;
    for (const route of this.#routes) {
      const { zone } = route.zone;
      const onChange = (looping: readonly Upstream[]): void => {
        const found = looping.map((it) => ({ zone, upstream: upstreamText(it) }));
        this.#looping.set(route, found);
        if (found.length === 0) log.info({ zone }, 'no upstream leads back here any more');
        for (const it of found) log.error(it, 'an upstream leads back here: it is not asked');
      };
      void watchLoops({ pool: route.pool, zone: route.zone, guard: this.guard, clock, signal, onChange });
    }
  }

  /** As `Forwarder.ask`, of the zone's upstreams; undefined as well where no zone has the name. */
  async ask(question: UpstreamQuestion): Promise<DnsMessage | undefined> {
    const route = this.#routeOf(nameFromLabels(question.labels));
    if (route?.pool.isBroken === true) this.#parts.counts?.allDown();
    return route?.forwarder.ask(question);
  }

  zoneOf(name: DnsName): DnsName | undefined {
    return this.#routeOf(name)?.zone.zone;
  }

  watchExchanges(look: (facts: ExchangeFacts) => void): () => void {
    this.#watchers.add(look);
    return () => void this.#watchers.delete(look);
  }

  #routeOf(name: DnsName): Route | undefined {
    return this.#routes.find(({ zone }) => isFor(zone, name));
  }
}

function isFor(zone: ForwardZone, name: DnsName): boolean {
  return isWithin(name, zone.zone) && !zone.except.some((it) => isWithin(name, it));
}

function routeOf(zone: ForwardZone, exchange: Exchange, parts: ZoneForwarderParts): Route {
  const { config, log, clock, random, signal, watching, onExchange, counts } = parts;
  const { tryTimeoutMs, totalTimeoutMs, udpPayloadBytes } = config;
  const { forceTcp } = zone;
  const pool = new UpstreamPool({
    settings: zone,
    probe: rootProbe({ exchange, random, tryTimeoutMs, forceTcp }),
    clock,
    random,
    signal: watching,
    onChange: (upstream, isUp) =>
      log.warn({ zone: zone.zone, upstream: upstreamText(upstream), isUp }, 'upstream'),
    onProbeFailed: (upstream) => counts?.probeFailed(upstream),
  });
  watchUpstreams(pool, { zone, config, clock, signal: watching, log });
  const times = { tryTimeoutMs, totalTimeoutMs, udpPayloadBytes };
  const forwarder = new Forwarder({
    pool,
    exchange,
    clock,
    random,
    signal,
    forceTcp,
    onExchange,
    ...times,
  });
  return { zone, pool, forwarder };
}

/** Says why an upstream cannot be reached when that begins or changes, not with every question. */
function troubleLog(log: Logger): (facts: ExchangeFacts) => void {
  const said = new Map<string, string>();
  return ({ upstream, result }) => {
    const name = upstreamText(upstream);
    if (result.kind === 'reply') said.delete(name);
    if (result.kind !== 'unreachable' || said.get(name) === result.because) return;
    said.set(name, result.because);
    log.warn({ upstream: name, because: result.because }, 'upstream cannot be reached');
  };
}
