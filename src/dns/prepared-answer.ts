// Answers ready to be sent: everything behind the question in wire form, made once, copied behind the question of each client that asks.
// The name of the question always starts at offset 12 and equal questions are equally long, so compression pointers hold for every client.

import { CLASS_IN, HEADER_BYTES, TYPE } from '../wire/dns/constants.ts';
import { familyOf, ipToBytes, type Ip } from '../base/ip.ts';
import type { Question, ResourceRecord } from '../wire/dns/message.ts';
import { nameToBytes } from '../wire/dns/name.ts';
import { encodeMessage } from '../wire/dns/writer.ts';
import type { Query } from './query.ts';
import type { Random } from './random.ts';

export interface PreparedAnswer {
  readonly rcode: number;
  readonly isAuthoritative: boolean;
  readonly answers: number;
  readonly authorities: number;
  readonly additionals: number;
  /** The records as octets, first to last. */
  readonly body: Buffer;
  /** Where each record starts in `body`. */
  readonly starts: Uint32Array;
  /** Where each record's time to live stands in `body`. */
  readonly ttls: Uint32Array;
  /** All records are answers of one size that do not refer to each other: any order and any part of them is an answer. */
  readonly isShuffled: boolean;
  /** Only a part of what there is: marked so for every client. */
  readonly isPartial: boolean;
}

export interface AnswerParts {
  readonly rcode: number;
  readonly isAuthoritative: boolean;
  readonly answers: readonly ResourceRecord[];
  readonly authorities?: readonly ResourceRecord[];
  readonly additionals?: readonly ResourceRecord[];
  readonly isPartial?: boolean;
}

/** Encodes the records behind `question`; throws `invalid` above 65,535 octets. */
export function prepareAnswer(question: Question, parts: AnswerParts): PreparedAnswer {
  const { answers, authorities = [], additionals = [] } = parts;
  const encoded = encodeMessage({
    id: 0,
    opcode: 0,
    rcode: 0,
    isResponse: true,
    isAuthoritative: false,
    isTruncated: false,
    isRecursionDesired: false,
    isRecursionAvailable: false,
    isAuthenticData: false,
    isCheckingDisabled: false,
    questions: [question],
    answers,
    authorities,
    additionals,
    edns: undefined,
  });
  const bodyStart = HEADER_BYTES + nameToBytes(question.name).length + 4;
  return {
    rcode: parts.rcode,
    isAuthoritative: parts.isAuthoritative,
    answers: answers.length,
    authorities: authorities.length,
    additionals: additionals.length,
    body: Buffer.from(encoded.bytes.subarray(bodyStart)),
    starts: Uint32Array.from(encoded.recordOffsets, (offset) => offset - bodyStart),
    ttls: Uint32Array.from(encoded.ttlOffsets, (offset) => offset - bodyStart),
    isShuffled: false,
    isPartial: parts.isPartial === true,
  };
}

/** An authoritative answer of the addresses of the name asked for, all of one family; more than a message holds are sent in turns. */
export function prepareAddresses(ips: readonly Ip[], ttlS: number): PreparedAnswer {
  const isV6 = ips[0] !== undefined && familyOf(ips[0]) === 6;
  const itemBytes = isV6 ? 28 : 16;
  const body = Buffer.allocUnsafe(itemBytes * ips.length);
  for (const [i, ip] of ips.entries()) {
    const at = i * itemBytes;
    body.writeUInt16BE(0xc000 | HEADER_BYTES, at);
    body.writeUInt16BE(isV6 ? TYPE.AAAA : TYPE.A, at + 2);
    body.writeUInt16BE(CLASS_IN, at + 4);
    body.writeUInt32BE(ttlS, at + 6);
    body.writeUInt16BE(itemBytes - 12, at + 10);
    body.set(ipToBytes(ip), at + 12);
  }
  const starts = Uint32Array.from(ips, (_, i) => i * itemBytes);
  return {
    rcode: 0,
    isAuthoritative: true,
    answers: ips.length,
    authorities: 0,
    additionals: 0,
    body,
    starts,
    ttls: starts.map((start) => start + 6),
    isShuffled: ips.length > 1,
    isPartial: false,
  };
}

/** An answer of a code alone. */
export function prepareEmpty(rcode: number): PreparedAnswer {
  const none = new Uint32Array(0);
  const counts = { answers: 0, authorities: 0, additionals: 0 };
  return {
    rcode,
    isAuthoritative: false,
    ...counts,
    body: Buffer.alloc(0),
    starts: none,
    ttls: none,
    isShuffled: false,
    isPartial: false,
  };
}

/** The same answer with one time to live for all of its records. */
export function withTtl(prepared: PreparedAnswer, ttlS: number): PreparedAnswer {
  const body = Buffer.from(prepared.body);
  for (const at of prepared.ttls) body.writeUInt32BE(ttlS, at);
  return { ...prepared, body };
}

export interface WriteOptions {
  /** The whole message's bound: the client's UDP size, or 65,535. */
  readonly limitBytes: number;
  /** Over UDP a part is marked as truncated, so that the client asks again by TCP. */
  readonly marksTruncation: boolean;
  /** What our own OPT record says we take. */
  readonly ownPayloadBytes: number;
  readonly random: Random;
  /** Seconds since `prepared` was fresh: taken from every time to live. */
  readonly ageS: number;
}

const OPT_BYTES = 11;
const MAX_LOOPED_BYTES = 128;

