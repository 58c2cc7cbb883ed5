// What is told of each query that was answered or dropped, for counting.

import type { FinishedAnswer } from './finished-answer.ts';
import type { Query } from './query.ts';
import type { DnsClient } from './responder.ts';

/** One answered (or, without an rcode, dropped) query. */
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

export interface SentAnswer {
  readonly finished: FinishedAnswer;
  readonly key: string;
  readonly responseBytes: number;
  readonly startedMs: number;
}

export function answeredQuery(client: DnsClient, query: Query, sent: SentAnswer): AnsweredQuery {
  const { prepared, isFromZone, completed } = sent.finished;
  return {
    client,
    key: sent.key,
    typeCode: query.typeCode,
    isDnssecOk: query.edns?.isDnssecOk === true,
    rcode: prepared.rcode,
    isFromZone,
    isCompleted: completed !== undefined,
    requestBytes: query.bytes.length,
    responseBytes: sent.responseBytes,
    startedMs: sent.startedMs,
  };
}

/** Of what was no question. */
export function answeredBad(
  client: DnsClient,
  facts: Pick<AnsweredQuery, 'rcode' | 'requestBytes' | 'responseBytes' | 'startedMs'>,
): AnsweredQuery {
  const question = { key: undefined, typeCode: undefined, isDnssecOk: false };
  return { client, ...question, isFromZone: false, isCompleted: false, ...facts };
}
