// Names outside of the cluster: from the cache, from a question already on its way, or from the upstreams, within bounds per client and in all.

import type { Clock } from '../base/clock.ts';
import { CLASS_IN, RCODE } from '../wire/dns/constants.ts';
import type { DnsMessage, ResourceRecord } from '../wire/dns/message.ts';
import { nameFromLabels } from '../wire/dns/name.ts';
import type { AnswerCache } from './answer-cache.ts';
import type { OutsideAnswer, OutsideQuestion, OutsideResolver } from './outside.ts';
import { prepareAnswer, prepareEmpty, type PreparedAnswer } from './prepared-answer.ts';
import type { UpstreamQuestion } from './upstream-query.ts';

export interface CachingResolverParts {
  /** As `Forwarder.ask`. */
  readonly ask: (question: UpstreamQuestion) => Promise<DnsMessage | undefined>;
  readonly cache: AnswerCache;
  readonly clock: Clock;
  readonly maxInFlight: number;
  readonly maxInFlightPerClient: number;
  readonly onLookup?: (lookup: CacheLookup) => void;
}

export type CacheLookup = 'hit' | 'denial-hit' | 'miss' | 'rejected';

/** Upper bounds of what upstreams may ask us to keep, as CoreDNS has them. */
const MAX_POSITIVE_S = 3600;
const MAX_NEGATIVE_S = 1800;
/** A failure is kept just long enough to take the burst of a client's search list (RFC 2308 7 allows five minutes). */
const FAILURE_S = 1;

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
    const nowMs = this.#parts.clock.monotonicMs();
    const cached = this.#parts.cache.get(key, nowMs);
    if (cached !== undefined) {
      this.#parts.onLookup?.(cached.prepared.answers === 0 ? 'denial-hit' : 'hit');
      return { prepared: cached.prepared, ageS: Math.floor((nowMs - cached.storedMs) / 1000) };
    }
    const same = this.#inFlight.get(key);
    if (same !== undefined) return same;
    const ofClient = this.#perClient.get(question.client) ?? 0;
    if (this.#inFlight.size >= this.#parts.maxInFlight || ofClient >= this.#parts.maxInFlightPerClient) {
      this.#parts.onLookup?.('rejected');
      return SERVFAIL;
    }
    this.#parts.onLookup?.('miss');
    this.#perClient.set(question.client, ofClient + 1);
    const asked = this.#ask(question, key).finally(() => this.#leave(key, question.client));
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
    const message = await this.#parts.ask(question);
    const { clock, cache } = this.#parts;
    const prepared = message === undefined ? SERVFAIL.prepared : prepareUpstream(question, message);
    const ttlS = message === undefined ? FAILURE_S : lifetimeS(message);
    const storedMs = clock.monotonicMs();
    if (ttlS > 0) cache.set(key, { prepared, storedMs, expiresMs: storedMs + ttlS * 1000 });
    return { prepared, ageS: 0 };
  }
}

/** Seconds the answer may be kept: the shortest record of it; for a denial what its SOA allows, without SOA not at all (RFC 2308 5). */
export function lifetimeS(message: DnsMessage): number {
  if (message.isTruncated) return 0;
  if (message.rcode !== RCODE.NOERROR && message.rcode !== RCODE.NXDOMAIN) return FAILURE_S;
  const isPositive = message.rcode === RCODE.NOERROR && message.answers.some(isFinal(message));
  const answersS = message.answers.map((record) => record.ttlS);
  if (isPositive) return Math.min(MAX_POSITIVE_S, ...answersS);
  const soaS = message.authorities.flatMap(({ data, ttlS }) =>
    data.kind === 'soa' ? [Math.min(ttlS, data.minimumS)] : [],
  );
  return soaS.length === 0 ? 0 : Math.min(MAX_NEGATIVE_S, ...soaS, ...answersS);
}

/** A chain of CNAMEs alone is no positive answer, unless CNAMEs were asked for. */
function isFinal(message: DnsMessage): (record: ResourceRecord) => boolean {
  const asksCname = message.questions[0]?.typeCode === 5;
  return (record) => record.data.kind !== 'cname' || asksCname;
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
