// The hot door: a datagram of a client -> the few facts an answer needs, without building a message. Unusual queries take the whole codec.

import {
  CLASS_IN,
  HEADER_BYTES,
  MAX_LABEL_BYTES,
  MAX_NAME_BYTES,
  RCODE,
  TYPE,
} from '../wire/dns/constants.ts';
import { nameFromLabels, type DnsName } from '../wire/dns/name.ts';
import { parseMessage } from '../wire/dns/reader.ts';

/** A well-formed query with one question. */
export interface Query {
  /** The message as it came; header and question are echoed from it, so that the client sees its own case again. */
  readonly bytes: Buffer;
  /** The 16 bits after the id. */
  readonly flags: number;
  /** Offset just behind the question. */
  readonly questionEnd: number;
  /** Name in lower case, type and class in wire form, one character per octet: equal keys are equal questions. */
  readonly key: string;
  readonly typeCode: number;
  readonly classCode: number;
  readonly edns: QueryEdns | undefined;
}

export interface QueryEdns {
  readonly udpPayloadBytes: number;
  readonly version: number;
  readonly isDnssecOk: boolean;
}

export type ParsedQuery =
  | { readonly kind: 'query'; readonly query: Query }
  /** Answer with this code and no question. */
  | { readonly kind: 'bad'; readonly rcode: number }
  /** Not even a header, or itself an answer: to answer it would let two servers talk for ever. */
  | { readonly kind: 'drop' };

const FORMERR: ParsedQuery = { kind: 'bad', rcode: RCODE.FORMERR };
const OPT_HEAD_BYTES = 11;

/** Never throws, whatever the bytes are. */
export function parseQuery(bytes: Buffer): ParsedQuery {
  if (bytes.length < HEADER_BYTES) return { kind: 'drop' };
  const flags = bytes.readUInt16BE(2);
  if ((flags & 0x8000) !== 0) return { kind: 'drop' };
  if ((flags & 0x7800) !== 0) return { kind: 'bad', rcode: RCODE.NOTIMP };
  if (bytes.readUInt16BE(4) !== 1) return FORMERR;
  const nameEnd = skipName(bytes);
  const questionEnd = nameEnd + 4;
  if (nameEnd === 0 || questionEnd > bytes.length) return FORMERR;
  const edns = readEdns(bytes, questionEnd);
  if (edns === 'malformed') return FORMERR;
  return { kind: 'query', query: new ReadQuery(bytes, flags, questionEnd, edns) };
}

/** Its key is made when somebody wants it: most questions are answered by their octets. */
class ReadQuery implements Query {
  readonly bytes: Buffer;
  readonly flags: number;
  readonly questionEnd: number;
  readonly typeCode: number;
  readonly classCode: number;
  readonly edns: QueryEdns | undefined;
  #key: string | undefined;

  constructor(bytes: Buffer, flags: number, questionEnd: number, edns: QueryEdns | undefined) {
    this.bytes = bytes;
    this.flags = flags;
    this.questionEnd = questionEnd;
    this.typeCode = bytes.readUInt16BE(questionEnd - 4);
    this.classCode = bytes.readUInt16BE(questionEnd - 2);
    this.edns = edns;
  }

  get key(): string {
    return (this.#key ??= keyOf(this.bytes, this.questionEnd));
  }
}

/** The octet of a name in lower case. */
export function lowerOctet(octet: number): number {
  // A length octet is at most 63, below "A": whatever lies in A to Z is a letter.
  return octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
}

/** The labels of the question in lower case, first label first. */
export function questionLabels(query: Query): readonly string[] {
  return labelsOfKey(query.key);
}

/** The labels of a question by its key. */
export function labelsOfKey(key: string): readonly string[] {
  const labels: string[] = [];
  for (let at = 0; ;) {
    const length = key.charCodeAt(at);
    if (length === 0) return labels;
    labels.push(key.slice(at + 1, at + 1 + length));
    at += length + 1;
  }
}

/** The type of a question by its key. */
export function typeOfKey(key: string): number {
  return (key.charCodeAt(key.length - 4) << 8) | key.charCodeAt(key.length - 3);
}

/** The name of the question in lower case. */
export function questionName(query: Query): DnsName {
  return nameFromLabels(questionLabels(query));
}

/** The key that a query for this name would have. */
export function keyOfQuestion(labels: readonly string[], typeCode: number): string {
  let key = '';
  for (const label of labels) key += String.fromCharCode(label.length) + label.toLowerCase();
  return `${key}\0${String.fromCharCode(typeCode >> 8, typeCode & 0xff, 0, CLASS_IN)}`;
}

/** Offset behind the name that starts after the header; 0 where it is malformed. A pointer there could only point into the header. */
function skipName(bytes: Buffer): number {
  let at = HEADER_BYTES;
  for (;;) {
    const length = bytes[at];
    if (length === undefined || length > MAX_LABEL_BYTES) return 0;
    at += length + 1;
    if (at - HEADER_BYTES > MAX_NAME_BYTES) return 0;
    if (length === 0) return at;
  }
}

function keyOf(bytes: Buffer, questionEnd: number): string {
  const nameEnd = questionEnd - 4;
  const key = bytes.toString('latin1', HEADER_BYTES, questionEnd);
  for (let i = HEADER_BYTES; i < nameEnd; i++) {
    const octet = bytes[i] ?? 0;
    if (octet === lowerOctet(octet)) continue;
    return lowerAscii(key.slice(0, -4)) + key.slice(-4);
  }
  return key;
}

/** Not `toLowerCase()`: that would change octets above 127 too. */
function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function readEdns(bytes: Buffer, at: number): QueryEdns | undefined | 'malformed' {
  const hasOnlyAdditionals = bytes.readUInt32BE(6) === 0;
  const additionals = bytes.readUInt16BE(10);
  if (hasOnlyAdditionals && additionals === 0) return at === bytes.length ? undefined : 'malformed';
  const isPlainOpt =
    hasOnlyAdditionals &&
    additionals === 1 &&
    bytes.length >= at + OPT_HEAD_BYTES &&
    bytes[at] === 0 &&
    bytes.readUInt16BE(at + 1) === TYPE.OPT &&
    bytes.readUInt16BE(at + 9) === bytes.length - at - OPT_HEAD_BYTES;
  if (!isPlainOpt) return readEdnsWhole(bytes);
  return {
    udpPayloadBytes: bytes.readUInt16BE(at + 3),
    version: bytes[at + 6] ?? 0,
    isDnssecOk: ((bytes[at + 7] ?? 0) & 0x80) !== 0,
  };
}

function readEdnsWhole(bytes: Buffer): QueryEdns | undefined | 'malformed' {
  const parsed = parseMessage(bytes);
  return parsed.kind === 'message' ? parsed.message.edns : 'malformed';
}
