// Five hundred changes of the zone in a second, by the feed, while a client asks by UDP without a pause: every answer is of a zone between those of its
// question's and of its own moment, and none is missing.

import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { questionOf, wordsOf } from '../../test/support/dns-specification.ts';
import { scaledMs } from '../../test/support/time-scale.ts';
import { ShardedMap } from '../base/sharded-map.ts';
import { systemClock } from '../base/clock.ts';
import { parseIp } from '../base/ip.ts';
import { Lifetime } from '../base/lifetime.ts';
import { parsePort } from '../base/port.ts';
import { nameEntryKey, type NameEntry } from '../model/names.ts';
import { parseDnsName } from '../wire/dns/name.ts';
import { connectZoneFeed, type ZoneFeed } from './feed.ts';
import { openFeedServer } from './feed-server.ts';
import { prepareEmpty } from './prepared-answer.ts';
import { Responder } from './responder.ts';
import { openUdpServer } from './udp-server.ts';
import { parseNameEntry } from './zone-json.ts';
import { ZoneState } from './zone-state.ts';

const PORT = 40_000 + (process.pid % 10_000);
const IP = '127.0.0.1';
const CHANGES = 1000;
const EVERY_MS = 2;
const OTHERS = 1000;
/** A busy machine answers late, and never not at all. */
const PATIENCE_MS = scaledMs(2000);

const lifetime = new Lifetime('churn');
after(() => lifetime.close());

function service(name: string, number: number): NameEntry {
  const ips = [`10.96.${number >> 8}.${number & 255}`];
  return parseNameEntry({ kind: 'cluster-ip', namespace: 'shop', service: name, ips, ports: [] });
}

async function startServer(folder: string): Promise<void> {
  const zone = new ZoneState();
  const quiet = () => undefined;
  const events = {
    configure: quiet,
    onApplied: quiet,
    onSearchLists: quiet,
    onAnswered: quiet,
    onConnected: quiet,
    onError: quiet,
  };
  await openFeedServer(path.join(folder, 'dns.sock'), zone, lifetime, events);
  const responder = new Responder({
    zone,
    settings: { domain: parseDnsName('cluster.local'), serverIps: [], ttlS: 5 },
    outside: { resolve: () => ({ prepared: prepareEmpty(5), ageS: 0 }) },
    random: { fraction: () => 0, uint16: () => 1 },
    udpPayloadBytes: 1232,
    hotBytes: 1 << 20,
    monotonicMs: () => performance.now(),
  });
  const owner = { lifetime, onError: (error: unknown) => assert.fail(String(error)) };
  openUdpServer({ ip: parseIp(IP), port: parsePort(PORT) }, responder, owner);
}

/** Publishes zone after zone, of which each has one address more than the one before: "changing" is at number n in revision n. */
async function changeAllTheTime(feed: ZoneFeed): Promise<void> {
  const others = Array.from({ length: OTHERS }, (_, i) => service(`other-${i}`, 60_000 + (i % 5000)));
  const all = [...others, service('lasting', 65_000)];
  let entries = ShardedMap.empty<NameEntry>().with(new Map(all.map((it) => [nameEntryKey(it), it])));
  const startedMs = performance.now();
  for (let number = 1; number <= CHANGES; number++) {
    entries = entries.with(new Map([['service/shop/changing', service('changing', number)]]));
    feed.publish({ prefixes: [], entries });
    const dueMs = startedMs + number * EVERY_MS;
    if (performance.now() < dueMs) await sleep(dueMs - performance.now());
  }
  await feed.whenApplied(CHANGES, AbortSignal.timeout(PATIENCE_MS));
}

async function ask(socket: Socket, name: string): Promise<string> {
  const answered = once(socket, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) });
  socket.send(questionOf(`${name}.shop.svc.cluster.local A`), PORT, IP);
  const [bytes] = (await answered) as [Buffer];
  return wordsOf(bytes).split(' ').at(-1) ?? '';
}

function numberOf(ip: string): number {
  const [, , high = '', low = ''] = ip.split('.');
  return Number(high) * 256 + Number(low);
}

test('no answer is wrong or missing while the zone changes 500 times in a second', async (t) => {
  const folder = lifetime.own('folder', mkdtempSync(path.join(tmpdir(), 't-dns-churn-')), (it) =>
    rmSync(it, { recursive: true }),
  );
  await startServer(folder);
  const feed = connectZoneFeed(path.join(folder, 'dns.sock'), {
    clock: systemClock,
    random: Math.random,
    signal: lifetime.signal,
  });
  lifetime.defer('feed', () => feed.closed);
  const socket = lifetime.own('client', createSocket('udp4'), (it) => void it.close());
  let isOver = false;
  const startedMs = performance.now();
  const changing = changeAllTheTime(feed).finally(() => (isOver = true));
  await feed.whenApplied(1, AbortSignal.timeout(PATIENCE_MS));
  let [asked, longestMs] = [0, 0];
  while (!isOver) {
    const [before, askedMs] = [feed.appliedRevision ?? 0, performance.now()];
    const number = numberOf(await ask(socket, 'changing'));
    assert.ok(
      number >= before && number <= feed.publishedRevision,
      `${number} is not from ${before} to ${feed.publishedRevision}`,
    );
    assert.equal(await ask(socket, 'lasting'), '10.96.253.232');
    longestMs = Math.max(longestMs, performance.now() - askedMs);
    asked += 2;
  }
  await changing;
  assert.equal(numberOf(await ask(socket, 'changing')), CHANGES);
  assert.ok(asked > CHANGES / 10, `${asked} questions`);
  const perSecond = Math.round(CHANGES / ((performance.now() - startedMs) / 1000));
  t.diagnostic(`${perSecond} changes and ${asked} questions, at most ${longestMs.toFixed(1)} ms for two`);
});
