// Bytes -> message. Nothing here trusts its input: every read is bounded, compression pointers only go backwards.

import { FairleadError } from '../../base/errors.ts';
import { ipFromBytes } from '../../base/ip.ts';
import { HEADER_BYTES, TYPE } from './constants.ts';
import { DnsCursor } from './cursor.ts';
import type { DnsMessage, Edns, EdnsOption, Question, RecordData, ResourceRecord } from './message.ts';
import { ROOT_NAME } from './name.ts';

/** What `parseMessage` found; `id` is undefined where not even a header was there, so that nothing can be answered. */
export type ParsedMessage =
  | { readonly kind: 'message'; readonly message: DnsMessage }
  | { readonly kind: 'malformed'; readonly id: number | undefined; readonly because: string };

/** Reads one whole message; never throws for bad bytes. Octets after the last record make it malformed. */
export function parseMessage(bytes: Uint8Array): ParsedMessage {
  const id = bytes.length >= HEADER_BYTES ? ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0) : undefined;
  try {
    return { kind: 'message', message: readMessage(new DnsCursor(bytes)) };
  } catch (error) {
    if (error instanceof FairleadError && error.code === 'invalid') {
      return { kind: 'malformed', id, because: error.message };
    }
    throw error;
  }
}

type RawRecord = { readonly kind: 'record'; readonly record: ResourceRecord } | RawOpt;
interface RawOpt {
  readonly kind: 'opt';
  readonly edns: Edns;
  readonly upperRcode: number;
}

function readMessage(cursor: DnsCursor): DnsMessage {
  const id = cursor.u16();
  const flags = cursor.u16();
  const counts = [cursor.u16(), cursor.u16(), cursor.u16(), cursor.u16()] as const;
  const questions = times(counts[0], () => readQuestion(cursor));
  const answers = plainRecords(times(counts[1], () => readRecord(cursor)));
  const authorities = plainRecords(times(counts[2], () => readRecord(cursor)));
  const { additionals, opt } = splitOpt(times(counts[3], () => readRecord(cursor)));
  cursor.expectEnd();
  return {
    id,
    opcode: (flags >> 11) & 0xf,
    rcode: (flags & 0xf) | ((opt?.upperRcode ?? 0) << 4),
    isResponse: (flags & 0x8000) !== 0,
    isAuthoritative: (flags & 0x0400) !== 0,
    isTruncated: (flags & 0x0200) !== 0,
    isRecursionDesired: (flags & 0x0100) !== 0,
    isRecursionAvailable: (flags & 0x0080) !== 0,
    isAuthenticData: (flags & 0x0020) !== 0,
    isCheckingDisabled: (flags & 0x0010) !== 0,
    questions,
    answers,
    authorities,
    additionals,
    edns: opt?.edns,
  };
}

function times<T>(count: number, read: () => T): T[] {
  const items: T[] = [];
  // A lying count ends at the first read past the end, so it costs no memory.
  for (let i = 0; i < count; i++) items.push(read());
  return items;
}

function readQuestion(cursor: DnsCursor): Question {
  return { name: cursor.name(), typeCode: cursor.u16(), classCode: cursor.u16() };
}

function plainRecords(records: readonly RawRecord[]): ResourceRecord[] {
  return records.map((it) => {
    if (it.kind === 'opt') {
      throw new FairleadError('invalid', 'Cannot read message: OPT outside of the additional section');
    }
    return it.record;
  });
}

function splitOpt(records: readonly RawRecord[]): {
  additionals: ResourceRecord[];
  opt: RawOpt | undefined;
} {
  const opts = records.filter((it) => it.kind === 'opt');
  if (opts.length > 1) throw new FairleadError('invalid', 'Cannot read message: more than one OPT record');
  return {
    additionals: records.flatMap((it) => (it.kind === 'record' ? [it.record] : [])),
    opt: opts[0],
  };
}

function readRecord(cursor: DnsCursor): RawRecord {
  const name = cursor.name();
  const typeCode = cursor.u16();
  const classCode = cursor.u16();
  const ttl = cursor.u32();
  const end = cursor.endOf(cursor.u16());
  if (typeCode === TYPE.OPT) {
    if (name !== ROOT_NAME)
      throw new FairleadError('invalid', 'Cannot read OPT record: owner is not the root');
    return readOpt(cursor, { udpPayloadBytes: classCode, ttl, end });
  }
  const data = readData(cursor, typeCode, end);
  if (cursor.offset !== end) {
    throw new FairleadError('invalid', `Cannot read record of type ${typeCode}: wrong data length`);
  }
  return { kind: 'record', record: { name, classCode, ttlS: ttl > 0x7fff_ffff ? 0 : ttl, data } };
}

function readOpt(cursor: DnsCursor, head: { udpPayloadBytes: number; ttl: number; end: number }): RawOpt {
  const options: EdnsOption[] = [];
  while (cursor.offset < head.end) {
    const code = cursor.u16();
    const data = cursor.bytes(cursor.u16());
    options.push({ code, data });
  }
  if (cursor.offset !== head.end) {
    throw new FairleadError('invalid', 'Cannot read OPT record: an option ends behind it');
  }
  const edns = {
    udpPayloadBytes: head.udpPayloadBytes,
    version: (head.ttl >>> 16) & 0xff,
    isDnssecOk: (head.ttl & 0x8000) !== 0,
    options,
  };
  return { kind: 'opt', edns, upperRcode: head.ttl >>> 24 };
}

function readData(cursor: DnsCursor, typeCode: number, end: number): RecordData {
  switch (typeCode) {
    case TYPE.A:
      return { kind: 'a', ip: ipFromBytes(exactly(cursor, end, 4)) };
    case TYPE.AAAA:
      return { kind: 'aaaa', ip: ipFromBytes(exactly(cursor, end, 16)) };
    case TYPE.CNAME:
      return { kind: 'cname', target: cursor.name() };
    case TYPE.NS:
      return { kind: 'ns', target: cursor.name() };
    case TYPE.PTR:
      return { kind: 'ptr', target: cursor.name() };
    case TYPE.MX:
      return { kind: 'mx', preference: cursor.u16(), target: cursor.name() };
    case TYPE.SRV:
      return {
        kind: 'srv',
        priority: cursor.u16(),
        weight: cursor.u16(),
        port: cursor.u16(),
        target: cursor.name(),
      };
    case TYPE.TXT:
      return { kind: 'txt', strings: readStrings(cursor, end) };
    case TYPE.SOA:
      return readSoa(cursor);
    default:
      return { kind: 'unknown', typeCode, bytes: cursor.bytes(end - cursor.offset) };
  }
}

function exactly(cursor: DnsCursor, end: number, length: number): Uint8Array {
  if (end - cursor.offset !== length) {
    throw new FairleadError('invalid', `Cannot read address record: not ${length} octets`);
  }
  return cursor.bytes(length);
}

function readStrings(cursor: DnsCursor, end: number): Uint8Array[] {
  const strings: Uint8Array[] = [];
  while (cursor.offset < end) strings.push(cursor.bytes(cursor.u8()));
  return strings;
}

function readSoa(cursor: DnsCursor): RecordData {
  return {
    kind: 'soa',
    primary: cursor.name(),
    mailbox: cursor.name(),
    serial: cursor.u32(),
    refreshS: cursor.u32(),
    retryS: cursor.u32(),
    expireS: cursor.u32(),
    minimumS: cursor.u32(),
  };
}
