// Names outside of the cluster: from the cache, from a question already on its way, or from the upstreams, within bounds per client and in all.

import type { Clock } from '../base/clock.ts';
import { CLASS_IN, RCODE } from '../wire/dns/constants.ts';
import type { DnsMessage, ResourceRecord } from '../wire/dns/message.ts';
import { nameFromLabels } from '../wire/dns/name.ts';
import type { AnswerCache, CachedAnswer } from './answer-cache.ts';
import { isFailure, lifetimeS, withBoundedTtls } from './answer-lifetime.ts';
import { isDue, newUse } from './answer-use.ts';
import type { CacheSettings, StaleSettings } from './cache-config.ts';
import type { OutsideAnswer, OutsideQuestion, OutsideResolver } from './outside.ts';
import { prepareAnswer, prepareEmpty, withTtl, type PreparedAnswer } from './prepared-answer.ts';
import type { UpstreamQuestion } from './upstream-query.ts';

export interface CachingResolverParts {
  /** As `Forwarder.ask`. */
  readonly ask: (question: UpstreamQuestion) => Promise<DnsMessage | undefined>;
  readonly cache: AnswerCache;
  readonly settings: CacheSettings;
  readonly clock: Clock;
  readonly maxInFlight: number;
  readonly maxInFlightPerClient: number;
  readonly onLookup?: (lookup: CacheLookup) => void;
}

/** What was done: `prefetch` beside the hit that led to it. */
export type CacheLookup = 'hit' | 'denial-hit' | 'stale' | 'miss' | 'rejected' | 'prefetch';

/** After a failure the same question is not asked anew for an answer that is still there (RFC 8767 5): every name would be, at each question. */
const RECHECK_MS = 5000;
/** Who asks where no client waits: all of them share the bound of one client. */
const OURSELVES = '';

const SERVFAIL: OutsideAnswer = { prepared: prepareEmpty(RCODE.SERVFAIL), ageS: 0 };

export class CachingResolver implements OutsideResolver {
  readonly #parts: CachingResolverParts;
  readonly #inFlight = new Map<string, Promise<OutsideAnswer>>();
  readonly #perClient = new Map<string, number>();

  constructor(parts: CachingResolverParts) {
    this.#parts = parts;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  resolve(question: OutsideQuestion): OutsideAnswer | Promise<OutsideAnswer> {
    const key = `${question.key}${question.isDnssecOk ? 'D' : ''}${question.isCheckingDisabled ? 'C' : ''}`;
    const { cache, clock, settings, onLookup } = this.#parts;
    const nowMs = clock.monotonicMs();
    const cached = cache.get(key, nowMs);
    if (cached !== undefined && cached.expiresMs > nowMs) return this.#fresh(question, key, cached, nowMs);
    if (cached !== undefined && settings.serveStale !== undefined) {
      return this.#stale(question, key, cached, settings.serveStale);
    }
    const same = this.#inFlight.get(key);
    if (same !== undefined) return same;
    const asked = this.#start(question, key, question.client);
    onLookup?.(asked === undefined ? 'rejected' : 'miss');
    return asked ?? SERVFAIL;
  }

  #fresh(question: OutsideQuestion, key: string, cached: CachedAnswer, nowMs: number): OutsideAnswer {
    const { settings, onLookup } = this.#parts;
    onLookup?.(cached.prepared.answers === 0 ? 'denial-hit' : 'hit');
    const { prefetch } = settings;
    if (prefetch !== undefined && isDue(cached, prefetch, nowMs) && !this.#inFlight.has(key)) {
      if (this.#start(question, key, OURSELVES) !== undefined) onLookup?.('prefetch');
    }
    return { prepared: cached.prepared, ageS: Math.floor((nowMs - cached.storedMs) / 1000) };
  }

