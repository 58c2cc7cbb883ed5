// Answers that wait until their addresses are open: when they go on, and what is never asked twice.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anAddress } from '../../test/support/dns-messages.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { parseIp } from '../base/ip.ts';
import { parseDnsName } from '../wire/dns/name.ts';
import type { LearnedAnswer } from './learn-protocol.ts';
import { NameGate } from './name-gate.ts';

const GRACE_MS = 60_000;

interface Rig {
  readonly gate: NameGate;
  readonly clock: ManualClock;
  readonly told: LearnedAnswer[];
  /** "result ms". */
  readonly passed: string[];
  /** Shows the gate an answer; gives "sent", or "waits" and a function that tells whether it still does. */
  readonly answer: (name: string, ttlS: number, ...ips: readonly string[]) => Shown;
  readonly end: AbortController;
}

interface Shown {
  readonly isWaiting: () => boolean;
}

function aRig({ isConnected = true }: { readonly isConnected?: boolean } = {}): Rig {
  const clock = new ManualClock();
  const end = new AbortController();
  const told: LearnedAnswer[] = [];
  const passed: string[] = [];
  const gate = new NameGate({
    clock,
    signal: end.signal,
    onPassed: ({ result, heldMs }) => passed.push(`${result} ${heldMs}`),
  });
  gate.watch({ patterns: ['www.example.com', '*.wild.net'], graceMs: GRACE_MS });
  if (isConnected) gate.connect((it) => told.push(it));
  const answer = (name: string, ttlS: number, ...ips: readonly string[]): Shown => {
    const question = { name: parseDnsName(name), typeCode: 1, classCode: 1 };
    const answers = ips.map((ip) => anAddress(name, ttlS, ip));
    if (!gate.isMeant(question)) return { isWaiting: () => false };
    const held = gate.observe({ client: parseIp('10.244.0.1'), question, rcode: 0, answers });
    let isWaiting = held instanceof Promise;
    if (held instanceof Promise) void held.then(() => (isWaiting = false));
    return { isWaiting: () => isWaiting };
  };
  return { gate, clock, told, passed, answer, end };
}

async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

test('NameGate means watched names alone, in whatever case, and none with a dot within a label', () => {
  const { gate } = aRig();
  const isMeant = (text: string): boolean =>
    gate.isMeant({ name: parseDnsName(text), typeCode: 1, classCode: 1 });
  assert.deepEqual(
    ['WWW.example.COM', 'a.b.wild.net', 'wild.net', 'example.com', 'x\\.wild.net', 'x\\.y.wild.net', '.'].map(
      isMeant,
    ),
    [true, true, false, false, false, false, false],
  );
  assert.equal(gate.isIdle, false);
  gate.watch({ patterns: [], graceMs: GRACE_MS });
  assert.equal(gate.isIdle, true);
});

test('NameGate holds an answer until its addresses are known', async () => {
  const { gate, told, answer, passed, clock } = aRig();
  const shown = answer('WWW.example.com', 30, '192.0.2.1', '192.0.2.2');
  assert.deepEqual(told, [
    {
      id: 1,
      name: 'www.example.com',
      addresses: [
        { ip: '192.0.2.1', ttlS: 30 },
        { ip: '192.0.2.2', ttlS: 30 },
      ],
    },
  ]);
  await clock.advance(400);
  assert.equal(shown.isWaiting(), true);
  gate.known(7);
  gate.known(1);
  await settled();
  assert.deepEqual([shown.isWaiting(), passed, gate.openCount], [false, ['known 400'], 0]);
});

test('NameGate lets an answer without addresses, and one that is not watched, go at once', () => {
  const { told, answer } = aRig();
  assert.deepEqual(
    [answer('www.example.com', 30).isWaiting(), answer('x.org', 30, '192.0.2.1').isWaiting()],
    [false, false],
  );
  assert.deepEqual(told, []);
});

test('NameGate asks about what is known again only where it is answered for longer, and waits only late in the grace', async () => {
  const { gate, told, answer, clock } = aRig();
  answer('www.example.com', 30, '192.0.2.1');
  gate.known(1);
  await clock.advance(10_000);
  assert.equal(answer('www.example.com', 20, '192.0.2.1').isWaiting(), false);
  assert.equal(told.length, 1, 'an answer out of a cache says nothing new');
  assert.equal(answer('www.example.com', 30, '192.0.2.1').isWaiting(), false);
  assert.equal(told.length, 2, 'a new one does, and need not wait');
  gate.known(2);
  await clock.advance(30_000 + GRACE_MS / 2 + 1);
  assert.equal(answer('www.example.com', 30, '192.0.2.1').isWaiting(), true);
  assert.equal(told.length, 3);
});

test('NameGate holds an answer of which a single address is not known', () => {
  const { gate, told, answer } = aRig();
  answer('www.example.com', 30, '192.0.2.1');
  gate.known(1);
  assert.equal(answer('www.example.com', 30, '192.0.2.1', '192.0.2.2').isWaiting(), true);
  assert.deepEqual(
    told[1]?.addresses.map(({ ip }) => ip),
    ['192.0.2.2'],
  );
});

