// What is answered without a turn of the loop: the same octets and the same counts as by the long way, and nothing that somebody else has a word in.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseIp } from '../base/ip.ts';
import { parseDnsName } from '../wire/dns/name.ts';
import {
  outsideOfPage,
  questionOf,
  SETTINGS_OF_PAGE,
  zoneOfPage,
} from '../../test/support/dns-specification.ts';
import { question } from '../../test/support/dns-text.ts';
import type { AnsweredQuery } from './answered-query.ts';
import { HotAnswers } from './hot-answers.ts';
import { Overrides } from './overrides.ts';
import { prepareEmpty } from './prepared-answer.ts';
import { keyOfQuestion, parseQuery, type Query } from './query.ts';
import { Responder, type ResponderParts } from './responder.ts';
import { SearchLists } from './search-lists.ts';

const POD = '10.4.0.9';
const NAME = 'kubernetes.default.svc.cluster.local';

function aBed(options: Partial<ResponderParts> = {}) {
  const zone = zoneOfPage();
  const counted: AnsweredQuery[] = [];
  const responder = new Responder({
    zone,
    settings: SETTINGS_OF_PAGE,
    outside: outsideOfPage,
    random: { fraction: () => 0, uint16: () => 1 },
    udpPayloadBytes: 1232,
    hotBytes: 1 << 20,
    monotonicMs: () => 17,
    onAnswered: (query) => counted.push(query),
    ...options,
  });
  const atOnce = (bytes: Buffer): Buffer | undefined => {
    const room = Buffer.alloc(4096, 0xee);
    const length = responder.respondAtOnce(bytes, POD, room);
    assert.ok(
      room.subarray(length).every((it) => it === 0xee),
      'nothing is written behind the answer',
    );
    return length === 0 ? undefined : room.subarray(0, length);
  };
  const respond = (bytes: Buffer) => responder.respond(bytes, { address: POD, transport: 'udp' });
  return { zone, counted, atOnce, respond };
}

describe('respondAtOnce()', () => {
  for (const text of [
    `${NAME} A`,
    `${NAME} AAAA`,
    `${NAME.toUpperCase()} A`,
    `_https._tcp.${NAME} SRV`,
    `no-name.default.svc.cluster.local A`,
    'cluster.local SOA',
  ])
    for (const edns of [undefined, 512, 4096])
      test(`writes and counts what respond() has: ${text}, EDNS ${edns}`, async () => {
        const { atOnce, respond, counted } = aBed();
        const asked = question(text, edns === undefined ? {} : { edns });
        assert.equal(atOnce(asked), undefined, 'nobody has asked before');
        assert.deepEqual(counted, []);
        const answer = await respond(asked);
        assert.deepEqual(atOnce(asked), answer);
        assert.deepEqual(counted[1], counted[0]);
        assert.equal(counted.length, 2);
      });

  test('says a name in the letters of whoever asks, and knows it in all of them', async () => {
    const { atOnce, respond } = aBed();
    await respond(question(`${NAME} A`));
    const asked = question(`KuberNetes${NAME.slice('kubernetes'.length)} A`);
    assert.deepEqual(atOnce(asked), await respond(asked));
  });

  test('leaves to respond() what is no plain question', async () => {
    const { atOnce, respond, counted } = aBed();
    const plain = question(`${NAME} A`, { edns: 1232 });
    await respond(plain);
    const version1 = Buffer.from(plain);
    version1[version1.length - 5] = 1;
    const answer = Buffer.from(plain);
    answer[2] = 0x80;
    const others = [
      version1,
      answer,
      plain.subarray(0, 11),
      plain.subarray(0, -1),
      questionOf(`${NAME} A CH`),
    ];
    for (const bytes of others) {
      assert.equal(atOnce(bytes), undefined);
      await respond(bytes);
      assert.equal(atOnce(bytes), undefined);
    }
    assert.equal(counted.length, 1 + others.length);
  });

  test('answers of the zone of now', async () => {
    const { zone, atOnce, respond } = aBed();
    const asked = question(`${NAME} A`);
    await respond(asked);
    const gone = [...zone.index.entries.keys()];
    zone.change({ put: [], deleted: gone, prefixes: [], revision: 9 });
    assert.equal(atOnce(asked), undefined);
    const answer = await respond(asked);
    assert.deepEqual(atOnce(asked), answer);
    assert.equal((answer?.readUInt16BE(2) ?? 0) & 15, 3);
  });

  test('denies no name that the search list of the client goes on with', async () => {
    const searchLists = new SearchLists();
    const { atOnce, respond } = aBed({ searchLists });
    const asked = question('nobody.default.svc.cluster.local A');
    await respond(asked);
    assert.ok(atOnce(asked));
    const searches = ['default.svc.cluster.local', 'svc.cluster.local'].map(parseDnsName);
    searchLists.replace([{ searches, ips: [parseIp(POD)] }]);
    assert.equal(atOnce(asked), undefined);
  });

  test('passes by neither an observer that is meant nor the step before the zone', async () => {
    const asked = question(`${NAME} A`);
    for (const [isIdle, isMeant, isAnswered] of [
      [true, true, true],
      [false, false, true],
      [false, true, false],
    ] as const) {
      const seen: string[] = [];
      const observer = { isIdle, isMeant: () => isMeant, observe: () => void seen.push('seen') };
      const { atOnce, respond } = aBed({ observer });
      await respond(asked);
      assert.equal(atOnce(asked) !== undefined, isAnswered);
      assert.equal(seen.length, isAnswered ? 0 : 1);
    }
    const overrides = new Overrides({ zones: [], tableOf: () => assert.fail() });
    const { atOnce, respond } = aBed({ overrides });
    await respond(asked);
    assert.equal(atOnce(asked), undefined);
  });
});

describe('HotAnswers', () => {
  const queryOf = (bytes: Buffer): Query => {
    const parsed = parseQuery(bytes);
    assert.ok(parsed.kind === 'query');
    return parsed.query;
  };

  test('keeps apart what differs by case in type or class alone, which is no case there', () => {
    const hot = new HotAnswers(1 << 20);
    const answer = prepareEmpty(0);
    const plain = question('a.b A');
    const type = plain.length - 3;
    // Of types 65 and 97 the octets are those of "A" and "a".
    plain[type] = 65;
    const other = Buffer.from(plain);
    other[type] = 97;
    assert.equal(hot.find(queryOf(plain), 1), undefined);
    hot.set(queryOf(plain).key, answer);
    assert.equal(hot.find(queryOf(plain), 1)?.prepared, answer);
    assert.equal(hot.find(queryOf(other), 1), undefined);
    assert.equal(hot.get(queryOf(other).key, 1), undefined);
    hot.set(queryOf(other).key, prepareEmpty(3));
    assert.equal(hot.find(queryOf(plain), 1), undefined, 'the later one has its place');
    assert.equal(hot.find(queryOf(other), 1)?.prepared.rcode, 3);
  });

  test('keeps no more octets than it may, however often one is set', () => {
    const hot = new HotAnswers(4000);
    for (let i = 0; i < 107; i++) hot.set(keyOfQuestion(['same'], 1), prepareEmpty(0));
    const keys = Array.from({ length: 7 }, (_, i) => keyOfQuestion([`name-${i}`], 1));
    for (const key of keys) hot.set(key, prepareEmpty(0));
    assert.equal(keys.filter((key) => hot.get(key, -1) !== undefined).length, 7);
    for (let i = 0; i < 100; i++) hot.set(keyOfQuestion([`other-${i}`], 1), prepareEmpty(0));
    assert.ok(keys.every((key) => hot.get(key, -1) === undefined));
  });
});
