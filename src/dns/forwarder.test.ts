// Which upstream is asked when, by which transport, and what is believed of silent ones.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aMessage, anAddress, anUpstreamQuestion } from '../../test/support/dns-messages.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import type { ExchangeOptions, ExchangeResult } from './exchange.ts';
import type { ForwardZone } from './forward-config.ts';
import { Forwarder, rootProbe } from './forwarder.ts';
import { parseUpstream } from './upstream.ts';
import { UpstreamPool } from './upstream-pool.ts';
import type { UpstreamQuery } from './upstream-query.ts';

const GOOD: ExchangeResult = {
  kind: 'reply',
  message: aMessage({ answers: [anAddress('example.org', 60, '192.0.2.1')] }),
};
const TIMEOUT: ExchangeResult = { kind: 'timeout' };
const UNREACHABLE: ExchangeResult = { kind: 'unreachable', because: 'connection refused' };
const reply = (parts: Parameters<typeof aMessage>[0]): ExchangeResult => ({
  kind: 'reply',
  message: aMessage(parts),
});

type Behaviour = (query: UpstreamQuery, options: ExchangeOptions) => ExchangeResult;

type Settings = Pick<ForwardZone, 'policy' | 'maxFails' | 'healthCheckMs' | 'forceTcp'>;

/** Upstreams by the last octet of their address; a time-out takes its time on the clock. */
function aForwarder(behaviours: Readonly<Record<string, Behaviour>>, changes: Partial<Settings> = {}) {
  const settings: Settings = {
    policy: 'random',
    maxFails: 1,
    healthCheckMs: 250,
    forceTcp: false,
    ...changes,
  };
  const { forceTcp } = settings;
  const clock = new ManualClock();
  const end = new AbortController();
  const asked: string[] = [];
  const random = { uint16: () => 7, fraction: () => 0 };
  const exchange = async (
    upstream: { readonly ip: string },
    query: UpstreamQuery,
    options: ExchangeOptions,
  ) => {
    const name = upstream.ip.split('.')[3] ?? '';
    const isProbe = query.question.labels.length === 0;
    asked.push(`${isProbe ? 'probe ' : ''}${name} ${options.transport}`);
    const result = behaviours[name]?.(query, options) ?? TIMEOUT;
    if (result.kind === 'timeout') await clock.sleep(options.timeoutMs, options.signal);
    return result;
  };
  const healths: string[] = [];
  const pool = new UpstreamPool({
    settings,
    probe: rootProbe({ exchange, random, tryTimeoutMs: 2000, forceTcp }),
    clock,
    random,
    signal: end.signal,
    onChange: (upstream, isUp) => healths.push(`${upstream.ip} ${isUp ? 'up' : 'down'}`),
  });
  pool.set(Object.keys(behaviours).map((name) => parseUpstream(`192.0.2.${name}`)));
  const limits = { tryTimeoutMs: 2000, totalTimeoutMs: 5000, udpPayloadBytes: 1232 };
  const forwarder = new Forwarder({ pool, exchange, clock, random, signal: end.signal, forceTcp, ...limits });
  /** The reply's code, or undefined; and how long it took. */
  const ask = async () => {
    let done: { rcode: number | undefined } | undefined;
    void forwarder.ask(anUpstreamQuestion()).then((message) => (done = { rcode: message?.rcode }));
    const tookMs = await clock.runUntil(() => done !== undefined, 60_000);
    return { rcode: done?.rcode, tookMs };
  };
  return { ask, asked, clock, changes: healths, pool, end };
}

test('Forwarder asks another upstream when one is silent', async () => {
  const { ask, asked } = aForwarder({ 1: () => TIMEOUT, 2: () => GOOD });
  assert.deepEqual(await ask(), { rcode: 0, tookMs: 2000 });
  assert.deepEqual(asked, ['1 udp', '2 udp']);
});

test('Forwarder asks by TCP in the second round, for where UDP is lost', async () => {
  const { ask, asked } = aForwarder({ 1: (_query, { transport }) => (transport === 'udp' ? TIMEOUT : GOOD) });
  assert.deepEqual(await ask(), { rcode: 0, tookMs: 2000 });
  assert.deepEqual(asked, ['1 udp', '1 tcp']);
});

test('Forwarder ends when the time for all is over', async () => {
  const { ask, asked } = aForwarder({ 1: () => TIMEOUT, 2: () => TIMEOUT, 3: () => TIMEOUT });
  assert.deepEqual(await ask(), { rcode: undefined, tookMs: 5000 });
  assert.deepEqual(asked, ['1 udp', '2 udp', '3 udp']);
});

