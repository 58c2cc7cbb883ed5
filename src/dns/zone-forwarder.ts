// Which upstreams have a name: those of the most specific zone that it lies in. Each zone has its own pool, health and transport.

import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import type { DnsMessage } from '../wire/dns/message.ts';
import { isWithin, nameFromLabels, type DnsName } from '../wire/dns/name.ts';
import type { DnsConfig } from './config.ts';
import type { Exchange } from './exchange.ts';
import type { ForwardZone } from './forward-config.ts';
import { Forwarder, rootProbe, type ExchangeFacts } from './forwarder.ts';
import type { Random } from './random.ts';
import { tlsExchange } from './tls-exchange.ts';
import { upstreamText } from './upstream.ts';
import { plainExchange } from './upstream-exchange.ts';
import { watchUpstreams } from './upstream-list.ts';
import { UpstreamPool } from './upstream-pool.ts';
import type { UpstreamQuestion } from './upstream-query.ts';

export interface ZoneForwarderParts {
  readonly config: DnsConfig;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly onExchange: (exchange: ExchangeFacts) => void;
}

interface Route {
  readonly zone: ForwardZone;
  readonly forwarder: Forwarder;
}

export class ZoneForwarder {
  readonly #routes: readonly Route[];

  constructor(parts: ZoneForwarderParts) {
    const overTls = tlsExchange(parts.signal);
    const exchange: Exchange = (upstream, query, options) =>
      (upstream.tls === undefined ? plainExchange : overTls)(upstream, query, options);
    const sayTrouble = troubleLog(parts.log);
    const onExchange = (facts: ExchangeFacts): void => {
      sayTrouble(facts);
      parts.onExchange(facts);
    };
    this.#routes = parts.config.forward.map((zone) => ({
      zone,
      forwarder: forwarderOf(zone, exchange, { ...parts, onExchange }),
    }));
  }

  /** As `Forwarder.ask`, of the zone's upstreams; undefined as well where no zone has the name. */
  async ask(question: UpstreamQuestion): Promise<DnsMessage | undefined> {
    const name = nameFromLabels(question.labels);
    return this.#routes.find(({ zone }) => isFor(zone, name))?.forwarder.ask(question);
  }
}

function isFor(zone: ForwardZone, name: DnsName): boolean {
  return isWithin(name, zone.zone) && !zone.except.some((it) => isWithin(name, it));
}

function forwarderOf(zone: ForwardZone, exchange: Exchange, parts: ZoneForwarderParts): Forwarder {
  const { config, log, clock, random, signal, onExchange } = parts;
  const { tryTimeoutMs, totalTimeoutMs, udpPayloadBytes } = config;
  const { forceTcp } = zone;
  const pool = new UpstreamPool({
    settings: zone,
    probe: rootProbe({ exchange, random, tryTimeoutMs, forceTcp }),
    clock,
    random,
    signal,
    onChange: (upstream, isUp) =>
      log.warn({ zone: zone.zone, upstream: upstreamText(upstream), isUp }, 'upstream'),
  });
  watchUpstreams(pool, { zone, config, clock, signal, log });
  const times = { tryTimeoutMs, totalTimeoutMs, udpPayloadBytes };
  return new Forwarder({ pool, exchange, clock, random, signal, forceTcp, onExchange, ...times });
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
