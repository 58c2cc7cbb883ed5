// Names of others: what is kept, for how long, and what happens when many ask.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  aMessage,
  anAddress,
  anOutsideQuestion,
  anUpstreamQuestion,
  aRecord,
  aSoa,
  outsideText,
} from '../../test/support/dns-messages.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import type { DnsMessage } from '../wire/dns/message.ts';
import { parseDnsName } from '../wire/dns/name.ts';
import { AnswerCache } from './answer-cache.ts';
import { lifetimeS } from './answer-lifetime.ts';
import { parseCache, type CacheFile } from './cache-config.ts';
import { CachingResolver, type CachingResolverParts } from './caching-resolver.ts';
import { ConfigFields } from './config-fields.ts';
import type { OutsideQuestion } from './outside.ts';
import type { UpstreamQuestion } from './upstream-query.ts';

const settingsOf = (file: CacheFile) => parseCache(new ConfigFields(file));
const DEFAULTS = settingsOf({});

function aResolver(reply: DnsMessage | undefined, options: Partial<CachingResolverParts> = {}) {
  const clock = new ManualClock();
  const asked: UpstreamQuestion[] = [];
  const resolver = new CachingResolver({
    ask: (question) => {
      asked.push(question);
      return Promise.resolve(reply);
    },
    cache: new AnswerCache(100_000),
    settings: DEFAULTS,
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

/** A resolver whose upstream gives what `next` says at the time, undefined for silence, after `next.afterMs`. */
function aChangingResolver(file: CacheFile, options: Partial<CachingResolverParts> = {}) {
  const next = { ip: '192.0.2.1', ttlS: 60, isSilent: false, afterMs: 0 };
  const lookups: string[] = [];
  const made = aResolver(undefined, {
    settings: settingsOf(file),
    onLookup: (lookup) => lookups.push(lookup),
    ...options,
    ask: async () => {
      made.asked.push(anUpstreamQuestion());
      if (next.afterMs > 0) await made.clock.sleep(next.afterMs);
      if (next.isSilent) return undefined;
      return aMessage({ answers: [anAddress('example.org', next.ttlS, next.ip)] });
    },
  });
  /** The answer's one record, or its code. */
  const ask = async (): Promise<string> => {
    const [rcode, record] = await made.text('example.org');
    return record?.replace('example.org ', '') ?? rcode ?? '';
  };
  return { ...made, next, lookups, ask };
}

test('CachingResolver brings times to live within its bounds, for clients too', async () => {
  const { ask, next, clock, asked } = aChangingResolver({ success: { minS: 10, maxS: 30 } });
  assert.equal(await ask(), '30 192.0.2.1');
  await clock.advance(29_000);
  assert.equal(await ask(), '1 192.0.2.1');
  await clock.advance(1000);
  next.ttlS = 0;
  assert.equal(await ask(), '10 192.0.2.1');
  await clock.advance(9000);
  assert.equal(await ask(), '1 192.0.2.1');
  assert.equal(asked.length, 2);
});

test('CachingResolver asks anew for what is popular before its end, and nobody waits', async () => {
  const { ask, next, clock, asked, lookups } = aChangingResolver({
    prefetch: { amount: 3, gapS: 20, percent: 20 },
  });
  await ask();
  await clock.advance(15_000);
  await ask();
  await clock.advance(15_000);
  await ask();
  assert.equal(asked.length, 1, 'popular, and half of its time is left');
  await clock.advance(18_000);
  next.ip = '192.0.2.2';
  assert.equal(await ask(), '12 192.0.2.1', 'what is there, while the new one is on its way');
  await clock.advance(0);
  assert.equal(await ask(), '60 192.0.2.2');
  assert.deepEqual([asked.length, lookups.join()], [2, 'miss,hit,hit,hit,prefetch,hit']);
  await clock.advance(55_000);
  await ask();
  assert.equal(asked.length, 2, 'a gap ended its popularity');
});

test('CachingResolver keeps a good answer to its end where asking anew fails', async () => {
  const { ask, next, clock, asked } = aChangingResolver({ prefetch: { amount: 1 } });
  await ask();
  await clock.advance(55_000);
  next.isSilent = true;
  for (let i = 0; i < 3; i++) assert.equal(await ask(), '5 192.0.2.1');
  assert.equal(asked.length, 2, 'not at each question');
  await clock.advance(5000);
  assert.equal(await ask(), 'rcode 2');
});

test('CachingResolver serves what ran out at once and asks then, where it is told to', async () => {
  const { ask, next, clock, asked, lookups } = aChangingResolver({ serveStale: { forS: 100, ttlS: 7 } });
  await ask();
  await clock.advance(70_000);
  next.ip = '192.0.2.2';
  next.afterMs = 3000;
  assert.equal(await ask(), '7 192.0.2.1');
  assert.equal(await ask(), '7 192.0.2.1');
  assert.equal(asked.length, 2, 'one question for both');
  await clock.advance(3000);
  assert.equal(await ask(), '60 192.0.2.2');
  assert.equal(lookups.join(), 'miss,stale,stale,hit');
  await clock.advance(160_000);
  next.isSilent = true;
  next.afterMs = 0;
  assert.equal(await ask(), 'rcode 2', 'beyond its bound nothing is served');
});

test('CachingResolver asks first and serves what ran out where nothing comes, where it is told to', async () => {
  const { ask, next, clock, asked } = aChangingResolver({ serveStale: { mode: 'verify', verifyMs: 1800 } });
  const askFor = async () => {
    let answer: string | undefined;
    void ask().then((it) => (answer = it));
    const tookMs = await clock.runUntil(() => answer !== undefined, 10_000);
    return `${answer} after ${tookMs}`;
  };
  await ask();
  await clock.advance(61_000);
  next.isSilent = true;
  assert.equal(await askFor(), '0 192.0.2.1 after 0');
  assert.equal(await askFor(), '0 192.0.2.1 after 0');
  assert.equal(asked.length, 2, 'a failure is not tried again at once');
  await clock.advance(5000);
  next.isSilent = false;
  next.ip = '192.0.2.2';
  next.afterMs = 2500;
  assert.equal(await askFor(), '0 192.0.2.1 after 1800');
  await clock.advance(1000);
  assert.equal(await askFor(), '60 192.0.2.2 after 0', 'what came late is there for the next one');
  await clock.advance(61_000);
  next.afterMs = 500;
  next.ip = '192.0.2.3';
  assert.equal(await askFor(), '60 192.0.2.3 after 500');
});

test('CachingResolver ends what ran out where the new answer may not be kept', async () => {
  const { ask, next, clock } = aChangingResolver({ serveStale: {} });
  await ask();
  await clock.advance(61_000);
  next.ip = '192.0.2.2';
  next.ttlS = 0;
  assert.equal(await ask(), '0 192.0.2.1');
  await clock.advance(0);
  assert.equal(await ask(), '0 192.0.2.2');
});

test('CachingResolver bounds what it asks for itself', async () => {
  const options = { maxInFlightPerClient: 1, cache: new AnswerCache(100_000) };
  const { resolver, next, clock, asked } = aChangingResolver({ serveStale: {} }, options);
  const names = ['a.example.org', 'b.example.org', 'c.example.org'];
  for (const name of names) await resolver.resolve(anOutsideQuestion(name));
  await clock.advance(61_000);
  next.afterMs = 1000;
  for (const name of names) await resolver.resolve(anOutsideQuestion(name));
  assert.equal(asked.length - names.length, 1);
  await clock.advance(1000);
});

test('CachingResolver keeps failures as long as it is told, or not at all', async () => {
  for (const [servfailS, expected] of [
    [0, 2],
    [20, 1],
  ] as const) {
    const { ask, next, clock, asked } = aChangingResolver({ servfailS });
    next.isSilent = true;
    await ask();
    await clock.advance(19_000);
    await ask();
    assert.equal(asked.length, expected);
  }
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
  test(`lifetimeS() of ${name} is ${expected}`, () =>
    assert.equal(lifetimeS(aMessage(parts), DEFAULTS), expected));
}