test('Forwarder fails at once where nobody is there', async () => {
  const { ask, asked } = aForwarder({ 1: () => UNREACHABLE, 2: () => UNREACHABLE });
  assert.deepEqual(await ask(), { rcode: undefined, tookMs: 0 });
  assert.deepEqual(asked, ['1 udp', '2 udp']);
  assert.deepEqual(await aForwarder({}).ask(), { rcode: undefined, tookMs: 0 });
});

test('Forwarder takes the answer of another upstream over a refusal, but a refusal over nothing', async () => {
  const refusing = aForwarder({ 1: () => reply({ rcode: 5 }), 2: () => GOOD });
  assert.equal((await refusing.ask()).rcode, 0);
  const failing = aForwarder({ 1: () => reply({ rcode: 2 }), 2: () => UNREACHABLE });
  assert.deepEqual(await failing.ask(), { rcode: 2, tookMs: 0 });
  const denying = aForwarder({ 1: () => reply({ rcode: 3 }), 2: () => GOOD });
  assert.equal((await denying.ask()).rcode, 3, 'that a name does not exist is an answer');
});

test('Forwarder asks again by TCP when the answer is truncated', async () => {
  const { ask, asked } = aForwarder({
    1: (_query, { transport }) => (transport === 'udp' ? reply({ isTruncated: true }) : GOOD),
  });
  assert.equal((await ask()).rcode, 0);
  assert.deepEqual(asked, ['1 udp', '1 tcp']);
});

test('Forwarder asks without EDNS a server that does not understand it', async () => {
  const sizes: number[] = [];
  const { ask } = aForwarder({
    1: (query) => {
      sizes.push(query.bytes.length);
      return sizes.length === 1 ? reply({ rcode: 1 }) : GOOD;
    },
  });
  assert.equal((await ask()).rcode, 0);
  assert.equal((sizes[0] ?? 0) - (sizes[1] ?? 0), 11, 'the OPT record is gone');
});

test('UpstreamPool leaves out a silent upstream once a probe fails too, until a probe is answered', async () => {
  let isAlive = false;
  const { ask, asked, clock, changes, pool, end } = aForwarder({
    1: () => (isAlive ? GOOD : TIMEOUT),
    2: () => GOOD,
  });
  for (let i = 0; i < 3; i++) await ask();
  await clock.advance(1000);
  assert.deepEqual(changes, ['192.0.2.1 down']);
  asked.length = 0;
  assert.deepEqual(await ask(), { rcode: 0, tookMs: 0 }, 'nobody waits for it any more');
  assert.deepEqual(
    asked.filter((it) => !it.startsWith('probe')),
    ['2 udp'],
  );
  await clock.advance(60_000);
  const probes = asked.filter((it) => it.startsWith('probe')).length;
  assert.ok(probes >= 5 && probes <= 30, `${probes} probes in a minute`);
  isAlive = true;
  await clock.advance(11_000);
  assert.deepEqual(changes, ['192.0.2.1 down', '192.0.2.1 up']);
  assert.equal(pool.candidates().length, 2);
  end.abort();
});

test('UpstreamPool keeps an upstream that answers probes, however many names it is silent about', async () => {
  const { ask, changes, clock, end } = aForwarder({
    1: (query) => (query.question.labels.length === 0 ? GOOD : TIMEOUT),
  });
  for (let i = 0; i < 5; i++) await ask();
  await clock.advance(30_000);
  assert.deepEqual(changes, []);
  end.abort();
});

test('UpstreamPool keeps to its policy', async () => {
  const firsts = async (policy: Settings['policy']) => {
    const { ask, asked } = aForwarder({ 1: () => GOOD, 2: () => GOOD, 3: () => GOOD }, { policy });
    for (let i = 0; i < 4; i++) await ask();
    return asked.map((it) => it.charAt(0)).join('');
  };
  assert.equal(await firsts('round_robin'), '1231');
  assert.equal(await firsts('sequential'), '1111');
});

test('UpstreamPool believes an upstream dead after as many failed probes as it is told, or never', async () => {
  const aSilentOne = async (maxFails: number) => {
    const { ask, clock, changes, end } = aForwarder({ 1: () => TIMEOUT, 2: () => GOOD }, { maxFails });
    for (let i = 0; i < 3; i++) await ask();
    await clock.advance(1500);
    const early = changes.length;
    await clock.advance(30_000);
    end.abort();
    return [early, changes.length];
  };
  assert.deepEqual(await aSilentOne(1), [1, 1]);
  assert.deepEqual(await aSilentOne(3), [0, 1]);
  assert.deepEqual(await aSilentOne(0), [0, 0]);
});

test('Forwarder never asks by UDP where it is told so', async () => {
  const { ask, asked, clock, end } = aForwarder({ 1: () => TIMEOUT }, { forceTcp: true });
  await ask();
  await ask();
  await clock.advance(2000);
  assert.deepEqual([...new Set(asked)], ['1 tcp', 'probe 1 tcp']);
  end.abort();
});
