// Octets of a query -> octets of its answer: the zone first, others' names by the outside resolver. Knows no socket.

import type { Clock } from '../base/clock.ts';
import { parseIp } from '../base/ip.ts';
import { RCODE } from '../wire/dns/constants.ts';
import type { Question } from '../wire/dns/message.ts';
import { resolveAlias } from './alias.ts';
import { answerLimit } from './answer-limit.ts';
import { answeredBad, answeredQuery, type AnsweredQuery, type SentAnswer } from './answered-query.ts';
import type { AnswerObserver } from './answer-observer.ts';
import type { FinishedAnswer } from './finished-answer.ts';
import { HotAnswers } from './hot-answers.ts';
import type { OutsideAnswer, OutsideResolver } from './outside.ts';
import type { Overrides } from './overrides.ts';
import {
  writeAnswer,
  writeAnswerInto,
  writeBad,
  type PreparedAnswer,
  type WriteOptions,
} from './prepared-answer.ts';
import { recordsOfPrepared } from './prepared-records.ts';
import { keyOfQuestion, parseQuery, questionLabels, questionName, type Query } from './query.ts';
import type { Random } from './random.ts';
import { completeSearch } from './search-completion.ts';
import type { SearchLists } from './search-lists.ts';
import { emptyAnswer, refusalOf } from './refusal.ts';
import { prepareAddressAnswer, prepareZoneAnswer, type ZoneSettings } from './zone-answer.ts';
import { labelsInside, lookUp } from './zone-lookup.ts';
import type { ZoneState } from './zone-state.ts';

/** Who asks, and by which transport. */
export interface DnsClient {
  /** As the socket names it. */
  readonly address: string;
  readonly transport: 'udp' | 'tcp';
}

export interface ResponderParts {
  readonly zone: ZoneState;
  readonly settings: ZoneSettings;
  readonly outside: OutsideResolver;
  /** The step before the zone. */
  readonly overrides?: Overrides;
  readonly random: Random;
  /** The UDP size we announce and keep to (flag day 2020: 1232 passes everywhere unfragmented). */
  readonly udpPayloadBytes: number;
  readonly hotBytes: number;
  readonly monotonicMs: () => number;
  /** Whether what comes from this address by UDP was surely sent from there; everybody's where there is no such judge. */
  readonly isProven?: (address: string) => boolean;
  /** Clients whose search list is completed for them. */
  readonly searchLists?: SearchLists;
  /** Ends a search in time that waits for others. */
  readonly sleep?: Clock['sleep'];
  readonly observer?: AnswerObserver;
  readonly onAnswered?: (answered: AnsweredQuery) => void;
  readonly onError?: (error: unknown) => void;
}

/** A question under the first domain of a search list, and what is said where no name of the `chain` exists. */
interface Search {
  readonly client: DnsClient;
  readonly chain: readonly (readonly string[])[];
  readonly denial: PreparedAnswer;
}

export class Responder {
  readonly #parts: ResponderParts;
  readonly #hot: HotAnswers;

  constructor(parts: ResponderParts) {
    this.#parts = parts;
    this.#hot = new HotAnswers(parts.hotBytes);
  }

  /**
   * Writes into `room`, which holds any answer by UDP, that to a plain question which memory has, and returns its length; 0 where `respond` is to be
   * asked, and then nothing is counted. `bytes` may be another question's afterwards. Never throws.
   */
  respondAtOnce(bytes: Buffer, address: string, room: Buffer): number {
    try {
      return this.#parts.overrides === undefined ? this.#writeHot(bytes, address, room) : 0;
    } catch {
      // `respond` meets the same and says so.
      return 0;
    }
  }

