// Message -> bytes, with name compression where RFC 3597 4 allows it (names of NS, CNAME, PTR, MX, SOA and owners, never SRV targets).

import { FairleadError } from '../../base/errors.ts';
import { ipToBytes } from '../../base/ip.ts';
import { MAX_MESSAGE_BYTES, TYPE } from './constants.ts';
import type { DnsMessage, Edns, Question, RecordData, ResourceRecord } from './message.ts';
import { canonicalName, labelsOf, type DnsName } from './name.ts';

/** The bytes of the message, and where each record's time to live stands in them. */
export interface EncodedMessage {
  readonly bytes: Uint8Array;
  /** Offsets of every record's start in the order answers, authorities, additionals; the OPT record is not among them. */
  readonly recordOffsets: readonly number[];
  /** Offsets of the 32-bit times to live, in the same order. */
  readonly ttlOffsets: readonly number[];
}

/** The bytes of one message; throws `invalid` where it exceeds 65,535 octets or a field its width. */
export function encodeMessage(message: DnsMessage): EncodedMessage {
  const writer = new DnsWriter();
  writer.u16(message.id);
  writer.u16(flagsOf(message));
  writer.u16(message.questions.length);
  writer.u16(message.answers.length);
  writer.u16(message.authorities.length);
  writer.u16(message.additionals.length + (message.edns === undefined ? 0 : 1));
  for (const question of message.questions) writeQuestion(writer, question);
  const records = [...message.answers, ...message.authorities, ...message.additionals];
  const recordOffsets: number[] = [];
  const ttlOffsets: number[] = [];
  for (const record of records) {
    recordOffsets.push(writer.offset);
    ttlOffsets.push(writeRecord(writer, record));
  }
  if (message.edns !== undefined) writeOpt(writer, message.edns, message.rcode);
  return { bytes: writer.finish(), recordOffsets, ttlOffsets };
}

/** Number of the type that `data` is of. */
export function typeCodeOf(data: RecordData): number {
  switch (data.kind) {
    case 'a':
      return TYPE.A;
    case 'aaaa':
      return TYPE.AAAA;
    case 'cname':
      return TYPE.CNAME;
    case 'ns':
      return TYPE.NS;
    case 'ptr':
      return TYPE.PTR;
    case 'srv':
      return TYPE.SRV;
    case 'txt':
      return TYPE.TXT;
    case 'soa':
      return TYPE.SOA;
    case 'mx':
      return TYPE.MX;
    case 'unknown':
      return data.typeCode;
    default:
      return data satisfies never;
  }
}

class DnsWriter {
  #bytes = new Uint8Array(512);
  #offset = 0;
  /** Canonical name -> offset of its first occurrence, for pointers. */
  readonly #names = new Map<string, number>();

  get offset(): number {
    return this.#offset;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#offset++] = value;
  }

  u16(value: number): void {
    if (value < 0 || value > 0xffff) throw new FairleadError('invalid', `Cannot write ${value} in 16 bits`);
    this.u8(value >> 8);
    this.u8(value & 0xff);
  }

  u32(value: number): void {
    this.u16(Math.floor(value / 0x1_0000));
    this.u16(value % 0x1_0000);
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#offset);
    this.#offset += bytes.length;
  }

  name(name: DnsName, mayCompress: boolean): void {
    const labels = labelsOf(name);
    // The text of the rest of a name is a key for it: escapes make it unambiguous.
    let rest: string = canonicalName(name);
    for (const label of labels) {
      const known = mayCompress ? this.#names.get(rest) : undefined;
      if (known !== undefined) return this.u16(0xc000 | known);
      if (this.#offset < 0x4000 && !this.#names.has(rest)) this.#names.set(rest, this.#offset);
      this.#label(label);
      rest = rest.slice(labelTextLength(rest) + 1);
    }
    this.u8(0);
  }

  /** Runs `write` and puts the length of what it wrote in front. */
  lengthPrefixed(write: () => void): void {
    this.u16(0);
    const start = this.#offset;
    write();
    const length = this.#offset - start;
    this.#bytes[start - 2] = length >> 8;
    this.#bytes[start - 1] = length & 0xff;
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#offset);
  }

  #label(label: string): void {
    this.u8(label.length);
    for (let i = 0; i < label.length; i++) this.u8(label.charCodeAt(i));
  }

