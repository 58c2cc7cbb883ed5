// One question to one upstream as octets, and whether a datagram is its answer. Pure.

import { CLASS_IN, RCODE } from '../wire/dns/constants.ts';
import type { DnsMessage } from '../wire/dns/message.ts';
import { canonicalName, nameFromLabels } from '../wire/dns/name.ts';
import { parseMessage } from '../wire/dns/reader.ts';
import { encodeMessage } from '../wire/dns/writer.ts';

export interface UpstreamQuestion {
  readonly labels: readonly string[];
  readonly typeCode: number;
  readonly isDnssecOk: boolean;
  readonly isCheckingDisabled: boolean;
}

export interface UpstreamQuery {
  readonly id: number;
  readonly question: UpstreamQuestion;
  readonly bytes: Uint8Array;
}

export interface QueryOptions {
  readonly id: number;
  /** Undefined leaves EDNS out: servers that fail on it answer then. */
  readonly udpPayloadBytes: number | undefined;
}

export function upstreamQuery(question: UpstreamQuestion, options: QueryOptions): UpstreamQuery {
  const { udpPayloadBytes, id } = options;
  const edns =
    udpPayloadBytes === undefined
      ? undefined
      : { udpPayloadBytes, version: 0, isDnssecOk: question.isDnssecOk, options: [] };
  const { bytes } = encodeMessage({
    id,
    opcode: 0,
    rcode: 0,
    isResponse: false,
    isAuthoritative: false,
    isTruncated: false,
    isRecursionDesired: true,
    isRecursionAvailable: false,
    isAuthenticData: false,
    isCheckingDisabled: question.isCheckingDisabled,
    questions: [{ name: nameFromLabels(question.labels), typeCode: question.typeCode, classCode: CLASS_IN }],
    answers: [],
    authorities: [],
    additionals: [],
    edns,
  });
  return { id, question, bytes };
}

/** The reply to `query`; undefined for everything that is not (RFC 5452 9.1): other id, other question, no answer at all. */
export function matchReply(query: UpstreamQuery, bytes: Uint8Array): DnsMessage | undefined {
  const parsed = parseMessage(bytes);
  if (parsed.kind === 'malformed') return undefined;
  const { message } = parsed;
  if (!message.isResponse || message.id !== query.id || message.opcode !== 0) return undefined;
  const [asked, ...more] = message.questions;
  // Servers that could not read the query may leave the question out; they have nothing to say but the code.
  if (asked === undefined) return isUnread(message) ? message : undefined;
  const name = canonicalName(nameFromLabels(query.question.labels));
  const isSame =
    more.length === 0 &&
    canonicalName(asked.name) === name &&
    asked.typeCode === query.question.typeCode &&
    asked.classCode === CLASS_IN;
  return isSame ? message : undefined;
}

/** The server did not understand the query's form: asking without EDNS may help (RFC 6891 7). */
export function isUnread(message: DnsMessage): boolean {
  const { rcode } = message;
  return rcode === RCODE.FORMERR || rcode === RCODE.NOTIMP || rcode === RCODE.BADVERS;
}
