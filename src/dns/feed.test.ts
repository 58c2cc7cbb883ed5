// Both ends of the feed over a real unix socket: whole zones and differences, restarts of either side, and peers that speak nonsense.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { eventually } from '../../test/support/eventually.ts';
import { parseCidr } from '../base/cidr.ts';
import { parseIp } from '../base/ip.ts';
import { systemClock } from '../base/clock.ts';
import { Lifetime } from '../base/lifetime.ts';
import { nameEntryKey, type NameEntry, type NameZone } from '../model/names.ts';
import { parseDnsName } from '../wire/dns/name.ts';
import { changeRequests } from './feed-change.ts';
import { connectZoneFeed, type ZoneFeed, type ZoneFeedState } from './feed.ts';
import { MAX_ANSWERS } from './feed-answers.ts';
import { FEED_VERSION } from './feed-protocol.ts';
import { frameJson, JsonFramer, MAX_FRAME_BYTES } from './json-frames.ts';
import { openFeedServer } from './feed-server.ts';
import { parseNameEntry } from './zone-json.ts';
import { ZoneState } from './zone-state.ts';

let folder = '';
let socketPath = '';
let lifetime = new Lifetime('feed test');
let end = new AbortController();
const feeds: ZoneFeed[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 't-dns-feed-'));
  socketPath = path.join(folder, 'dns.sock');
  lifetime = new Lifetime('feed test');
  end = new AbortController();
});

afterEach(async () => {
  end.abort();
  for (const feed of feeds.splice(0)) await feed.closed;
  await lifetime.close();
  rmSync(folder, { recursive: true });
});

function service(name: string, ip = '10.96.0.1'): NameEntry {
  return parseNameEntry({ kind: 'cluster-ip', namespace: 'shop', service: name, ips: [ip], ports: [] });
}

function zoneOf(...entries: readonly NameEntry[]): NameZone {
  return {
    prefixes: [parseCidr('10.96.0.0/16')],
    entries: new Map(entries.map((it) => [nameEntryKey(it), it])),
  };
}

async function aServer(state = new ZoneState(), of = lifetime) {
  const events: string[] = [];
  await openFeedServer(socketPath, state, of, {
    onApplied: ({ revision, isWhole }) => events.push(`${isWhole ? 'whole' : 'change'} ${revision}`),
    onSearchLists: (lists) => events.push(`lists ${JSON.stringify(lists)}`),
    onAnswered: (all) => {
      for (const { client, name, typeCode, isDnssecOk, count } of all)
        events.push(`${count} for ${client} of ${name} ${typeCode}${isDnssecOk ? ' do' : ''}`);
    },
    onConnected: (isConnected) => events.push(isConnected ? 'connected' : 'disconnected'),
    onError: () => events.push('refused'),
    configure: (corefile) => {
      events.push(`corefile ${corefile ?? 'none'}`);
      return corefile === 'bad' ? 'it is bad' : undefined;
    },
  });
  return { state, events };
}

function aFeed(onState?: (state: ZoneFeedState) => void): ZoneFeed {
  const feed = connectZoneFeed(socketPath, {
    clock: systemClock,
    random: () => 0,
    signal: end.signal,
    ...(onState === undefined ? {} : { onState }),
  });
  feeds.push(feed);
  return feed;
}

const soon = (): AbortSignal => AbortSignal.timeout(5000);
const servicesOf = (state: ZoneState): string[] => [...state.index.entries.keys()].sort();

test('the first zone goes whole, then only what changed', async () => {
  const { state, events } = await aServer();
  const feed = aFeed();
  feed.publish(zoneOf(service('a'), service('b')));
  await feed.whenApplied(1, soon());
  assert.deepEqual(servicesOf(state), ['service/shop/a', 'service/shop/b']);
  feed.publish(zoneOf(service('b', '10.96.0.9'), service('c')));
  await feed.whenApplied(2, soon());
  assert.deepEqual(servicesOf(state), ['service/shop/b', 'service/shop/c']);
  assert.deepEqual(state.index.service('shop', 'b'), service('b', '10.96.0.9'));
  assert.deepEqual(events, ['connected', 'whole 1', 'change 2']);
  assert.equal(feed.appliedRevision, 2);
  assert.equal(statSync(socketPath).mode & 0o777, 0o600);
});

test('many zones published at once are sent as the newest', async () => {
  const { events } = await aServer();
  const feed = aFeed();
  for (let i = 1; i <= 50; i++) feed.publish(zoneOf(service(`s${i}`)));
  await feed.whenApplied(50, soon());
  assert.ok(events.length <= 4, events.join());
  assert.equal(events.at(-1), 'whole 50');
});

