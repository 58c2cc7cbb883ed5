// The codec against itself, against dns-packet in both directions, and against hostile octets.

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, test } from 'node:test';
import packet, { type Answer } from 'dns-packet';
import fc from 'fast-check';
import { hasCode } from '../../base/errors.ts';
import { ipFromBytes, parseIp } from '../../base/ip.ts';
import type { DnsMessage, RecordData, ResourceRecord } from './message.ts';
import {
  canonicalName,
  isWithin,
  labelsOf,
  nameFromLabels,
  nameToBytes,
  parseDnsName,
  type DnsName,
} from './name.ts';
import { parseMessage } from './reader.ts';
import { encodeMessage } from './writer.ts';

const byteString = fc
  .uint8Array({ minLength: 1, maxLength: 20 })
  .map((bytes) => String.fromCharCode(...bytes));
const hostLabel = fc.stringMatching(/^[a-zA-Z0-9_-]{1,12}$/);
/** Few labels, so that names share suffixes and compression has work to do. */
const commonLabel = fc.constantFrom('svc', 'Cluster', 'cluster', 'local', 'a', 'web');

function names(label: fc.Arbitrary<string>): fc.Arbitrary<DnsName> {
  return fc.array(fc.oneof(label, commonLabel), { maxLength: 8 }).map(nameFromLabels);
}

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const bytes = (max: number) => fc.uint8Array({ maxLength: max });

function datas(name: fc.Arbitrary<DnsName>): fc.Arbitrary<RecordData> {
  const exactly = (length: number) =>
    fc.uint8Array({ minLength: length, maxLength: length }).map(ipFromBytes);
  return fc.oneof(
    exactly(4).map((ip): RecordData => ({ kind: 'a', ip })),
    exactly(16).map((ip): RecordData => ({ kind: 'aaaa', ip })),
    name.map((target): RecordData => ({ kind: 'cname', target })),
    name.map((target): RecordData => ({ kind: 'ns', target })),
    name.map((target): RecordData => ({ kind: 'ptr', target })),
    fc.record({ kind: fc.constant('mx' as const), preference: u16, target: name }),
    fc.record({ kind: fc.constant('srv' as const), priority: u16, weight: u16, port: u16, target: name }),
    fc
      .array(bytes(255), { minLength: 1, maxLength: 3 })
      .map((strings): RecordData => ({ kind: 'txt', strings })),
    fc.record({
      kind: fc.constant('soa' as const),
      primary: name,
      mailbox: name,
      serial: u32,
      refreshS: u32,
      retryS: u32,
      expireS: u32,
      minimumS: u32,
    }),
    fc.record({
      kind: fc.constant('unknown' as const),
      typeCode: fc.constantFrom(11, 300, 65_280),
      bytes: bytes(40),
    }),
  );
}

function records(name: fc.Arbitrary<DnsName>): fc.Arbitrary<ResourceRecord[]> {
  const ttlS = fc.integer({ min: 0, max: 0x7fff_ffff });
  const record = fc.record({ name, classCode: fc.constant(1), ttlS, data: datas(name) });
  return fc.array(record, { maxLength: 6 });
}

function messages(name: fc.Arbitrary<DnsName>): fc.Arbitrary<DnsMessage> {
  const edns = fc.record({
    udpPayloadBytes: u16,
    version: fc.constant(0),
    isDnssecOk: fc.boolean(),
    options: fc.array(fc.record({ code: fc.constant(65_001), data: bytes(10) }), { maxLength: 2 }),
  });
  return fc.record({
    id: u16,
    opcode: fc.constantFrom(0, 4, 5),
    rcode: fc.integer({ min: 0, max: 15 }),
    isResponse: fc.boolean(),
    isAuthoritative: fc.boolean(),
    isTruncated: fc.boolean(),
    isRecursionDesired: fc.boolean(),
    isRecursionAvailable: fc.boolean(),
    isAuthenticData: fc.boolean(),
    isCheckingDisabled: fc.boolean(),
    questions: fc.array(
      fc.record({ name, typeCode: fc.constantFrom(1, 28, 33), classCode: fc.constant(1) }),
      {
        maxLength: 2,
      },
    ),
    answers: records(name),
    authorities: records(name),
    additionals: records(name),
    edns: fc.option(edns, { nil: undefined }),
  });
}