  #writeHot(bytes: Buffer, address: string, room: Buffer): number {
    const startedMs = this.#parts.monotonicMs();
    const parsed = parseQuery(bytes);
    if (parsed.kind !== 'query') return 0;
    const { query } = parsed;
    const client = { address, transport: 'udp' } as const;
    const hot = this.#hot.find(query, this.#parts.zone.generation);
    if (hot === undefined || !this.#isFor(query, hot.prepared, client)) return 0;
    const finished = own(hot.prepared);
    if (this.#observedQuestion(query, finished) !== undefined) return 0;
    const options = this.#optionsOf(query, finished, client);
    const responseBytes = writeAnswerInto(room, query, hot.prepared, options);
    this.#count(client, query, { finished, key: hot.key, responseBytes, startedMs });
    return responseBytes;
  }

  /** The answer's octets, at once where memory has it; undefined where there must be none. Never throws or rejects. */
  respond(bytes: Buffer, client: DnsClient): Buffer | undefined | Promise<Buffer | undefined> {
    const startedMs = this.#parts.monotonicMs();
    const parsed = parseQuery(bytes);
    if (parsed.kind !== 'query') {
      const rcode = parsed.kind === 'bad' ? parsed.rcode : undefined;
      const out = rcode === undefined ? undefined : writeBad(bytes, rcode);
      const sizes = { requestBytes: bytes.length, responseBytes: out?.length ?? 0 };
      this.#parts.onAnswered?.(answeredBad(client, { rcode, ...sizes, startedMs }));
      return out;
    }
    const { query } = parsed;
    try {
      const { overrides } = this.#parts;
      const finished =
        overrides?.answer(query, (asked) => this.#answer(asked, client)) ?? this.#answer(query, client);
      if (!(finished instanceof Promise)) return this.#finish(query, client, finished, startedMs);
      return finished.then(
        (it) => this.#finish(query, client, it, startedMs),
        (error: unknown) => this.#finish(query, client, this.#failed(error), startedMs),
      );
    } catch (error) {
      return this.#finish(query, client, this.#failed(error), startedMs);
    }
  }

  #answer(query: Query, client: DnsClient): FinishedAnswer | Promise<FinishedAnswer> {
    const { zone } = this.#parts;
    const hot = this.#hot.get(query.key, zone.generation);
    if (hot !== undefined && this.#isFor(query, hot.prepared, client)) return own(hot.prepared);
    const refusal = refusalOf(query);
    if (refusal !== undefined) return own(emptyAnswer(refusal));
    const labels = questionLabels(query);
    if (!zone.isKnown && labelsInside(labels, this.#parts.settings.domain) !== undefined) {
      return own(emptyAnswer(RCODE.SERVFAIL));
    }
    return this.#lookUp(query, labels, client);
  }

  #lookUp(
    query: Query,
    labels: readonly string[],
    client: DnsClient,
  ): FinishedAnswer | Promise<FinishedAnswer> {
    const { zone, settings, searchLists } = this.#parts;
    const answer = lookUp(zone.index, settings, labels, query.typeCode);
    if (answer.kind === 'outside') return asOutside(this.#askOutside(query, labels, client));
    if (answer.kind === 'alias') {
      const askOutside = (target: readonly string[]) => this.#askOutside(query, target, client);
      return resolveAlias(questionOf(query), answer.target, { zone, settings, askOutside }).then(own);
    }
    // Most answers are addresses, which need no name: it is made for the others alone.
    const prepared =
      prepareAddressAnswer(answer, settings) ??
      prepareZoneAnswer(questionOf(query), answer, settings, zone.revision ?? 0);
    this.#hot.set(query.key, prepared);
    const chain = answer.kind === 'no-name' ? searchLists?.chainOf(client.address, labels) : undefined;
    return chain === undefined ? own(prepared) : this.#complete(query, { client, chain, denial: prepared });
  }

  /**
   * What is remembered of a question, always a plain one of class IN, is the same for all clients, but for a denial that another name of the search list
   * may take the place of.
   */
  #isFor(query: Query, hot: PreparedAnswer, client: DnsClient): boolean {
    if ((query.edns?.version ?? 0) !== 0) return false;
    return hot.rcode !== RCODE.NXDOMAIN || this.#parts.searchLists?.has(client.address) !== true;
  }

  async #complete(query: Query, { client, chain, denial }: Search): Promise<FinishedAnswer> {
    const { zone, settings, random, sleep } = this.#parts;
    const askOutside = (target: readonly string[]) => this.#askOutside(query, target, client);
    const context = { zone, settings, random, sleep, askOutside };
    const completed = await completeSearch(questionOf(query), chain, context);
    if (completed === undefined) return own(denial);
    const { prepared, name, isFromZone } = completed;
    return { prepared, ageS: 0, isFromZone, completed: name };
  }

  #askOutside(query: Query, labels: readonly string[], client: DnsClient) {
    return this.#parts.outside.resolve({
      key: keyOfQuestion(labels, query.typeCode),
      labels,
      typeCode: query.typeCode,
      isDnssecOk: query.edns?.isDnssecOk === true,
      isCheckingDisabled: (query.flags & 0x0010) !== 0,
      client: client.address,
    });
  }

  #finish(
    query: Query,
    client: DnsClient,
    finished: FinishedAnswer,
    startedMs: number,
  ): Buffer | undefined | Promise<Buffer | undefined> {
    const write = (): Buffer => this.#write(query, client, finished, startedMs);
    const drop = (error: unknown): undefined => {
      this.#parts.onError?.(error);
      return undefined;
    };
    let waiting: void | Promise<void>;
    try {
      waiting = this.#observe(query, client, finished);
    } catch (error) {
      return drop(error);
    }
    return waiting instanceof Promise ? waiting.then(write, drop) : write();
  }

  /** The question of which somebody has to see the answer first; undefined where nobody has to. */
  #observedQuestion(query: Query, { prepared, completed }: FinishedAnswer): Question | undefined {
    const { observer } = this.#parts;
    if (observer === undefined || observer.isIdle || prepared.answers === 0) return undefined;
    const asked = questionOf(query);
    // A name that only the search list made lies in the cluster's domain: a policy that allows names there does not mean what it led to.
    const question = completed === undefined ? asked : { ...asked, name: completed };
    return observer.isMeant(question) ? question : undefined;
  }

  #observe(query: Query, client: DnsClient, finished: FinishedAnswer): void | Promise<void> {
    const question = this.#observedQuestion(query, finished);
    if (question === undefined) return undefined;
    const { prepared, ageS } = finished;
    return this.#parts.observer?.observe({
      client: parseIp(client.address),
      question,
      rcode: prepared.rcode,
      answers: recordsOfPrepared(questionLabels(query), prepared, ageS).answers,
    });
  }

  #write(query: Query, client: DnsClient, finished: FinishedAnswer, startedMs: number): Buffer {
    const out = writeAnswer(query, finished.prepared, this.#optionsOf(query, finished, client));
    this.#count(client, query, { finished, key: query.key, responseBytes: out.length, startedMs });
    return out;
  }

  #optionsOf(query: Query, { prepared, ageS }: FinishedAnswer, client: DnsClient): WriteOptions {
    const { random, udpPayloadBytes } = this.#parts;
    return {
      limitBytes: answerLimit(query, prepared, client, this.#parts),
      marksTruncation: client.transport === 'udp',
      ownPayloadBytes: udpPayloadBytes,
      random,
      ageS,
    };
  }

  #failed(error: unknown): FinishedAnswer {
    this.#parts.onError?.(error);
    return own(emptyAnswer(RCODE.SERVFAIL));
  }

  #count(client: DnsClient, query: Query, sent: SentAnswer): void {
    this.#parts.onAnswered?.(answeredQuery(client, query, sent));
  }
}

function questionOf(query: Query): Question {
  return { name: questionName(query), typeCode: query.typeCode, classCode: query.classCode };
}

function own(prepared: PreparedAnswer): FinishedAnswer {
  return { prepared, ageS: 0, isFromZone: true };
}

function asOutside(answer: OutsideAnswer | Promise<OutsideAnswer>): FinishedAnswer | Promise<FinishedAnswer> {
  return answer instanceof Promise
    ? answer.then((it) => ({ ...it, isFromZone: false }))
    : { ...answer, isFromZone: false };
}
