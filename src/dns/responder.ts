// Octets of a query -> octets of its answer: the zone first, others' names by the outside resolver. Knows no socket.

import type { Clock } from '../base/clock.ts';
import { parseIp } from '../base/ip.ts';
import { CLASS_IN, MAX_MESSAGE_BYTES, PLAIN_UDP_BYTES, RCODE, TYPE } from '../wire/dns/constants.ts';
import type { Question } from '../wire/dns/message.ts';
import { resolveAlias } from './alias.ts';
import type { AnswerObserver } from './answer-observer.ts';
import type { FinishedAnswer } from './finished-answer.ts';
import { HotAnswers } from './hot-answers.ts';
import type { OutsideAnswer, OutsideResolver } from './outside.ts';
import type { Overrides } from './overrides.ts';
import { prepareEmpty, writeAnswer, writeBad, type PreparedAnswer } from './prepared-answer.ts';
import { recordsOfPrepared } from './prepared-records.ts';
import { keyOfQuestion, parseQuery, questionLabels, questionName, type Query } from './query.ts';
import type { Random } from './random.ts';
import { completeSearch } from './search-completion.ts';
import type { SearchLists } from './search-lists.ts';
import { prepareAddressAnswer, prepareZoneAnswer, type ZoneSettings } from './zone-answer.ts';
import { labelsInside, lookUp } from './zone-lookup.ts';
import type { ZoneState } from './zone-state.ts';

/** Who asks, and by which transport. */
export interface DnsClient {
  /** As the socket names it. */
  readonly address: string;
  readonly transport: 'udp' | 'tcp';
}

/** One answered (or, without an rcode, dropped) query, for counting. */
export interface AnsweredQuery {
  readonly client: DnsClient;
  /** As `Query.key`; undefined for what was no question. */
  readonly key: string | undefined;
  readonly typeCode: number | undefined;
  readonly isDnssecOk: boolean;
  readonly rcode: number | undefined;
  readonly isFromZone: boolean;
  /** By a later name of the client's search list. */
  readonly isCompleted: boolean;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly startedMs: number;
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

/** Octets of an answer for each octet of a question whose sender has not proven its address; QUIC has chosen the same (RFC 9000 8.1). */
const MAX_AMPLIFICATION = 3;
const MAX_OPT_BYTES = 11;

/** A question under the first domain of a search list, and what is said where no name of the `chain` exists. */
interface Search {
  readonly client: DnsClient;
  readonly chain: readonly (readonly string[])[];
  readonly denial: PreparedAnswer;
}

const EMPTY_ANSWERS: ReadonlyMap<number, PreparedAnswer> = new Map(
  [RCODE.REFUSED, RCODE.SERVFAIL, RCODE.BADVERS, RCODE.FORMERR].map((rcode) => [rcode, prepareEmpty(rcode)]),
);

export class Responder {
  readonly #parts: ResponderParts;
  readonly #hot: HotAnswers;

  constructor(parts: ResponderParts) {
    this.#parts = parts;
    this.#hot = new HotAnswers(parts.hotBytes);
  }

  /** The answer's octets, at once where memory has it; undefined where there must be none. Never throws or rejects. */
  respond(bytes: Buffer, client: DnsClient): Buffer | undefined | Promise<Buffer | undefined> {
    const startedMs = this.#parts.monotonicMs();
    const parsed = parseQuery(bytes);
    if (parsed.kind !== 'query') {
      const out = parsed.kind === 'bad' ? writeBad(bytes, parsed.rcode) : undefined;
      this.#count(client, { startedMs, bytes, out, rcode: parsed.kind === 'bad' ? parsed.rcode : undefined });
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
    // Only answers to plain questions of class IN are ever put there.
    if (hot !== undefined && (query.edns?.version ?? 0) === 0 && !this.#mayBeCompleted(hot, client))
      return own(hot);
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

  /** What is remembered of a question is the same for all clients, but for a denial that another name of the search list may take the place of. */
  #mayBeCompleted(hot: PreparedAnswer, client: DnsClient): boolean {
    return hot.rcode === RCODE.NXDOMAIN && this.#parts.searchLists?.has(client.address) === true;
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
    const { observer } = this.#parts;
    const write = (): Buffer => this.#write(query, client, finished, startedMs);
    if (observer === undefined || observer.isIdle || finished.prepared.answers === 0) return write();
    const drop = (error: unknown): undefined => {
      this.#parts.onError?.(error);
      return undefined;
    };
    try {
      const waiting = this.#observe(observer, query, client, finished);
      return waiting instanceof Promise ? waiting.then(write, drop) : write();
    } catch (error) {
      return drop(error);
    }
  }

  #observe(
    observer: AnswerObserver,
    query: Query,
    client: DnsClient,
    { prepared, ageS, completed }: FinishedAnswer,
  ): void | Promise<void> {
    const asked = questionOf(query);
    // A name that only the search list made lies in the cluster's domain: a policy that allows names there does not mean what it led to.
    const question = completed === undefined ? asked : { ...asked, name: completed };
    if (!observer.isMeant(question)) return undefined;
    return observer.observe({
      client: parseIp(client.address),
      question,
      rcode: prepared.rcode,
      answers: recordsOfPrepared(questionLabels(query), prepared, ageS).answers,
    });
  }

  #write(query: Query, client: DnsClient, finished: FinishedAnswer, startedMs: number): Buffer {
    const { random, udpPayloadBytes } = this.#parts;
    const out = writeAnswer(query, finished.prepared, {
      limitBytes: this.#limitOf(query, finished.prepared, client),
      marksTruncation: client.transport === 'udp',
      ownPayloadBytes: udpPayloadBytes,
      random,
      ageS: finished.ageS,
    });
    const { rcode } = finished.prepared;
    const { isFromZone, completed } = finished;
    const isCompleted = completed !== undefined;
    this.#count(client, { startedMs, bytes: query.bytes, out, rcode, query, isFromZone, isCompleted });
    return out;
  }