  #reserve(length: number): void {
    const needed = this.#offset + length;
    if (needed > MAX_MESSAGE_BYTES) {
      throw new FairleadError('invalid', `Cannot write message: more than ${MAX_MESSAGE_BYTES} octets`);
    }
    if (needed <= this.#bytes.length) return;
    // Doubled, so that a long message is copied a few times at most.
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

function flagsOf(message: DnsMessage): number {
  return (
    (message.isResponse ? 0x8000 : 0) |
    ((message.opcode & 0xf) << 11) |
    (message.isAuthoritative ? 0x0400 : 0) |
    (message.isTruncated ? 0x0200 : 0) |
    (message.isRecursionDesired ? 0x0100 : 0) |
    (message.isRecursionAvailable ? 0x0080 : 0) |
    (message.isAuthenticData ? 0x0020 : 0) |
    (message.isCheckingDisabled ? 0x0010 : 0) |
    (message.rcode & 0xf)
  );
}

function writeQuestion(writer: DnsWriter, question: Question): void {
  writer.name(question.name, true);
  writer.u16(question.typeCode);
  writer.u16(question.classCode);
}

function writeRecord(writer: DnsWriter, record: ResourceRecord): number {
  writer.name(record.name, true);
  writer.u16(typeCodeOf(record.data));
  writer.u16(record.classCode);
  const ttlOffset = writer.offset;
  writer.u32(record.ttlS);
  writer.lengthPrefixed(() => writeData(writer, record.data));
  return ttlOffset;
}

function writeOpt(writer: DnsWriter, edns: Edns, rcode: number): void {
  writer.u8(0);
  writer.u16(TYPE.OPT);
  writer.u16(edns.udpPayloadBytes);
  writer.u8(rcode >> 4);
  writer.u8(edns.version);
  writer.u16(edns.isDnssecOk ? 0x8000 : 0);
  writer.lengthPrefixed(() => {
    for (const option of edns.options) {
      writer.u16(option.code);
      writer.u16(option.data.length);
      writer.bytes(option.data);
    }
  });
}

function writeData(writer: DnsWriter, data: RecordData): void {
  switch (data.kind) {
    case 'a':
    case 'aaaa':
      return writer.bytes(ipToBytes(data.ip));
    case 'cname':
    case 'ns':
    case 'ptr':
      return writer.name(data.target, true);
    case 'mx':
      writer.u16(data.preference);
      return writer.name(data.target, true);
    case 'srv':
      for (const field of [data.priority, data.weight, data.port]) writer.u16(field);
      return writer.name(data.target, false);
    case 'txt':
      return writeStrings(writer, data.strings);
    case 'soa':
      writer.name(data.primary, true);
      writer.name(data.mailbox, true);
      for (const field of [data.serial, data.refreshS, data.retryS, data.expireS, data.minimumS]) {
        writer.u32(field);
      }
      return;
    case 'unknown':
      return writer.bytes(data.bytes);
    default:
      return data satisfies never;
  }
}

function writeStrings(writer: DnsWriter, strings: readonly Uint8Array[]): void {
  for (const string of strings) {
    if (string.length > 255)
      throw new FairleadError('invalid', 'Cannot write TXT record: string over 255 octets');
    writer.u8(string.length);
    writer.bytes(string);
  }
}

/** Characters of the first label, escapes included. */
function labelTextLength(name: string): number {
  for (let i = 0; i < name.length; i++) {
    if (name[i] === '.') return i;
    // What follows a backslash is part of the label, a dot too.
    if (name[i] === '\\') i++;
  }
  return name.length;
}
