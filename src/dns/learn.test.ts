// Both ends of what the agent learns over a real unix socket: patterns, answers, restarts of either side, and peers that speak nonsense.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { anAddress } from '../../test/support/dns-messages.ts';
import { eventually } from '../../test/support/eventually.ts';
import { systemClock } from '../base/clock.ts';
import { parseIp } from '../base/ip.ts';
import { Lifetime } from '../base/lifetime.ts';
import { parseDnsName } from '../wire/dns/name.ts';
import { frameJson, JsonFramer } from './json-frames.ts';
import { connectLearnClient, type LearnClient } from './learn-client.ts';
import { LEARN_VERSION, MAX_PATTERNS, type LearnedAnswer, type Watched } from './learn-protocol.ts';
import { openLearnServer } from './learn-server.ts';
import { NameGate } from './name-gate.ts';
import { readWatched } from './watched-file.ts';

const WATCHED: Watched = { patterns: ['www.example.com', '*.wild.net'], graceMs: 60_000 };

let folder = '';
let socketPath = '';
let lifetime = new Lifetime('learn test');
let end = new AbortController();
const clients: LearnClient[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 't-dns-learn-'));
  socketPath = path.join(folder, 'learn.sock');
  lifetime = new Lifetime('learn test');
  end = new AbortController();
});

afterEach(async () => {
  end.abort();
  for (const client of clients.splice(0)) await client.closed;
  await lifetime.close();
  rmSync(folder, { recursive: true });
});

async function aServer(of = lifetime) {
  const events: string[] = [];
  const gate = new NameGate({ clock: systemClock, signal: of.signal });
  await openLearnServer(socketPath, gate, of, {
    onWatched: ({ patterns }) => events.push(`watches ${patterns.length}`),
    onConnected: (isConnected) => events.push(isConnected ? 'connected' : 'disconnected'),
    onError: () => events.push('refused'),
  });
  return { gate, events };
}

/** Knows every answer at once, unless it is told not to. */
function aClient({ isKnowing = true }: { readonly isKnowing?: boolean } = {}) {
  const answers: LearnedAnswer[] = [];
  const client: LearnClient = connectLearnClient(socketPath, {
    clock: systemClock,
    random: Math.random,
    signal: end.signal,
    onAnswers: (all) => {
      answers.push(...all);
      if (isKnowing) client.known(all.map(({ id }) => id));
    },
    onConnected: () => undefined,
  });
  clients.push(client);
  return { client, answers };
}

function show(gate: NameGate, name: string, ip: string): void | Promise<void> {
  const question = { name: parseDnsName(name), typeCode: 1, classCode: 1 };
  return gate.observe({
    client: parseIp('10.0.0.1'),
    question,
    rcode: 0,
    answers: [anAddress(name, 30, ip)],
  });
}

test('patterns reach the DNS process, and answers wait for the agent', async () => {
  const { gate, events } = await aServer();
  const { client, answers } = aClient();
  assert.equal(client.isCurrent, false);
  client.watch(WATCHED);
  await eventually(() => client.isCurrent);
  assert.deepEqual(events, ['connected', 'watches 2']);
  await show(gate, 'a.wild.net', '192.0.2.1');
  assert.deepEqual(answers, [
    { kind: 'answer', id: 1, name: 'a.wild.net', addresses: [{ ip: '192.0.2.1', ttlS: 30 }] },
  ]);
  client.watch({ ...WATCHED, patterns: [] });
  assert.equal(client.isCurrent, false);
  await eventually(() => client.isCurrent && gate.isIdle);
});

test('a DNS process that starts anew is told the patterns again, and an agent all that is open', async () => {
  const first = new Lifetime('first');
  await aServer(first);
  const { client } = aClient();
  client.watch(WATCHED);
  await eventually(() => client.isCurrent);
  await first.close();
  await eventually(() => !client.isCurrent);
  const { gate } = await aServer();
  gate.watch(WATCHED);
  const held = show(gate, 'www.example.com', '192.0.2.1');
  await eventually(() => client.isCurrent);
  await held;
  assert.equal(gate.openCount, 0);
});

test('the agent that connected last is told', async () => {
  const { gate } = await aServer();
  const old = aClient();
  old.client.watch(WATCHED);
  await eventually(() => old.client.isCurrent);
  end.abort();
  await old.client.closed;
  end = new AbortController();
  const young = aClient();
  young.client.watch(WATCHED);
  await eventually(() => young.client.isCurrent);
  await show(gate, 'www.example.com', '192.0.2.1');
  assert.deepEqual([old.answers.length, young.answers.length], [0, 1]);
});

/** Sends frames and resolves with what came back until the server hung up. */
function speak(...values: readonly { readonly kind: string }[]): Promise<readonly unknown[]> {
  const framer = new JsonFramer();
  const replies: unknown[] = [];
  return new Promise((resolve) => {
    const socket = connect(socketPath, () => values.forEach((it) => socket.write(frameJson(it))));
    socket.on('data', (chunk: Buffer) => replies.push(...framer.push(chunk)));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(replies));
  });
}

const HELLO = { kind: 'hello', version: LEARN_VERSION };
const WATCH = { kind: 'watch', revision: 1, graceMs: 1, patterns: ['a.b'] };

type Request = Readonly<Record<string, unknown>> & { readonly kind: string };

const NONSENSE: readonly (readonly [string, readonly Request[]])[] = [
  ['another version', [{ ...HELLO, version: LEARN_VERSION + 1 }]],
  ['a request of no kind', [HELLO, { kind: 'sing' }]],
  ['patterns before hello', [WATCH]],
  ['a pattern in capitals', [HELLO, { ...WATCH, patterns: ['A.b'] }]],
  ['a pattern that is longer than names are', [HELLO, { ...WATCH, patterns: ['a'.repeat(256)] }]],
  ['a pattern that is no text', [HELLO, { ...WATCH, patterns: [7] }]],
  [
    'too many patterns',
    [HELLO, { ...WATCH, patterns: Array.from({ length: MAX_PATTERNS + 1 }, () => 'a.b') }],
  ],
  ['an endless grace', [HELLO, { ...WATCH, graceMs: 1e12 }]],
  ['ids that are none', [HELLO, { kind: 'known', ids: [-1] }]],
];

for (const [name, values] of NONSENSE)
  test(`refuses ${name}, says why, hangs up and watches what it did`, async () => {
    const { gate, events } = await aServer();
    gate.watch(WATCHED);
    const replies = await speak(...values);
    assert.match(JSON.stringify(replies.at(-1)), /^\{"kind":"refused","because":"Cannot/);
    assert.ok(events.includes('refused'));
    assert.equal(gate.isMeant({ name: parseDnsName('a.wild.net'), typeCode: 1, classCode: 1 }), true);
  });

test('readWatched() takes nothing for a file that is not there', () => {
  const log = { debug: () => undefined, warn: () => undefined };
  assert.deepEqual(readWatched(path.join(folder, 'none'), log), { patterns: [], graceMs: 0 });
});
