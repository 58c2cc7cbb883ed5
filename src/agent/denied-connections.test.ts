import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../base/ip.ts';
import type { DeniedPacket } from '../backends/shared-policy/denied-packet.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { DeniedConnections } from './denied-connections.ts';

function aPacket(port: number): DeniedPacket {
  return {
    direction: 'ingress',
    protocol: 6,
    source: parseIp('10.244.1.2'),
    destination: parseIp('10.244.0.2'),
    port,
  };
}

test('DeniedConnections counts packets of a connection, and tells when', async () => {
  const clock = new ManualClock();
  const denied = new DeniedConnections(clock);
  denied.note(aPacket(80));
  const startMs = clock.nowMs();
  await clock.advance(1000);
  denied.note(aPacket(80));
  const [only, ...more] = denied.list();
  assert.deepEqual(more, []);
  assert.deepEqual([only?.packets, only?.firstMs, only?.lastMs], [2, startMs, startMs + 1000]);
  assert.equal(only?.direction, 'ingress');
});

test('DeniedConnections tells directions apart', () => {
  const denied = new DeniedConnections(new ManualClock());
  denied.note(aPacket(80));
  denied.note({ ...aPacket(80), direction: 'egress' });
  assert.deepEqual(
    denied.list().map((it) => it.direction),
    ['egress', 'ingress'],
  );
});

test('DeniedConnections keeps those that were seen last, and no more than it may', () => {
  const denied = new DeniedConnections(new ManualClock(), 2);
  for (const port of [1, 2, 1, 3]) denied.note(aPacket(port));
  assert.deepEqual(
    denied.list().map((it) => it.port),
    [3, 1],
  );
});