/** The answer to `query`: its header and question, as many of the records as fit, and an OPT record where it sent one. */
export function writeAnswer(query: Query, prepared: PreparedAnswer, options: WriteOptions): Buffer {
  const wholeBytes = query.questionEnd + prepared.body.length + optBytesOf(query);
  const room = Buffer.allocUnsafe(Math.min(wholeBytes, options.limitBytes));
  return room.subarray(0, writeAnswerInto(room, query, prepared, options));
}

/** As `writeAnswer`, at the start of `out`, which has room for `limitBytes` or for all; returns the length. */
export function writeAnswerInto(
  out: Buffer,
  query: Query,
  prepared: PreparedAnswer,
  options: WriteOptions,
): number {
  const { questionEnd } = query;
  const optBytes = optBytesOf(query);
  const records = recordsThatFit(prepared, options.limitBytes - questionEnd - optBytes);
  const bodyBytes = prepared.starts[records] ?? prepared.body.length;
  copyOctets(query.bytes, out, 0, questionEnd);
  if (prepared.isShuffled) copyShuffled(prepared, out.subarray(questionEnd), records, options.random);
  else copyOctets(prepared.body, out, questionEnd, bodyBytes);
  if (options.ageS > 0) ageTtls(prepared, out, questionEnd, { records, ageS: options.ageS });
  const answers = Math.min(records, prepared.answers);
  const authorities = Math.min(records - answers, prepared.authorities);
  const isCut = records < prepared.answers + prepared.authorities;
  const isTruncated = prepared.isPartial || (isCut && options.marksTruncation);
  out.writeUInt16BE(flagsOf(query, prepared, isTruncated), 2);
  out.writeUInt16BE(1, 4);
  out.writeUInt16BE(answers, 6);
  out.writeUInt16BE(authorities, 8);
  out.writeUInt16BE(records - answers - authorities + (optBytes > 0 ? 1 : 0), 10);
  const end = questionEnd + bodyBytes;
  if (optBytes > 0)
    writeOpt(out, end, {
      rcode: prepared.rcode,
      ownPayloadBytes: options.ownPayloadBytes,
      isDnssecOk: query.edns?.isDnssecOk === true,
    });
  return end + optBytes;
}

function optBytesOf(query: Query): number {
  return query.edns === undefined ? 0 : OPT_BYTES;
}

/** From the start of `from`. A call of `copy` takes longer than a small answer has octets. */
function copyOctets(from: Buffer, to: Buffer, at: number, count: number): void {
  if (count > MAX_LOOPED_BYTES) {
    from.copy(to, at, 0, count);
    return;
  }
  for (let i = 0; i < count; i++) to[at + i] = from[i] ?? 0;
}

/** The answer to a message whose question could not be read: its header with a code. */
export function writeBad(bytes: Buffer, rcode: number): Buffer {
  const out = Buffer.alloc(HEADER_BYTES);
  bytes.copy(out, 0, 0, 4);
  out.writeUInt16BE(0x8000 | (bytes.readUInt16BE(2) & 0x7900) | rcode, 2);
  return out;
}

function flagsOf(query: Query, prepared: PreparedAnswer, isTruncated: boolean): number {
  // QR and RA set; RD and CD as asked (RFC 1035 4.1.1, RFC 4035 3.1.6).
  return (
    0x8080 |
    (query.flags & 0x0110) |
    (prepared.isAuthoritative ? 0x0400 : 0) |
    (isTruncated ? 0x0200 : 0) |
    (prepared.rcode & 0xf)
  );
}

function recordsThatFit(prepared: PreparedAnswer, room: number): number {
  const { starts, body } = prepared;
  if (body.length <= room) return starts.length;
  let records = starts.length;
  while (records > 0 && (starts[records] ?? body.length) > room) records--;
  return records;
}

/** Fisher-Yates over the records' numbers, ended as soon as as many are drawn as fit. */
function copyShuffled(prepared: PreparedAnswer, out: Buffer, count: number, random: Random): void {
  const { body, starts } = prepared;
  const itemBytes = body.length / starts.length;
  const order = starts.slice();
  for (let i = 0; i < count; i++) {
    const other = i + Math.floor(random.fraction() * (order.length - i));
    const start = order[other] ?? 0;
    order[other] = order[i] ?? 0;
    body.copy(out, i * itemBytes, start, start + itemBytes);
  }
}

function ageTtls(
  prepared: PreparedAnswer,
  out: Buffer,
  bodyStart: number,
  age: { readonly records: number; readonly ageS: number },
): void {
  for (let i = 0; i < age.records; i++) {
    const at = prepared.ttls[i] ?? 0;
    out.writeUInt32BE(Math.max(0, prepared.body.readUInt32BE(at) - age.ageS), bodyStart + at);
  }
}

function writeOpt(
  out: Buffer,
  at: number,
  opt: { readonly rcode: number; readonly ownPayloadBytes: number; readonly isDnssecOk: boolean },
): void {
  out[at] = 0;
  out.writeUInt16BE(TYPE.OPT, at + 1);
  out.writeUInt16BE(opt.ownPayloadBytes, at + 3);
  out[at + 5] = opt.rcode >> 4;
  out[at + 6] = 0;
  out.writeUInt16BE(opt.isDnssecOk ? 0x8000 : 0, at + 7);
  out.writeUInt16BE(0, at + 9);
}
