import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../base/ip.ts';
import type { PacketEvent } from '../backends/shared-bpf/packet-events.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { DeniedConnections } from './denied-connections.ts';

function anEvent(port: number, reason: PacketEvent['reason'] = 'policy-ingress'): PacketEvent {
  return {
    timeNs: 0n,
    ifindex: 7,
    reason,
    hook: 'pod-ingress',
    protocol: 6,
    source: parseIp('10.244.1.2'),
    destination: parseIp('10.244.0.2'),
    sourcePort: 40_000,
    destinationPort: port,
    lengthBytes: 60,
  };
}

test('DeniedConnections counts a connection once, whatever port it comes from, and tells when', async () => {
  const clock = new ManualClock();
  const denied = new DeniedConnections(clock);
  denied.note(anEvent(80));
  const startMs = clock.nowMs();
  await clock.advance(1000);
  denied.note({ ...anEvent(80), sourcePort: 40_001 });
  const [only, ...more] = denied.list();
  assert.deepEqual(more, []);
  assert.deepEqual([only?.packets, only?.firstMs, only?.lastMs], [2, startMs, startMs + 1000]);
  assert.equal(only?.direction, 'ingress');
});

test('DeniedConnections leaves aside what no policy denied', () => {
  const denied = new DeniedConnections(new ManualClock());
  denied.note(anEvent(80, 'spoofed-ip'));
  denied.note(anEvent(80, 'forwarded'));
  assert.deepEqual(denied.list(), []);
});

test('DeniedConnections keeps those that were seen last, and no more than it may', () => {
  const denied = new DeniedConnections(new ManualClock(), 2);
  for (const port of [1, 2, 1, 3]) denied.note(anEvent(port));
  assert.deepEqual(
    denied.list().map((it) => it.port),
    [3, 1],
  );
});
