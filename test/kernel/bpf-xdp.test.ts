// The program in an uplink's driver, packet by packet: what it may not carry it leaves as it came, whatever the bytes are.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { parseCidr } from '../../src/base/cidr.ts';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parseMac } from '../../src/base/mac.ts';
import { parsePort } from '../../src/base/port.ts';
import { anEbpfRow } from '../support/ebpf-row.ts';
import { openPacketLab, type PacketLab } from '../support/packet-lab.ts';
import * as p from '../support/packets.ts';

const CLIENT = '198.51.100.9';
const [VIP4, VIP6] = ['10.90.1.1', 'fd00:10:90:1::1'] as const;
const [NODE, PEER] = ['10.89.1.11', '10.89.1.12'] as const;
const PEER_MAC = '02:00:00:00:00:07';

const lifetime = new Lifetime('test');
let lab: PacketLab;

before(async () => {
  lab = await openPacketLab(lifetime);
  const { maps } = lab.bpf;
  maps.tunnelPeers.update(
    { mac: parseMac(PEER_MAC) },
    { local: parseIp(NODE), remote: parseIp(PEER), vni: 76, port: parsePort(8472) },
  );
  maps.nodeAddresses.update({ index: 0 }, { ip: parseIp(NODE) });
  const endpoints = [{ ip: parseIp('10.244.2.2'), port: parsePort(8080) }];
  const ranges = [parseCidr('203.0.113.0/24')];
  await lab.programRows([
    anEbpfRow(endpoints, { ip: parseIp(VIP4), port: parsePort(80), protocol: 'TCP' }),
    anEbpfRow(endpoints, { ip: parseIp(VIP4), port: parsePort(81), protocol: 'TCP', sourceRanges: ranges }),
  ]);
});
after(() => lifetime.close());

function segment(destination: string, destinationPort: number, source: string = CLIENT): Uint8Array {
  const ends = { source, destination };
  const payload = p.tcp({ ...ends, sourcePort: 4000, destinationPort, flags: p.ACK });
  return p.frame({ ...ends, protocol: p.TCP, payload });
}

/** A frame in another, as the tunnel's other end sends it. */
function wrapped(
  inner: Uint8Array,
  over: { readonly source?: string; readonly vni?: number } = {},
): Uint8Array {
  const ends = { source: over.source ?? PEER, destination: NODE };
  const own = inner.slice();
  own.set(
    PEER_MAC.split(':').map((it) => Number.parseInt(it, 16)),
    6,
  );
  const body = p.bytes([0x08, 0, 0, 0], p.be32((over.vni ?? 76) << 8), own);
  const payload = p.udp({
    ...ends,
    sourcePort: 50_000,
    destinationPort: 8472,
    payload: body,
    hasChecksum: false,
  });
  return p.frame({ ...ends, protocol: p.UDP, payload });
}

test('who is not in the source ranges ends here, and is counted', () => {
  lab.counted();
  assert.equal(lab.meetsDriver(segment(VIP4, 81)).verdict, 'drop');
  assert.deepEqual(lab.counted(), { 'service-source-range': 1 });
  assert.equal(lab.meetsDriver(segment(VIP4, 81, '203.0.113.5')).verdict, 'pass');
  assert.equal(lab.meetsDriver(segment(VIP4, 80)).verdict, 'pass');
  assert.deepEqual(lab.counted(), {});
});

test('whatever bytes come, what passes is as it came', () => {
  const change = fc.record({ at: fc.nat(200), value: fc.nat(255) });
  const base = fc.constantFrom(
    segment(VIP4, 80),
    segment(VIP6, 80, '2001:db8::9'),
    wrapped(segment(NODE, 8772, '10.244.2.2')),
    wrapped(segment(NODE, 8772, '10.244.2.2'), { vni: 77 }),
    wrapped(segment(NODE, 8772, '10.244.2.2'), { source: '10.89.1.13' }),
    wrapped(segment(VIP6, 80, '2001:db8::9')),
  );
  fc.assert(
    fc.property(base, fc.array(change, { maxLength: 12 }), fc.nat(160), (start, changes, cut) => {
      // The kernel's test run takes no packet that is shorter than its Ethernet header.
      const mutated = start.slice(0, Math.max(14, start.length - Math.max(0, cut - 60)));
      for (const { at, value } of changes) if (at < mutated.length) mutated[at] = value;
      const { verdict, packet } = lab.meetsDriver(mutated);
      if (verdict === 'drop') return mutated[12] === 0x08;
      assert.equal(verdict, 'pass');
      assert.deepEqual(packet, mutated);
      return true;
    }),
    { numRuns: 3000 },
  );
});