  #stale(
    question: OutsideQuestion,
    key: string,
    cached: CachedAnswer,
    settings: StaleSettings,
  ): OutsideAnswer | Promise<OutsideAnswer> {
    const { clock, onLookup } = this.#parts;
    const stale = (): OutsideAnswer => {
      onLookup?.('stale');
      return { prepared: withTtl(cached.prepared, settings.ttlS), ageS: 0 };
    };
    if (clock.monotonicMs() < cached.use.recheckMs) return stale();
    const asked = this.#inFlight.get(key) ?? this.#start(question, key, OURSELVES);
    if (asked === undefined || settings.mode === 'immediate') return stale();
    return this.#verified(asked, settings.verifyMs, stale);
  }

  /** The new answer where one comes in time. */
  async #verified(
    asked: Promise<OutsideAnswer>,
    verifyMs: number,
    stale: () => OutsideAnswer,
  ): Promise<OutsideAnswer> {
    const over = new AbortController();
    const late = this.#parts.clock.sleep(verifyMs, over.signal).then(
      () => undefined,
      () => undefined,
    );
    const answer = await Promise.race([asked, late]);
    over.abort();
    return answer === undefined || isFailure(answer.prepared.rcode) ? stale() : answer;
  }

  /** Undefined where too many questions are on their way. */
  #start(question: OutsideQuestion, key: string, client: string): Promise<OutsideAnswer> | undefined {
    const ofClient = this.#perClient.get(client) ?? 0;
    const { maxInFlight, maxInFlightPerClient } = this.#parts;
    if (this.#inFlight.size >= maxInFlight || ofClient >= maxInFlightPerClient) return undefined;
    this.#perClient.set(client, ofClient + 1);
    const asked = this.#ask(question, key).finally(() => this.#leave(key, client));
    this.#inFlight.set(key, asked);
    return asked;
  }

  #leave(key: string, client: string): void {
    this.#inFlight.delete(key);
    const left = (this.#perClient.get(client) ?? 1) - 1;
    if (left === 0) this.#perClient.delete(client);
    else this.#perClient.set(client, left);
  }

  async #ask(question: OutsideQuestion, key: string): Promise<OutsideAnswer> {
    const { ask, settings } = this.#parts;
    const message = await ask(question);
    if (message === undefined) {
      this.#keep(key, SERVFAIL.prepared, settings.servfailS);
      return SERVFAIL;
    }
    const prepared = prepareUpstream(question, withBoundedTtls(message, settings));
    this.#keep(key, prepared, lifetimeS(message, settings));
    return { prepared, ageS: 0 };
  }

  #keep(key: string, prepared: PreparedAnswer, ttlS: number): void {
    const { cache, clock, settings } = this.#parts;
    const nowMs = clock.monotonicMs();
    const known = cache.get(key, nowMs);
    const isFailed = isFailure(prepared.rcode);
    if (isFailed && known !== undefined && !isFailure(known.prepared.rcode)) {
      known.use.recheckMs = nowMs + RECHECK_MS;
      return;
    }
    // What may not be kept ends what was: nobody is given the older answer any more.
    if (ttlS === 0) return cache.delete(key);
    const expiresMs = nowMs + ttlS * 1000;
    const keptUntilMs = expiresMs + (isFailed ? 0 : (settings.serveStale?.forS ?? 0)) * 1000;
    const use = known === undefined ? newUse(nowMs) : { ...known.use, recheckMs: 0 };
    cache.set(key, { prepared, storedMs: nowMs, expiresMs, keptUntilMs, use });
  }
}

/** Only what belongs to the question is passed on: records of class IN, and no authority beside a positive answer. */
function prepareUpstream(question: OutsideQuestion, message: DnsMessage): PreparedAnswer {
  const ofClass = (records: readonly ResourceRecord[]) =>
    records.filter((record) => record.classCode === CLASS_IN);
  const name = nameFromLabels(question.labels);
  const parts = {
    rcode: message.rcode,
    isAuthoritative: false,
    answers: ofClass(message.answers),
    authorities: message.answers.length === 0 || question.isDnssecOk ? ofClass(message.authorities) : [],
    additionals: ofClass(message.additionals),
    isPartial: message.isTruncated,
  };
  return prepareAnswer({ name, typeCode: question.typeCode, classCode: CLASS_IN }, parts);
}