describe('names', () => {
  test('text and labels are the same name, whatever octets they hold', () => {
    fc.assert(
      fc.property(fc.array(byteString, { minLength: 1, maxLength: 8 }), (labels) => {
        const name = nameFromLabels(labels);
        assert.deepEqual(labelsOf(name), labels);
        assert.equal(parseDnsName(name), name);
        assert.equal(parseDnsName(`${name}.`), name);
        assert.equal(nameToBytes(name).length, labels.join('.').length + 2);
      }),
    );
  });

  const ROWS: readonly (readonly [string, string])[] = [
    ['Web.shop.SVC.', 'Web.shop.SVC'],
    ['.', '.'],
    ['', '.'],
    ['a\\.b.c', 'a\\.b.c'],
    ['a\\046b.c', 'a\\.b.c'],
    ['a\\\\.', 'a\\\\'],
    ['sp\\032ace', 'sp\\032ace'],
  ];
  for (const [text, expected] of ROWS) {
    test(`parseDnsName() reads "${text}"`, () => assert.equal(parseDnsName(text), expected));
  }
  for (const text of [
    'a..b',
    '.a',
    'a\\',
    'a\\999',
    'x'.repeat(64),
    'é€',
    `${'abcdefg.'.repeat(32)}a`,
    'x'.repeat(2000),
  ]) {
    test(`parseDnsName() refuses "${text.slice(0, 20)}"`, () => {
      assert.throws(
        () => parseDnsName(text),
        (error) => hasCode(error, 'invalid'),
      );
    });
  }

  test('isWithin() goes by whole labels and without case', () => {
    const within = (a: string, b: string) => isWithin(parseDnsName(a), parseDnsName(b));
    assert.deepEqual(
      [
        within('a.Cluster.local', 'cluster.LOCAL'),
        within('cluster.local', 'cluster.local'),
        within('xcluster.local', 'cluster.local'),
        within('a\\.cluster.local', 'cluster.local'),
        within('local', 'cluster.local'),
        within('a', '.'),
      ],
      [true, true, false, false, false, true],
    );
  });
});

