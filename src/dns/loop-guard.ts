// Whether an upstream leads back here: a name that nobody can guess is sent to it, and seen again among the questions of clients.

import { RCODE } from '../wire/dns/constants.ts';
import { labelsOf } from '../wire/dns/name.ts';
import type { Exchange } from './exchange.ts';
import type { ForwardZone } from './forward-config.ts';
import type { OutsideAnswer, OutsideQuestion, OutsideResolver } from './outside.ts';
import { prepareEmpty } from './prepared-answer.ts';
import { keyOfQuestion } from './query.ts';
import type { Random } from './random.ts';
import type { Upstream } from './upstream.ts';
import { upstreamQuery } from './upstream-query.ts';

/** Host information: a type that clients do not ask for, so that no other question is ever looked up here. */
const TYPE_HINFO = 13;
const PROBE_TIMEOUT_MS = 2000;
const SERVFAIL: OutsideAnswer = { prepared: prepareEmpty(RCODE.SERVFAIL), ageS: 0 };

export interface LoopGuardParts {
  readonly exchange: Exchange;
  readonly random: Random;
  readonly signal: AbortSignal;
}

export class LoopGuard {
  readonly #parts: LoopGuardParts;
  /** The probes on their way, by the key of their question, and whether they were seen here. */
  readonly #probes = new Map<string, { isSeen: boolean }>();

  constructor(parts: LoopGuardParts) {
    this.#parts = parts;
  }

  /** Asks `upstream` for a name of `zone`; true when the question came back to us, whoever passed it on. */
  async leadsBack(upstream: Upstream, { zone, forceTcp }: ForwardZone): Promise<boolean> {
    const { exchange, signal } = this.#parts;
    const labels = [this.#randomLabel(), this.#randomLabel(), ...labelsOf(zone)];
    const key = keyOfQuestion(labels, TYPE_HINFO);
    const probe = { isSeen: false };
    const question = { labels, typeCode: TYPE_HINFO, isDnssecOk: false, isCheckingDisabled: false };
    const query = upstreamQuery(question, { id: this.#parts.random.uint16(), udpPayloadBytes: undefined });
    this.#probes.set(key, probe);
    const transport = forceTcp ? 'tcp' : 'udp';
    await exchange(upstream, query, { transport, timeoutMs: PROBE_TIMEOUT_MS, signal });
    this.#probes.delete(key);
    return probe.isSeen;
  }

  /** `inner` for every question but our own probes, which end here. */
  around(inner: OutsideResolver): OutsideResolver {
    return {
      resolve: (question) => (this.#isProbe(question) ? SERVFAIL : inner.resolve(question)),
    };
  }

  #isProbe({ typeCode, key }: OutsideQuestion): boolean {
    const probe = typeCode === TYPE_HINFO ? this.#probes.get(key) : undefined;
    if (probe !== undefined) probe.isSeen = true;
    return probe !== undefined;
  }

  /** 64 bits: an id of 16 alone could be met by chance. */
  #randomLabel(): string {
    const { random } = this.#parts;
    return Array.from({ length: 4 }, () => random.uint16().toString(16).padStart(4, '0')).join('');
  }
}
