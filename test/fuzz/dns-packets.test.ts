// Packets of any octets and damaged questions, from pods and from strangers: no crash, no wrong sort of answer, none longer than allowed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import packet from 'dns-packet';
import fc from 'fast-check';
import { nameEntryKey } from '../../src/model/names.ts';
import { parseIp } from '../../src/base/ip.ts';
import { Responder, type DnsClient } from '../../src/dns/responder.ts';
import { SearchLists } from '../../src/dns/search-lists.ts';
import { parseNameEntry } from '../../src/dns/zone-json.ts';
import { parseDnsName } from '../../src/wire/dns/name.ts';
import { parseMessage } from '../../src/wire/dns/reader.ts';
import { outsideOfPage, questionOf, SETTINGS_OF_PAGE, zoneOfPage } from '../support/dns-specification.ts';
import { question } from '../support/dns-text.ts';

const POD = '10.4.0.9';
const STRANGER = '192.0.2.9';
const UDP_BYTES = 1232;
const HEADER_BYTES = 12;

function aResponder(onError: (error: unknown) => void): Responder {
  const zone = zoneOfPage();
  const endpoints = Array.from({ length: 200 }, (_, i) => ({
    ip: `10.4.1.${i}`,
    hostname: `pod-${i}`,
    ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
  }));
  const many = parseNameEntry({ kind: 'headless', namespace: 'default', service: 'many', endpoints });
  zone.change({ put: [many], deleted: [], prefixes: zone.index.prefixes, revision: 8 });
  assert.ok(zone.index.entries.has(nameEntryKey(many)));
  const searchLists = new SearchLists();
  const searches = ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local'].map(parseDnsName);
  searchLists.replace([{ searches, ips: [parseIp(POD)] }]);
  return new Responder({
    zone,
    settings: SETTINGS_OF_PAGE,
    outside: outsideOfPage,
    // Answers of many addresses come in one order, so that there is one answer.
    random: { fraction: () => 0, uint16: () => 1 },
    udpPayloadBytes: UDP_BYTES,
    hotBytes: 1 << 20,
    monotonicMs: () => 0,
    searchLists,
    isProven: (address) => searchLists.has(address),
    onError,
  });
}

const QUESTIONS = [
  question('kubernetes.default.svc.cluster.local A'),
  question('many.default.svc.cluster.local A', { edns: 4096 }),
  question('_http._tcp.many.default.svc.cluster.local SRV', { edns: 4096 }),
  question('_http._tcp.many.default.svc.cluster.local SRV'),
  question('100.0.4.10.in-addr.arpa PTR'),
  question('foo.default.svc.cluster.local AAAA', { edns: 1232 }),
  question('foo.default.default.svc.cluster.local A'),
  question('www.example.com.default.svc.cluster.local A'),
  question('cluster.local SOA'),
  question('a.pod.cluster.local A'),
  questionOf('version.bind TXT CH'),
];

/** A question with some octets set, cut, put in or behind. */
const damaged = (edits: number, behind: number): fc.Arbitrary<Buffer> =>
  fc
    .record({
      of: fc.constantFrom(...QUESTIONS),
      edits: fc.array(
        fc.record({
          at: fc.nat(300),
          octet: fc.oneof(fc.constantFrom(0, 1, 0x3f, 0x40, 0x80, 0xc0, 0xff), fc.nat(255)),
          how: fc.constantFrom('set', 'insert', 'cut'),
        }),
        { maxLength: edits },
      ),
      behind: fc.uint8Array({ maxLength: behind }),
    })
    .map((it) => {
      let bytes = Buffer.from(it.of);
      for (const { at, octet, how } of it.edits) {
        const place = at % (bytes.length + 1);
        if (how === 'set' && place < bytes.length) bytes[place] = octet;
        const end = how === 'cut' ? place + (octet % 8) : place;
        if (how !== 'set')
          bytes = Buffer.concat([
            bytes.subarray(0, place),
            Buffer.from(how === 'insert' ? [octet] : []),
            bytes.subarray(end),
          ]);
      }
      return Buffer.concat([bytes, it.behind]);
    });
const packets = fc.oneof(
  { weight: 8, arbitrary: damaged(6, 40) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 600 }).map((it) => Buffer.from(it)) },
);
const clients: fc.Arbitrary<DnsClient> = fc.record({
  address: fc.constantFrom(POD, STRANGER),
  transport: fc.constantFrom('udp', 'tcp'),
});

function checkAnswer(asked: Buffer, answer: Buffer, { address, transport }: DnsClient): void {
  assert.ok(asked.length >= HEADER_BYTES, 'less than a header is no question');
  assert.equal(asked.readUInt16BE(2) & 0x8000, 0, 'an answer is not answered');
  assert.equal(answer.readUInt16BE(0), asked.readUInt16BE(0));
  assert.equal(answer.readUInt16BE(2) & 0x8000, 0x8000);
  // Both codecs read what we write.
  assert.equal(parseMessage(answer).kind, 'message');
  packet.decode(answer);
  if (transport === 'tcp') return;
  assert.ok(answer.length <= UDP_BYTES, `${answer.length} octets`);
  const factor = answer.length / asked.length;
  if (address === STRANGER) assert.ok(factor <= 3, `${answer.length} octets for ${asked.length}`);
}

test('Responder answers or drops any packet, and sends nobody who has not proven its address three times what came', async () => {
  const errors: unknown[] = [];
  const responder = aResponder((error) => errors.push(error));
  await fc.assert(
    fc.asyncProperty(packets, clients, async (asked, client) => {
      const answer = await responder.respond(asked, client);
      if (answer !== undefined) checkAnswer(asked, answer, client);
      assert.deepEqual(errors, []);
    }),
    { numRuns: 5000 },
  );
});

test('Responder answers at once, where it does, what it answers later', async () => {
  const errors: unknown[] = [];
  const responder = aResponder((error) => errors.push(error));
  const room = Buffer.alloc(4096);
  let atOnce = 0;
  await fc.assert(
    fc.asyncProperty(damaged(1, 0), fc.constantFrom(POD, STRANGER), async (asked, address) => {
      const length = responder.respondAtOnce(asked, address, room);
      const answer = await responder.respond(asked, { address, transport: 'udp' });
      if (length > 0) assert.deepEqual(room.subarray(0, length), answer);
      if (length > 0) atOnce++;
      assert.deepEqual(errors, []);
    }),
    { numRuns: 5000 },
  );
  assert.ok(atOnce > 1000, `${atOnce} answered at once`);
});