  /** By UDP the source may be forged, and a long answer would go to somebody who has not asked: what is longer has to come by TCP, which proves it. */
  #limitOf(query: Query, { body }: PreparedAnswer, { address, transport }: DnsClient): number {
    if (transport === 'tcp') return MAX_MESSAGE_BYTES;
    const { udpPayloadBytes, isProven } = this.#parts;
    const asked = Math.max(PLAIN_UDP_BYTES, query.edns?.udpPayloadBytes ?? 0);
    const limitBytes = Math.min(asked, udpPayloadBytes);
    const unprovenBytes = MAX_AMPLIFICATION * query.bytes.length;
    // Most answers are short enough for anybody.
    if (query.questionEnd + body.length + MAX_OPT_BYTES <= unprovenBytes) return limitBytes;
    return (isProven?.(address) ?? true) ? limitBytes : Math.min(limitBytes, unprovenBytes);
  }

  #failed(error: unknown): FinishedAnswer {
    this.#parts.onError?.(error);
    return own(emptyAnswer(RCODE.SERVFAIL));
  }

  #count(
    client: DnsClient,
    facts: {
      startedMs: number;
      bytes: Buffer;
      out: Buffer | undefined;
      rcode: number | undefined;
      query?: Query;
      isFromZone?: boolean;
      isCompleted?: boolean;
    },
  ): void {
    this.#parts.onAnswered?.({
      client,
      key: facts.query?.key,
      typeCode: facts.query?.typeCode,
      isDnssecOk: facts.query?.edns?.isDnssecOk === true,
      rcode: facts.rcode,
      isFromZone: facts.isFromZone === true,
      isCompleted: facts.isCompleted === true,
      requestBytes: facts.bytes.length,
      responseBytes: facts.out?.length ?? 0,
      startedMs: facts.startedMs,
    });
  }
}

/** The code of a question that is not answered by anybody here; undefined for an ordinary one. */
function refusalOf(query: Query): number | undefined {
  if ((query.edns?.version ?? 0) !== 0) return RCODE.BADVERS;
  if (query.classCode !== CLASS_IN) return RCODE.REFUSED;
  switch (query.typeCode) {
    case TYPE.ANY:
    case TYPE.AXFR:
    case TYPE.IXFR:
    case TYPE.OPT:
      return RCODE.REFUSED;
    default:
      return undefined;
  }
}

function questionOf(query: Query): Question {
  return { name: questionName(query), typeCode: query.typeCode, classCode: query.classCode };
}

function emptyAnswer(rcode: number): PreparedAnswer {
  return EMPTY_ANSWERS.get(rcode) ?? prepareEmpty(rcode);
}

function own(prepared: PreparedAnswer): FinishedAnswer {
  return { prepared, ageS: 0, isFromZone: true };
}

function asOutside(answer: OutsideAnswer | Promise<OutsideAnswer>): FinishedAnswer | Promise<FinishedAnswer> {
  return answer instanceof Promise
    ? answer.then((it) => ({ ...it, isFromZone: false }))
    : { ...answer, isFromZone: false };
}
