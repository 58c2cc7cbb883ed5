// A question to the upstreams, tried until one answers or the time is over: UDP, TCP where truncated, another upstream where silent.

import type { Clock } from '../base/clock.ts';
import { RCODE } from '../wire/dns/constants.ts';
import type { DnsMessage } from '../wire/dns/message.ts';
import type { Exchange, ExchangeResult } from './exchange.ts';
import type { Random } from './random.ts';
import type { Upstream } from './upstream.ts';

import type { UpstreamPool } from './upstream-pool.ts';
import { isUnread, upstreamQuery, type UpstreamQuestion } from './upstream-query.ts';

export interface ForwarderParts {
  readonly pool: UpstreamPool;
  readonly exchange: Exchange;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly tryTimeoutMs: number;
  readonly totalTimeoutMs: number;
  readonly udpPayloadBytes: number;
  /** UDP is left out, first round and all. */
  readonly forceTcp: boolean;
  /** After each exchange: for metrics. */
  readonly onExchange?: (exchange: ExchangeFacts) => void;
}

export interface ExchangeFacts {
  readonly question: UpstreamQuestion;
  readonly upstream: Upstream;
  readonly transport: 'udp' | 'tcp';
  readonly result: ExchangeResult;
  readonly durationMs: number;
  /** It was not the question's first try: the client waits instead of seeing a failure. */
  readonly isRetry: boolean;
}

interface Attempt {
  readonly question: UpstreamQuestion;
  readonly deadlineMs: number;
  tries: number;
}

/** Rounds over all upstreams; the second one asks by TCP, which gets through where UDP is lost or filtered. */
const ROUNDS = ['udp', 'tcp'] as const;
const ROUNDS_BY_TCP = ['tcp', 'tcp'] as const;

export class Forwarder {
  readonly #parts: ForwarderParts;

  constructor(parts: ForwarderParts) {
    this.#parts = parts;
  }

  /** The reply, whatever its code; undefined when no upstream gave one in time. Never rejects. */
  async ask(question: UpstreamQuestion): Promise<DnsMessage | undefined> {
    const deadlineMs = this.#parts.clock.monotonicMs() + this.#parts.totalTimeoutMs;
    const attempt: Attempt = { question, deadlineMs, tries: 0 };
    let refusal: DnsMessage | undefined;
    for (const transport of this.#parts.forceTcp ? ROUNDS_BY_TCP : ROUNDS) {
      const silent: Upstream[] = [];
      for (const upstream of this.#parts.pool.candidates()) {
        const result = await this.#try(attempt, upstream, upstream.tls === undefined ? transport : 'tcp');
        if (result.kind === 'timeout') silent.push(upstream);
        if (result.kind !== 'reply') continue;
        if (!isRefusal(result.message)) return result.message;
        refusal = result.message;
      }
      // Who refuses or is not there will be so by TCP too.
      if (silent.length === 0) break;
    }
    return refusal;
  }

  async #try(attempt: Attempt, upstream: Upstream, transport: 'udp' | 'tcp'): Promise<ExchangeResult> {
    const { udpPayloadBytes } = this.#parts;
    let result = await this.#exchange(attempt, upstream, { transport, udpPayloadBytes });
    if (result.kind === 'reply' && isUnread(result.message)) {
      result = await this.#exchange(attempt, upstream, { transport, udpPayloadBytes: undefined });
    }
    if (result.kind !== 'reply' || !result.message.isTruncated || transport === 'tcp') return result;
    const whole = await this.#exchange(attempt, upstream, { transport: 'tcp', udpPayloadBytes });
    // Half an answer beats none: the client sees the truncation and may ask by TCP itself.
    return whole.kind === 'reply' ? whole : result;
  }

  async #exchange(
    attempt: Attempt,
    upstream: Upstream,
    how: { readonly transport: 'udp' | 'tcp'; readonly udpPayloadBytes: number | undefined },
  ): Promise<ExchangeResult> {
    const { clock, exchange, pool, random, signal, tryTimeoutMs } = this.#parts;
    const startedMs = clock.monotonicMs();
    const timeoutMs = Math.min(tryTimeoutMs, attempt.deadlineMs - startedMs);
    if (timeoutMs <= 0) return { kind: 'timeout' };
    const query = upstreamQuery(attempt.question, {
      id: random.uint16(),
      udpPayloadBytes: how.udpPayloadBytes,
    });
    const result = await exchange(upstream, query, { transport: how.transport, timeoutMs, signal });
    if (result.kind === 'reply') pool.reportAnswer(upstream);
    if (result.kind === 'timeout') pool.reportTimeout(upstream);
    this.#parts.onExchange?.({
      question: attempt.question,
      upstream,
      transport: how.transport,
      result,
      durationMs: clock.monotonicMs() - startedMs,
      isRetry: attempt.tries > 0,
    });
    attempt.tries++;
    return result;
  }
}

/** Codes that speak of the server, not of the name: another one may know. */
function isRefusal(message: DnsMessage): boolean {
  const { rcode } = message;
  return rcode === RCODE.SERVFAIL || rcode === RCODE.REFUSED || rcode === RCODE.NOTIMP;
}

/** A probe that any server answers: the name servers of the root. */
export function rootProbe(parts: Pick<ForwarderParts, 'exchange' | 'random' | 'tryTimeoutMs' | 'forceTcp'>) {
  const transport = parts.forceTcp ? 'tcp' : 'udp';
  return async (upstream: Upstream, signal: AbortSignal): Promise<boolean> => {
    const question = { labels: [], typeCode: 2, isDnssecOk: false, isCheckingDisabled: false };
    const query = upstreamQuery(question, { id: parts.random.uint16(), udpPayloadBytes: undefined });
    const timeoutMs = Math.min(1000, parts.tryTimeoutMs);
    const result = await parts.exchange(upstream, query, { transport, timeoutMs, signal });
    return result.kind === 'reply';
  };
}