test('a feed that starts before the DNS process brings the zone when it is there', async () => {
  const states: string[] = [];
  const feed = aFeed((state) => states.push(state.kind));
  feed.publish(zoneOf(service('a')));
  await eventually(() => states.length === 1);
  const { state } = await aServer();
  await feed.whenApplied(1, soon());
  assert.deepEqual(servicesOf(state), ['service/shop/a']);
  assert.deepEqual(states, ['disconnected', 'connected']);
});

test('a DNS process that comes back gets the whole zone again', async () => {
  const first = new Lifetime('first');
  await aServer(new ZoneState(), first);
  const feed = aFeed();
  feed.publish(zoneOf(service('a')));
  await feed.whenApplied(1, soon());
  await first.close();
  const { state, events } = await aServer();
  await eventually(() => state.isKnown);
  assert.deepEqual(servicesOf(state), ['service/shop/a']);
  assert.ok(events.includes('whole 1'));
});

test('a restarted agent takes over from one whose connection hangs', async () => {
  const { state, events } = await aServer();
  const hung = connect(socketPath);
  hung.on('error', () => undefined);
  await eventually(() => events.includes('connected'));
  const feed = aFeed();
  feed.publish(zoneOf(service('a')));
  await feed.whenApplied(1, soon());
  assert.ok(state.isKnown);
  await eventually(() => hung.destroyed);
});

test('a wait for a revision ends with its signal', async () => {
  const feed = aFeed();
  const given = new AbortController();
  const waiting = feed.whenApplied(1, given.signal);
  given.abort();
  await assert.rejects(waiting, /given up/);
});

test('a large zone goes in frames of bounded size', async () => {
  const many = Array.from({ length: 5000 }, (_, i) => service(`service-${i}`));
  const requests = [...changeRequests(undefined, zoneOf(...many), 1)];
  assert.ok(requests.length > 5);
  assert.ok(requests.every((request) => frameJson(request).length < 256 * 1024));
  const { state } = await aServer();
  const feed = aFeed();
  feed.publish(zoneOf(...many));
  await feed.whenApplied(1, soon());
  assert.equal(state.index.entries.size, 5000);
  feed.publish(zoneOf());
  await feed.whenApplied(2, soon());
  assert.equal(state.index.entries.size, 0);
});

const LISTS = [
  { searches: ['shop.svc.cluster.local', 'cluster.local'].map(parseDnsName), ips: [parseIp('10.244.1.7')] },
];

test('search lists go beside the zone, again to a DNS process that comes back', async () => {
  const first = new Lifetime('first');
  const { events } = await aServer(new ZoneState(), first);
  const feed = aFeed();
  feed.complete(LISTS);
  feed.publish(zoneOf(service('a')));
  await feed.whenApplied(1, soon());
  await eventually(() => events.includes(`lists ${JSON.stringify(LISTS)}`));
  feed.complete([]);
  await eventually(() => events.at(-1) === 'lists []');
  await first.close();
  const { events: again } = await aServer();
  await eventually(() => again.includes('lists []'));
});

const ANSWERS = {
  client: parseIp('10.244.1.7'),
  name: parseDnsName('web.shop.svc.cluster.local'),
  typeCode: 1,
  isDnssecOk: false,
  count: 3,
};

interface SentRequest {
  readonly kind: string;
  readonly version?: number;
}