describe('messages', () => {
  test('parse(encode(message)) is the message', () => {
    fc.assert(
      fc.property(messages(names(byteString)), (message) => {
        const encoded = encodeMessage(message);
        const parsed = parseMessage(encoded.bytes);
        assert.ok(parsed.kind === 'message', JSON.stringify(parsed));
        assert.deepEqual(withLowerNames(parsed.message), withLowerNames(message));
      }),
    );
  });

  test('encode() says where each record and each time to live stands', () => {
    fc.assert(
      fc.property(messages(names(hostLabel)), (message) => {
        const { bytes: out, ttlOffsets, recordOffsets } = encodeMessage(message);
        const all = [...message.answers, ...message.authorities, ...message.additionals];
        const view = Buffer.from(out);
        assert.deepEqual(
          ttlOffsets.map((at) => view.readUInt32BE(at)),
          all.map((record) => record.ttlS),
        );
        assert.ok(recordOffsets.every((at, i) => at < (ttlOffsets[i] ?? 0)));
      }),
    );
  });

  test('dns-packet reads what we write', () => {
    fc.assert(
      fc.property(messages(names(hostLabel)), (message) => {
        const theirs = packet.decode(Buffer.from(encodeMessage(message).bytes));
        assert.equal(theirs.id, message.id);
        assert.deepEqual(
          theirs.questions?.map((it) => lower(it.name)),
          message.questions.map((it) => lower(it.name)),
        );
        assert.deepEqual((theirs.answers ?? []).map(theirText), message.answers.map(ourText));
        assert.deepEqual((theirs.authorities ?? []).map(theirText), message.authorities.map(ourText));
        const additionals = (theirs.additionals ?? []).filter((it) => it.type !== 'OPT');
        assert.deepEqual(additionals.map(theirText), message.additionals.map(ourText));
      }),
    );
  });

  test('we read what dns-packet writes', () => {
    fc.assert(
      fc.property(messages(names(hostLabel)), (message) => {
        const known = message.answers.filter(({ data }) => data.kind !== 'unknown');
        const theirs = packet.encode({
          type: 'response',
          id: message.id,
          questions: message.questions.map((it) => ({ name: lower(it.name), type: 'A', class: 'IN' })),
          answers: known.map(toTheirs),
        });
        const parsed = parseMessage(theirs);
        assert.ok(parsed.kind === 'message', JSON.stringify(parsed));
        assert.deepEqual(parsed.message.answers.map(ourText), known.map(ourText));
      }),
    );
  });

  test('compresses owners and targets, but never the target of SRV', () => {
    const name = parseDnsName('web.shop.svc.cluster.local');
    const record = (data: RecordData): ResourceRecord => ({ name, classCode: 1, ttlS: 5, data });
    const base = { ...EMPTY, questions: [{ name, typeCode: 1, classCode: 1 }] };
    const octets = (data: RecordData) =>
      encodeMessage({ ...base, answers: [record(data)] }).bytes.length - encodeMessage(base).bytes.length;
    assert.equal(octets({ kind: 'ptr', target: name }), 12 + 2);
    assert.equal(octets({ kind: 'srv', priority: 0, weight: 0, port: 1, target: name }), 12 + 6 + 28);
  });

  test('refuses a message above 65,535 octets', () => {
    const strings = Array.from({ length: 200 }, () => new Uint8Array(255));
    const record: ResourceRecord = {
      name: parseDnsName('a'),
      classCode: 1,
      ttlS: 0,
      data: { kind: 'txt', strings },
    };
    assert.throws(
      () => encodeMessage({ ...EMPTY, answers: [record, record] }),
      (error) => hasCode(error, 'invalid'),
    );
  });
});

describe('hostile octets', () => {
  test('random octets are a message or malformed, never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (junk) => {
        assert.ok(['message', 'malformed'].includes(parseMessage(junk).kind));
      }),
      { numRuns: 2000 },
    );
  });

  test('messages cut short or with flipped octets are a message or malformed, never an exception', () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 });
    fc.assert(
      fc.property(messages(names(hostLabel)), fc.nat(), flips, (message, cut, changes) => {
        const whole = encodeMessage(message).bytes;
        const shorter = parseMessage(whole.subarray(0, cut % whole.length));
        assert.equal(shorter.kind, 'malformed');
        for (const [at, value] of changes) whole[at % whole.length] = value;
        const parsed = parseMessage(whole);
        // What is read must be writable again: nothing out of bounds got in.
        if (parsed.kind === 'message') encodeMessage({ ...parsed.message, edns: undefined });
      }),
      { numRuns: 1000 },
    );
  });

  const header = [0, 1, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0];
  const tail = [0, 1, 0, 1];
  const ROWS: readonly (readonly [string, readonly number[]])[] = [
    ['a pointer to itself', [0xc0, 12, ...tail]],
    ['a pointer ahead', [0xc0, 14, ...tail, 0]],
    ['two pointers in a circle', [1, 97, 0xc0, 12, ...tail]],
    ['a label of 64 octets', [64, ...octets(64, [97]), 0, ...tail]],
    ['a reserved label type', [0x80, 0, ...tail]],
    ['a name of more than 255 octets', [...octets(128, [1, 97]), 0, ...tail]],
    ['an end within the name', [3, 97]],
    ['octets behind the end', [0, ...tail, 9]],
  ];
  for (const [name, rest] of ROWS) {
    test(`refuses ${name}`, () => {
      assert.equal(parseMessage(Uint8Array.from([...header, ...rest])).kind, 'malformed');
    });
  }

  test('a count that lies costs no memory', () => {
    const lying = Uint8Array.from([0, 1, 0x81, 0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    assert.equal(parseMessage(lying).kind, 'malformed');
  });

  test('refuses a second OPT record', () => {
    const opt = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];
    const twice = Uint8Array.from([0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, ...opt, ...opt]);
    assert.equal(parseMessage(twice).kind, 'malformed');
  });
});

