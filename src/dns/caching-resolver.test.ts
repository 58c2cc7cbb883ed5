// Names of others: what is kept, for how long, and what happens when many ask.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  aMessage,
  anAddress,
  anOutsideQuestion,
  aRecord,
  aSoa,
  outsideText,
} from '../../test/support/dns-messages.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import type { DnsMessage } from '../wire/dns/message.ts';
import { parseDnsName } from '../wire/dns/name.ts';
import { AnswerCache } from './answer-cache.ts';
import { CachingResolver, lifetimeS, type CachingResolverParts } from './caching-resolver.ts';
import type { OutsideQuestion } from './outside.ts';
import type { UpstreamQuestion } from './upstream-query.ts';

function aResolver(reply: DnsMessage | undefined, options: Partial<CachingResolverParts> = {}) {
  const clock = new ManualClock();
  const asked: UpstreamQuestion[] = [];
  const resolver = new CachingResolver({
    ask: (question) => {
      asked.push(question);
      return Promise.resolve(reply);
    },
    cache: new AnswerCache(100_000),
    clock,
    maxInFlight: 100,
    maxInFlightPerClient: 10,
    ...options,
  });
  const text = async (name: string, parts: Partial<OutsideQuestion> = {}) =>
    outsideText(name, await resolver.resolve(anOutsideQuestion(name, parts)));
  return { resolver, clock, asked, text };
}

test('CachingResolver keeps an answer for its shortest time to live, which goes down meanwhile', async () => {
  const reply = aMessage({
    answers: [anAddress('example.org', 60, '192.0.2.1'), anAddress('example.org', 30, '192.0.2.2')],
  });
  const { clock, asked, text } = aResolver(reply);
  assert.deepEqual(await text('example.org'), [
    'rcode 0',
    'example.org 60 192.0.2.1',
    'example.org 30 192.0.2.2',
  ]);
  await clock.advance(29_500);
  assert.deepEqual(await text('example.org'), [
    'rcode 0',
    'example.org 31 192.0.2.1',
    'example.org 1 192.0.2.2',
  ]);
  assert.equal(asked.length, 1);
  await clock.advance(500);
  await text('example.org');
  assert.equal(asked.length, 2);
});

test('CachingResolver keeps questions apart that differ in type, DNSSEC or checking', async () => {
  const { asked, text } = aResolver(aMessage({ answers: [anAddress('example.org', 60, '192.0.2.1')] }));
  const ask = async (): Promise<void> => {
    await text('example.org');
    await text('example.org', { typeCode: 28 });
    await text('example.org', { isDnssecOk: true });
    await text('example.org', { isCheckingDisabled: true });
  };
  await ask();
  await ask();
  assert.equal(asked.length, 4);
});

test('CachingResolver asks once for the same question on its way', async () => {
  const { asked, text } = aResolver(aMessage({ answers: [anAddress('example.org', 0, '192.0.2.1')] }));
  await Promise.all([
    text('example.org'),
    text('example.org'),
    text('example.org', { client: '10.244.1.8' }),
  ]);
  assert.equal(asked.length, 1);
  await text('example.org');
  assert.equal(asked.length, 2, 'a time to live of zero is not kept');
});

test('CachingResolver bounds what is on its way, of one client and in all', async () => {
  const lookups: string[] = [];
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const { text } = aResolver(undefined, {
    ask: async () => {
      await gate;
      return aMessage({ answers: [anAddress('x', 60, '192.0.2.1')] });
    },
    maxInFlight: 3,
    maxInFlightPerClient: 2,
    onLookup: (lookup) => lookups.push(lookup),
  });
  const waiting = [text('a1'), text('a2')];
  assert.deepEqual(await text('a3'), ['rcode 2'], 'the third of one client');
  waiting.push(text('b1', { client: '10.244.1.8' }));
  assert.deepEqual(await text('b2', { client: '10.244.1.8' }), ['rcode 2'], 'the fourth of all');
  assert.equal(lookups.join(), 'miss,miss,rejected,miss,rejected');
  release();
  await Promise.all(waiting);
  assert.deepEqual((await text('a3'))[0], 'rcode 0', 'there is room again');
});

test('CachingResolver answers SERVFAIL where nobody answered, and asks again a second later', async () => {
  const { asked, text, clock } = aResolver(undefined);
  assert.deepEqual(await text('example.org'), ['rcode 2']);
  assert.deepEqual(await text('example.org'), ['rcode 2']);
  assert.equal(asked.length, 1);
  await clock.advance(1000);
  await text('example.org');
  assert.equal(asked.length, 2);
});

test('CachingResolver marks a part as one and does not keep it', async () => {
  const reply = aMessage({ isTruncated: true, answers: [anAddress('example.org', 60, '192.0.2.1')] });
  const { resolver, asked } = aResolver(reply);
  const question = anOutsideQuestion('example.org');
  assert.equal((await resolver.resolve(question)).prepared.isPartial, true);
  await resolver.resolve(question);
  assert.equal(asked.length, 2);
});

test('CachingResolver passes on records of class IN alone', async () => {
  const chaos = { ...anAddress('example.org', 60, '192.0.2.66'), classCode: 3 };
  const { text } = aResolver(aMessage({ answers: [chaos, anAddress('example.org', 60, '192.0.2.1')] }));
  assert.deepEqual(await text('example.org'), ['rcode 0', 'example.org 60 192.0.2.1']);
});

const CNAME = aRecord('example.org', 20, { kind: 'cname', target: parseDnsName('x.example.org') });
const LIFETIMES: readonly (readonly [string, Partial<DnsMessage>, number])[] = [
  ['an address', { answers: [anAddress('example.org', 60, '192.0.2.1')] }, 60],
  ['a long-lived address', { answers: [anAddress('example.org', 86_400, '192.0.2.1')] }, 3600],
  ['a chain', { answers: [CNAME, anAddress('x.example.org', 60, '192.0.2.1')] }, 20],
  ['no such name', { rcode: 3, authorities: [aSoa('org', 900, 300)] }, 300],
  ['no such name, short SOA', { rcode: 3, authorities: [aSoa('org', 60, 300)] }, 60],
  ['no such name for days', { rcode: 3, authorities: [aSoa('org', 90_000, 90_000)] }, 1800],
  ['no such name without SOA', { rcode: 3 }, 0],
  ['no data', { authorities: [aSoa('org', 900, 300)] }, 300],
  ['a chain that ends in no data', { answers: [CNAME], authorities: [aSoa('org', 900, 300)] }, 20],
  ['a referral', { authorities: [aRecord('org', 900, { kind: 'ns', target: parseDnsName('ns.org') })] }, 0],
  ['a failure', { rcode: 2 }, 1],
  ['a part', { isTruncated: true, answers: [anAddress('example.org', 60, '192.0.2.1')] }, 0],
];

for (const [name, parts, expected] of LIFETIMES) {
  test(`lifetimeS() of ${name} is ${expected}`, () => assert.equal(lifetimeS(aMessage(parts)), expected));
}
