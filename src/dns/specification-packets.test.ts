// docs/dns-specification.md holds: what it says of packets and sizes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import packet from 'dns-packet';
import {
  CLIENT,
  STRANGER,
  questionOf,
  responderOfPage,
  rowsOf,
  wordsOf,
} from '../../test/support/dns-specification.ts';
import { question } from '../../test/support/dns-text.ts';
import type { DnsClient } from './responder.ts';
import { parseNameEntry } from './zone-json.ts';
import { ZoneState } from './zone-state.ts';

const ASKED = 'kubernetes.default.svc.cluster.local A';
const HEADER_BYTES = 12;

/** The question with the 16 bits at `at` set. */
function withBits(at: number, bits: number, bytes = questionOf(ASKED)): Buffer {
  bytes.writeUInt16BE(bits, at);
  return bytes;
}

/** A header of one question, and these octets behind it. */
function asked(...octets: readonly number[]): Buffer {
  return Buffer.concat([questionOf(ASKED).subarray(0, HEADER_BYTES), Buffer.from(octets)]);
}

/** An OPT record: version, DO bit, options. */
function opt(version: number, flags: number, options: readonly number[] = []): Buffer {
  return Buffer.from([0, 0, 41, 16, 0, 0, version, flags, 0, 0, options.length, ...options]);
}

function withRecords(...records: readonly Buffer[]): Buffer {
  return withBits(10, records.length, Buffer.concat([questionOf(ASKED), ...records]));
}

const label = (length: number): readonly number[] => [length, ...Array.from({ length }, () => 0x61)];
const TYPE_A = [0, 1, 0, 1];

const PACKETS: Readonly<Record<string, () => Buffer>> = {
  'eleven octets': () => questionOf(ASKED).subarray(0, HEADER_BYTES - 1),
  'an answer': () => withBits(2, 0x8180),
  'opcode STATUS': () => withBits(2, 2 << 11),
  'opcode NOTIFY': () => withBits(2, 4 << 11),
  'opcode UPDATE': () => withBits(2, 5 << 11),
  'no question': () => withBits(4, 0),
  'two questions': () =>
    withBits(4, 2, Buffer.concat([questionOf(ASKED), questionOf(ASKED).subarray(HEADER_BYTES)])),
  'a name that is cut short': () => questionOf(ASKED).subarray(0, HEADER_BYTES + 9),
  'a compressed name': () => asked(0xc0, HEADER_BYTES, ...TYPE_A),
  'a label of 64 octets': () => asked(...label(64), 0, ...TYPE_A),
  'a name of 256 octets': () => asked(...label(63), ...label(63), ...label(63), ...label(62), 0, ...TYPE_A),
  'an octet behind the question': () => asked(...questionOf(ASKED).subarray(HEADER_BYTES), 0),
  'two OPT records': () => withRecords(opt(0, 0), opt(0, 0)),
  'EDNS version 1': () => withRecords(opt(1, 0)),
  'an EDNS option that nobody knows': () => withRecords(opt(0, 0, [0xfd, 0xe9, 0, 2, 1, 2])),
  'EDNS with the DO bit': () => withRecords(opt(0, 0x80)),
};

test('every packet of the page is sent', () => {
  assert.deepEqual(new Set(rowsOf('Packets').map(([what]) => what)), new Set(Object.keys(PACKETS)));
});

/** With the code of which the upper bits are in the OPT record. */
function codeAndWords(answer: Buffer): string {
  const found = packet.decode(answer).additionals?.find((it) => it.type === 'OPT');
  return found?.extendedRcode === 1 ? 'BADVERS' : wordsOf(answer);
}

for (const [what = '', expected] of rowsOf('Packets'))
  test(`Packets: ${what}`, async () => {
    const answer = await responderOfPage().respond(PACKETS[what]?.() ?? Buffer.alloc(0), CLIENT);
    assert.equal(answer === undefined ? 'nothing' : codeAndWords(answer), expected);
  });

test('the DO bit of a question is that of its answer', async () => {
  for (const flags of [0, 0x80]) {
    const answer = await responderOfPage().respond(withRecords(opt(0, flags)), CLIENT);
    const found = packet.decode(answer ?? Buffer.alloc(0)).additionals?.[0];
    assert.equal(found?.type === 'OPT' && found.flag_do, flags !== 0);
  }
});

function manyPods(): ZoneState {
  const zone = new ZoneState();
  const endpoints = Array.from({ length: 200 }, (_, i) => ({ ip: `10.4.1.${i}`, ports: [] }));
  const entry = parseNameEntry({ kind: 'headless', namespace: 'default', service: 'many', endpoints });
  zone.replace({ prefixes: [], entries: new Map([['service/default/many', entry]]) }, 1);
  return zone;
}

for (const [what = '', expected] of rowsOf('Sizes'))
  test(`Sizes: ${what}`, async () => {
    const [, transport = '', edns] = /^(UDP|TCP)(?: by a stranger)?(?:, EDNS (\d+))?/.exec(what) ?? [];
    const address = what.includes('stranger') ? STRANGER : CLIENT.address;
    const client: DnsClient = { address, transport: transport === 'TCP' ? 'tcp' : 'udp' };
    const options = edns === undefined ? {} : { edns: Number(edns) };
    const asks = question('many.default.svc.cluster.local A', options);
    const answer = (await responderOfPage(manyPods()).respond(asks, client)) ?? Buffer.alloc(0);
    const [code, ...records] = wordsOf(answer).split('<br>');
    assert.equal(`${code}, ${records.length} addresses, ${answer.length} octets`, expected);
  });