const EMPTY: DnsMessage = {
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
  questions: [],
  answers: [],
  authorities: [],
  additionals: [],
  edns: undefined,
};

function octets(times: number, of: readonly number[]): number[] {
  return Array.from({ length: times }, () => of).flat();
}

function lower(name: string): string {
  return name.toLowerCase();
}

/** Compression may give a name the case of its first occurrence: names are compared without case. */
function withLowerNames(message: DnsMessage): unknown {
  return JSON.parse(JSON.stringify(message), (key: string, value: unknown) =>
    ['name', 'target', 'primary', 'mailbox'].includes(key) ? canonicalName(value as DnsName) : value,
  );
}

function hex(value: Uint8Array): string {
  return Buffer.from(value).toString('hex');
}

function ourText({ name, ttlS, data }: ResourceRecord): string {
  const text = (): string => {
    switch (data.kind) {
      case 'a':
      case 'aaaa':
        return data.ip;
      case 'cname':
      case 'ns':
      case 'ptr':
        return lower(data.target);
      case 'mx':
        return `${data.preference} ${lower(data.target)}`;
      case 'srv':
        return `${data.priority} ${data.weight} ${data.port} ${lower(data.target)}`;
      case 'txt':
        return data.strings.map(hex).join(' ');
      case 'soa':
        return `${lower(data.primary)} ${lower(data.mailbox)} ${data.serial} ${data.minimumS}`;
      case 'unknown':
        return hex(data.bytes);
      default:
        return data satisfies never;
    }
  };
  return `${lower(name)} ${ttlS} ${text()}`;
}

function theirText(record: Answer): string {
  const text = (): string => {
    switch (record.type) {
      case 'A':
      case 'AAAA':
        // dns-packet writes IPv6 its own way.
        return parseIp(record.data);
      case 'MX':
        return `${record.data.preference} ${lower(record.data.exchange)}`;
      case 'SRV':
        return `${record.data.priority} ${record.data.weight} ${record.data.port} ${lower(record.data.target)}`;
      case 'TXT':
        return [record.data]
          .flat()
          .map((it) => hex(Buffer.from(it)))
          .join(' ');
      case 'SOA':
        return `${lower(record.data.mname)} ${lower(record.data.rname)} ${record.data.serial} ${record.data.minimum}`;
      default: {
        const data: unknown = 'data' in record ? record.data : '';
        return data instanceof Uint8Array ? hex(data) : lower(String(data));
      }
    }
  };
  return `${lower(record.name)} ${'ttl' in record ? record.ttl : 0} ${text()}`;
}

function toTheirs({ name, ttlS, data }: ResourceRecord): Answer {
  const base = { name: lower(name), ttl: ttlS, class: 'IN' as const };
  switch (data.kind) {
    case 'a':
      return { ...base, type: 'A', data: data.ip };
    case 'aaaa':
      return { ...base, type: 'AAAA', data: data.ip };
    case 'cname':
      return { ...base, type: 'CNAME', data: data.target };
    case 'ns':
      return { ...base, type: 'NS', data: data.target };
    case 'ptr':
      return { ...base, type: 'PTR', data: data.target };
    case 'mx':
      return { ...base, type: 'MX', data: { preference: data.preference, exchange: data.target } };
    case 'srv': {
      const { priority, weight, port, target } = data;
      return { ...base, type: 'SRV', data: { priority, weight, port, target } };
    }
    case 'txt':
      return { ...base, type: 'TXT', data: data.strings.map((it) => Buffer.from(it)) };
    case 'soa': {
      const { primary, mailbox, serial, refreshS, retryS, expireS, minimumS } = data;
      const times = { serial, refresh: refreshS, retry: retryS, expire: expireS, minimum: minimumS };
      return { ...base, type: 'SOA', data: { mname: primary, rname: mailbox, ...times } };
    }
    case 'unknown':
      throw new Error('dns-packet writes no unknown types');
    default:
      return data satisfies never;
  }
}
