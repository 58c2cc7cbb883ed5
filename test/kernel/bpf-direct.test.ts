// What other nodes hand over by the tunnel, packet by packet: the loopback that programs are tried on stands for the tunnel. To another node's own address
// only what a flow or a frontend is known for goes on: the stack would send the rest back.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parseMac } from '../../src/base/mac.ts';
import { parsePort } from '../../src/base/port.ts';
import { TEST_IFINDEX } from '../../src/sys/bpf-test-run.ts';
import { NODE_LINK_FLAGS } from '../../src/wire/bpf-maps-links.ts';
import { anEbpfRow } from '../support/ebpf-row.ts';
import { openPacketLab, readRun, type PacketLab } from '../support/packet-lab.ts';
import * as p from '../support/packets.ts';

const FAMILIES = [
  { name: 'IPv4', client: '198.51.100.9', node: '10.89.1.12', peer: '10.89.1.11', pod: '10.244.2.2', unreachable: 3 },
  { name: 'IPv6', client: '2001:db8::9', node: 'fd00:10:89:1::12', peer: 'fd00:10:89:1::11', pod: 'fd00:10:244:2::2', unreachable: 1 },
] as const; // prettier-ignore
const [DIRECT, HIDDEN] = [30_080, 30_081];

const lifetime = new Lifetime('test');
let lab: PacketLab;

before(async () => {
  lab = await openPacketLab(lifetime);
  const { nodeLinks, nodeAddresses, peerAddresses } = lab.bpf.maps;
  nodeLinks.update({ ifindex: TEST_IFINDEX }, { flags: NODE_LINK_FLAGS.tunnel });
  lifetime.defer('link', () => nodeLinks.delete({ ifindex: TEST_IFINDEX }));
  for (const [index, { node, peer }] of FAMILIES.entries()) {
    nodeAddresses.update({ index }, { ip: parseIp(node) });
    peerAddresses.update({ ip: parseIp(peer) }, { mac: parseMac('02:00:00:00:00:11') });
  }
  await lab.programRows(
    FAMILIES.flatMap(({ node, pod }) =>
      (['TCP', 'UDP'] as const).flatMap((protocol) => {
        const endpoints = [{ ip: parseIp(pod), port: parsePort(8080) }];
        const at = { ip: parseIp(node), protocol };
        return [
          anEbpfRow(endpoints, { ...at, port: parsePort(DIRECT), direct: endpoints }),
          anEbpfRow(endpoints, { ...at, port: parsePort(HIDDEN) }),
        ];
      }),
    ),
  );
});
after(() => lifetime.close());
beforeEach(() => lab.counted());

for (const { name, client, node, peer, pod, unreachable } of FAMILIES)
  describe(name, () => {
    let nextPort = 40_000;
    const fresh = (destination: string, destinationPort: number): p.Ends & p.Ports => ({
      source: client,
      destination,
      sourcePort: nextPort++,
      destinationPort,
    });
    const datagram = (ends: p.Ends & p.Ports): Uint8Array =>
      p.frame({ ...ends, protocol: p.UDP, payload: p.udp({ ...ends, payload: p.bytes([1]) }) });
    const meets = (packet: Uint8Array): readonly unknown[] => {
      const { verdict, destination, destinationPort, isSound } = readRun(lab.arrives(packet));
      return [verdict, destination, destinationPort, isSound];
    };

    test('another node’s node port is this one’s of the number, where that has direct return', () => {
      assert.deepEqual(meets(datagram(fresh(peer, DIRECT))), ['ok', pod, 8080, true]);
      for (const port of [HIDDEN, 30_082]) {
        assert.equal(meets(datagram(fresh(peer, port)))[0], 'shot');
        assert.deepEqual(lab.counted()['service-elsewhere'], 1);
      }
    });

    test('what is to no node’s own address goes on as it is, whatever its port', () => {
      assert.deepEqual(meets(datagram(fresh(pod, DIRECT))), ['ok', pod, DIRECT, true]);
    });

    test('fragments follow the first one, and go nowhere before it', () => {
      const ends = fresh(peer, DIRECT);
      const whole = p.udp({ ...ends, payload: new Uint8Array(56) });
      const part = (id: number, at: number): Uint8Array =>
        p.frame({ ...ends, protocol: p.UDP, payload: whole.slice(at, at + 32), id, fragmentOffset: at, hasMore: at === 0 }); // prettier-ignore
      assert.equal(meets(part(1, 32))[0], 'shot');
      assert.equal(lab.counted()['service-fragment'], 1);
      for (const at of [0, 32]) assert.deepEqual(meets(part(2, at)).slice(0, 2), ['ok', pod]);
    });

    test('an error about an answer that is not known goes nowhere', () => {
      const answer = { source: peer, destination: client, sourcePort: DIRECT, destinationPort: nextPort++ };
      const quoted = p.frame({ ...answer, protocol: p.UDP, payload: p.udp(answer) }).slice(14);
      const ends = { source: client, destination: peer };
      const payload = p.icmp({ ...ends, type: unreachable, body: p.bytes([0, 0, 0, 0], quoted) });
      const protocol = name === 'IPv4' ? p.ICMP : p.ICMP6;
      assert.equal(meets(p.frame({ ...ends, protocol, payload }))[0], 'shot');
      assert.equal(lab.counted()['service-unknown-flow'], 1);
      assert.equal(meets(p.frame({ source: client, destination: node, protocol, payload }))[0], 'ok');
    });

    test('an unknown segment becomes a reset by the route to the client', () => {
      const ends = fresh(peer, DIRECT);
      const packet = p.frame({ ...ends, protocol: p.TCP, payload: p.tcp({ ...ends, flags: p.ACK }) });
      const { verdict, source, destination, sourcePort, flags, isSound } = readRun(lab.arrives(packet));
      assert.deepEqual([verdict, source, destination, sourcePort], ['ok', peer, client, DIRECT]);
      assert.deepEqual([flags, isSound], [p.RST, true]);
    });
  });