test('NameGate asks once for answers of the same name and addresses', async () => {
  const { gate, told, answer } = aRig();
  const all = [1, 2, 3].map(() => answer('www.example.com', 30, '192.0.2.1'));
  assert.equal(told.length, 1);
  gate.known(1);
  await settled();
  assert.deepEqual(
    all.map((it) => it.isWaiting()),
    [false, false, false],
  );
});

test('NameGate sends an answer after a second, whatever is known, and hears of it later still', async () => {
  const { gate, told, answer, clock, passed } = aRig({ isConnected: false });
  const shown = answer('www.example.com', 30, '192.0.2.1');
  await clock.advance(999);
  assert.equal(shown.isWaiting(), true);
  await clock.advance(1);
  assert.deepEqual([shown.isWaiting(), passed], [false, ['late 1000']]);
  gate.connect((it) => told.push(it));
  gate.watch({ patterns: ['www.example.com'], graceMs: GRACE_MS });
  assert.deepEqual(
    told.map(({ id }) => id),
    [1],
  );
  gate.known(1);
  assert.equal(answer('www.example.com', 25, '192.0.2.1').isWaiting(), false);
});

test('NameGate holds answers of a name that waited in vain no more, until somebody listens', async () => {
  const { gate, told, answer, clock, passed } = aRig({ isConnected: false });
  answer('www.example.com', 30, '192.0.2.1');
  await clock.advance(1_000);
  assert.equal(answer('www.example.com', 30, '192.0.2.1').isWaiting(), false);
  assert.equal(answer('www.example.com', 30, '192.0.2.2').isWaiting(), false);
  assert.equal(answer('other.wild.net', 30, '192.0.2.2').isWaiting(), true);
  assert.deepEqual(passed, ['late 1000', 'late 0', 'late 0']);
  gate.connect((it) => told.push(it));
  gate.watch({ patterns: ['www.example.com'], graceMs: GRACE_MS });
  assert.deepEqual(
    told.map(({ addresses }) => addresses[0]?.ip),
    ['192.0.2.1', '192.0.2.2'],
  );
  assert.equal(answer('www.example.com', 30, '192.0.2.3').isWaiting(), true);
});

test('NameGate tells whoever connects nothing whose time is over, nor what is watched no more', async () => {
  const { gate, told, answer, clock } = aRig({ isConnected: false });
  answer('www.example.com', 30, '192.0.2.1');
  answer('a.wild.net', 3000, '192.0.2.1');
  await clock.advance(30_000 + GRACE_MS + 1);
  gate.connect((it) => told.push(it));
  gate.watch({ patterns: ['www.example.com'], graceMs: GRACE_MS });
  assert.deepEqual([told, gate.openCount], [[], 0]);
});

for (const { name, forget } of [
  { name: 'it is told to', forget: ({ gate }: Rig) => gate.forget() },
  { name: 'somebody else listens', forget: ({ gate, told }: Rig) => gate.connect((it) => told.push(it)) },
  {
    name: 'other names are watched',
    forget: ({ gate }: Rig) => gate.watch({ patterns: ['www.example.com'], graceMs: GRACE_MS }),
  },
])
  test(`NameGate asks about all again where ${name}`, () => {
    const rig = aRig();
    rig.answer('www.example.com', 30, '192.0.2.1');
    rig.gate.known(1);
    forget(rig);
    assert.equal(rig.answer('www.example.com', 30, '192.0.2.1').isWaiting(), true);
  });

test('NameGate keeps what is known when nobody listens any more', () => {
  const { gate, answer } = aRig({ isConnected: false });
  const [tell, other] = [() => undefined, () => undefined];
  gate.connect(tell);
  answer('www.example.com', 30, '192.0.2.1');
  gate.known(1);
  gate.disconnect(other);
  gate.disconnect(tell);
  assert.equal(answer('www.example.com', 30, '192.0.2.1').isWaiting(), false);
  assert.equal(answer('www.example.com', 30, '192.0.2.9').isWaiting(), true);
});

test('NameGate lets answers go where too many wait, and forgets those that nobody took note of', async () => {
  const { gate, answer, clock, passed } = aRig({ isConnected: false });
  for (let i = 0; i < 1024; i++) answer(`n${i}.wild.net`, 30, '192.0.2.1');
  assert.equal(answer('more.wild.net', 30, '192.0.2.1').isWaiting(), false);
  assert.deepEqual(passed, ['crowded 0']);
  await clock.advance(1_000);
  assert.equal(answer('more.wild.net', 30, '192.0.2.1').isWaiting(), true);
  assert.equal(gate.openCount, 1024);
});

test('NameGate lets all go at its end', async () => {
  const { answer, end } = aRig();
  const shown = answer('www.example.com', 30, '192.0.2.1');
  end.abort();
  await settled();
  assert.equal(shown.isWaiting(), false);
});