/** A socket on the way to the server; where `refusal` says something the request goes no further, and the connection ends with that. */
async function aWay(refusal: (request: SentRequest) => Buffer | undefined): Promise<string> {
  const way = path.join(folder, 'way.sock');
  const server = createServer((socket) => {
    const onward = connect(socketPath);
    const framer = new JsonFramer();
    for (const end of [socket, onward]) end.on('error', () => undefined);
    socket.on('close', () => onward.destroy());
    onward.pipe(socket);
    socket.on('data', (chunk: Buffer) => {
      for (const value of framer.push(chunk)) {
        const request = value as SentRequest;
        const refused = refusal(request);
        if (refused === undefined) onward.write(frameJson(request));
        else socket.end(refused);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(way, resolve));
  lifetime.defer('way', () => new Promise((resolve) => server.close(() => resolve())));
  return way;
}

/** As a former release speaks. */
function upTo(newest: number): (request: SentRequest) => Buffer | undefined {
  return ({ version = 0 }) =>
    version <= newest
      ? undefined
      : raw({ kind: 'refused', because: `version ${version} is not spoken here` });
}

test('answers whose connection ended before they were heard are told again', async () => {
  const { events } = await aServer();
  let lost = 0;
  const way = await aWay(({ kind }) => (kind === 'answered' && lost++ === 0 ? Buffer.alloc(0) : undefined));
  const feed = connectZoneFeed(way, { clock: systemClock, random: () => 0, signal: end.signal });
  feeds.push(feed);
  await eventually(() => assert.ok(feed.isListening));
  feed.tell([ANSWERS]);
  await eventually(() => assert.equal(told(events).length, 1));
  await eventually(() => assert.ok(feed.isListening));
  assert.equal(lost, 2);
  end.abort();
  await feed.closed;
});

for (const { newest, hears } of [
  { newest: 1, hears: [] },
  { newest: 2, hears: ['corefile good', `lists ${JSON.stringify(LISTS)}`] },
])
  test(`a DNS process that speaks version ${newest} gets the zone, and no more than it knows`, async () => {
    const { state, events } = await aServer();
    const way = await aWay(upTo(newest));
    const feed = connectZoneFeed(way, { clock: systemClock, random: () => 0, signal: end.signal });
    feeds.push(feed);
    feed.configure('good');
    feed.complete(LISTS);
    feed.tell([ANSWERS]);
    feed.publish(zoneOf(service('a')));
    await feed.whenApplied(1, soon());
    await eventually(() =>
      assert.deepEqual(
        events.filter((it) => /^(corefile|lists)/.test(it)),
        hears,
      ),
    );
    feed.publish(zoneOf(service('b')));
    await feed.whenApplied(2, soon());
    assert.deepEqual([servicesOf(state), told(events)], [['service/shop/b'], []]);
    assert.equal(feed.isListening, false);
    end.abort();
    await feed.closed;
  });

test('answers of the kernel are told once each, and again only where they were not heard', async () => {
  const first = new Lifetime('first');
  const { events } = await aServer(new ZoneState(), first);
  const feed = aFeed();
  assert.equal(feed.isListening, false);
  await eventually(() => assert.ok(feed.isListening));
  feed.tell([ANSWERS, { ...ANSWERS, typeCode: 28, isDnssecOk: true, count: 1 }]);
  assert.equal(feed.isListening, false);
  await eventually(() => assert.ok(feed.isListening));
  assert.deepEqual(told(events), [
    '3 for 10.244.1.7 of web.shop.svc.cluster.local 1',
    '1 for 10.244.1.7 of web.shop.svc.cluster.local 28 do',
  ]);
  await first.close();
  await eventually(() => assert.equal(feed.isListening, false));
  feed.tell([{ ...ANSWERS, count: 5 }]);
  const { events: again } = await aServer();
  await eventually(() => assert.ok(feed.isListening));
  assert.deepEqual(told(again), ['5 for 10.244.1.7 of web.shop.svc.cluster.local 1']);
});

test('many answers go in frames of bounded size, a whole zone beside them', async () => {
  const { state, events } = await aServer();
  const feed = aFeed();
  await eventually(() => assert.ok(feed.isListening));
  feed.tell(Array.from({ length: 16_384 }, (_, i) => ({ ...ANSWERS, count: i + 1 })));
  feed.publish(zoneOf(service('a')));
  await feed.whenApplied(1, soon());
  await eventually(() => assert.ok(feed.isListening));
  assert.ok(state.isKnown);
  assert.equal(told(events).length, 16_384);
});

test('answers that are refused are not told again, and the feed goes on', async () => {
  const { state, events } = await aServer();
  const feed = aFeed();
  await eventually(() => assert.ok(feed.isListening));
  feed.tell([{ ...ANSWERS, count: 0 }]);
  await eventually(() => assert.ok(events.includes('refused')));
  await eventually(() => assert.ok(feed.isListening));
  feed.publish(zoneOf(service('a')));
  await feed.whenApplied(1, soon());
  assert.ok(state.isKnown);
  assert.deepEqual(told(events), []);
});

function told(events: readonly string[]): readonly string[] {
  return events.filter((it) => it.includes(' for '));
}

/** Sends raw octets and resolves with what came back until the server hung up. */
function speak(...frames: readonly Buffer[]): Promise<readonly unknown[]> {
  const framer = new JsonFramer();
  const replies: unknown[] = [];
  return new Promise((resolve) => {
    const socket = connect(socketPath, () => socket.write(Buffer.concat(frames)));
    socket.on('data', (chunk: Buffer) => replies.push(...framer.push(chunk)));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(replies));
  });
}

const raw = (value: unknown): Buffer => {
  const text = Buffer.from(JSON.stringify(value));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text]);
};
const tooLong = Buffer.alloc(4);
tooLong.writeUInt32BE(MAX_FRAME_BYTES + 1);
const BEGIN = { kind: 'begin', isWhole: true, revision: 5, prefixes: [] };

test('the feed brings the Corefile over, says what came of it, and brings it again after a restart', async () => {
  const first = new Lifetime('first');
  const { events } = await aServer(new ZoneState(), first);
  const feed = aFeed();
  feed.publish(zoneOf(service('a')));
  await feed.whenApplied(1, soon());
  feed.configure('bad');
  await eventually(() => assert.equal(feed.corefileRefusal, 'it is bad'));
  feed.configure('good');
  await eventually(() => assert.equal(feed.corefileRefusal, undefined));
  feed.configure('good');
  feed.configure(undefined);
  feed.publish(zoneOf(service('b')));
  await feed.whenApplied(2, soon());
  assert.deepEqual(
    events.filter((it) => it.startsWith('corefile')),
    ['corefile bad', 'corefile good', 'corefile none'],
  );
  await first.close();
  const again = await aServer();
  await eventually(() => assert.ok(again.events.includes('corefile none')));
});

const NONSENSE: readonly (readonly [string, readonly Buffer[]])[] = [
  ['a frame that is too long', [tooLong]],
  ['a frame that is no JSON', [Buffer.from([0, 0, 0, 1, 0x7b])]],
  ['a Corefile that is no text', [raw({ kind: 'corefile', text: 5 })]],
  ['a request of no kind', [raw({ kind: 'sing' })]],
  ['answers of no kernel', [raw({ kind: 'answered', answers: [{ ...ANSWERS, typeCode: 33 }] })]],
  ['answers to nobody', [raw({ kind: 'answered', answers: [{ ...ANSWERS, client: 'me' }] })]],
  ['half an answer', [raw({ kind: 'answered', answers: [{ ...ANSWERS, count: 0.5 }] })]],
  ['answers for no name', [raw({ kind: 'answered', answers: [{ ...ANSWERS, name: 'x'.repeat(64) }] })]],
  ['too many answers', [raw({ kind: 'answered', answers: Array(MAX_ANSWERS + 1).fill(ANSWERS) })]],
  ['another version', [raw({ kind: 'hello', version: FEED_VERSION + 1 })]],
  ['a version of before all', [raw({ kind: 'hello', version: 0 })]],
  [
    'a search domain that is no name',
    [raw({ kind: 'complete', lists: [{ searches: ['x'.repeat(64)], ips: ['10.244.1.7'] }] })],
  ],
  ['a change before the first whole zone', [raw({ ...BEGIN, isWhole: false })]],
  ['entries outside of a change', [raw({ kind: 'put', entries: [] })]],
  ['a begin within a change', [raw(BEGIN), raw(BEGIN)]],
  ['the end of another change', [raw(BEGIN), raw({ kind: 'commit', revision: 6 })]],
  [
    'a bad address',
    [raw(BEGIN), raw({ kind: 'put', entries: [{ kind: 'pod', namespace: 'a', ip: '1.2.3' }] })],
  ],
  [
    'a bad label',
    [raw(BEGIN), raw({ kind: 'put', entries: [{ kind: 'pod', namespace: 'a.b', ip: '1.2.3.4' }] })],
  ],
];

for (const [name, frames] of NONSENSE) {
  test(`refuses ${name}, says why, hangs up and keeps its zone`, async () => {
    const { state, events } = await aServer();
    state.replace(zoneOf(service('kept')), 1);
    const replies = await speak(...frames);
    assert.match(JSON.stringify(replies.at(-1)), /^\{"kind":"refused","because":"Cannot/);
    assert.deepEqual(servicesOf(state), ['service/shop/kept']);
    assert.ok(events.includes('refused'));
  });
}

test('half a change is no change', async () => {
  const { state } = await aServer();
  state.replace(zoneOf(service('kept')), 1);
  const socket = connect(socketPath, () => {
    socket.write(Buffer.concat([raw(BEGIN), raw({ kind: 'put', entries: [service('new')] })]), () =>
      socket.destroy(),
    );
  });
  await new Promise((resolve) => socket.on('close', resolve));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(servicesOf(state), ['service/shop/kept']);
});

test('the feed goes on after a server that answers nonsense', async () => {
  let answered = 0;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => {
      answered++;
      socket.end(Buffer.from([0, 0, 0, 2, 0x7b, 0x7d]));
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const feed = aFeed();
  feed.publish(zoneOf(service('a')));
  await eventually(() => answered >= 2);
  await new Promise((resolve) => server.close(resolve));
  const { state } = await aServer();
  await feed.whenApplied(1, soon());
  assert.ok(state.isKnown);
});
