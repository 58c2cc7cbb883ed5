// Services packet by packet through the pod programs themselves: every byte that changes, every checksum, and every answer.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Lifetime } from '../../src/base/lifetime.ts';
import type { PacketEvent } from '../../src/backends/shared-bpf/packet-events.ts';
import { openPacketLab, POD_IPS, readRun, type PacketLab } from '../support/packet-lab.ts';
import * as p from '../support/packets.ts';

const lifetime = new Lifetime('test');
let lab: PacketLab;

before(async () => {
  lab = await openPacketLab(lifetime);
});
after(() => lifetime.close());
beforeEach(() => lab.counted());

interface FamilyCase {
  readonly name: string;
  readonly pod: string;
  readonly vip: string;
  readonly vipText: string;
  readonly endpoint: string;
  readonly endpointText: string;
  readonly podText: string;
  readonly router: string;
  /** The node's address on every pod's link, which stands for a pod that is its own endpoint. */
  readonly neighbour: string;
  readonly icmp: number;
  readonly unreachable: number;
}

const FAMILIES: readonly FamilyCase[] = [
  {
    name: 'IPv4',
    pod: POD_IPS[0],
    vip: '10.96.0.1',
    vipText: '10.96.0.1',
    endpoint: '10.77.0.11',
    endpointText: '10.77.0.11',
    podText: POD_IPS[0],
    router: '192.0.2.1',
    neighbour: '169.254.1.1',
    icmp: p.ICMP,
    unreachable: 3,
  },
  {
    name: 'IPv6',
    pod: POD_IPS[1],
    vip: 'fd96::1',
    vipText: '[fd96::1]',
    endpoint: 'fd77::11',
    endpointText: '[fd77::11]',
    podText: `[${POD_IPS[1]}]`,
    router: 'fd99::1',
    neighbour: 'fe80::1',
    icmp: p.ICMP6,
    unreachable: 1,
  },
];

let nextPort = 20_000;

for (const f of FAMILIES) {
  describe(f.name, () => {
    /** A client's end that no packet before had. */
    function fresh(): p.Ends & p.Ports {
      return { source: f.pod, destination: f.vip, sourcePort: nextPort++, destinationPort: 80 };
    }
    const segment = (ends: p.Ends & p.Ports, flags: number, payload = p.bytes()): Uint8Array =>
      p.frame({
        ...ends,
        protocol: p.TCP,
        payload: p.tcp({ ...ends, flags, seq: 1000, ack: 2000, payload }),
      });
    const datagram = (ends: p.Ends & p.Ports, hasChecksum = true): Uint8Array =>
      p.frame({
        ...ends,
        protocol: p.UDP,
        payload: p.udp({ ...ends, payload: p.bytes([1, 2, 3]), hasChecksum }),
      });
    const answer = (ends: p.Ends & p.Ports): p.Ends & p.Ports => ({
      source: f.endpoint,
      destination: ends.source,
      sourcePort: 8080,
      destinationPort: ends.sourcePort,
    });
    const frontend = (
      protocol: string,
      ...endpoints: readonly string[]
    ): Record<string, readonly string[]> => ({
      [`${f.vipText}:80/${protocol}`]: endpoints,
    });
    const endpoint = `${f.endpointText}:8080`;

    test('TCP goes to the endpoint and its answers come from the Service, with sound checksums', async () => {
      await lab.program(frontend('TCP', endpoint));
      const ends = fresh();
      for (const flags of [p.SYN, p.ACK]) {
        const sent = readRun(lab.sends(segment(ends, flags, p.bytes([7, 8, 9]))));
        assert.deepEqual(
          [sent.verdict, sent.source, sent.destination, sent.sourcePort, sent.destinationPort, sent.isSound],
          ['ok', f.pod, f.endpoint, ends.sourcePort, 8080, true],
        );
      }
      const got = readRun(lab.receives(segment(answer(ends), p.SYN | p.ACK)));
      assert.deepEqual(
        [got.verdict, got.source, got.destination, got.sourcePort, got.destinationPort, got.isSound],
        ['ok', f.vip, f.pod, 80, ends.sourcePort, true],
      );
    });

    test('UDP goes to the endpoint and its answers come from the Service', async () => {
      await lab.program(frontend('UDP', endpoint));
      const ends = fresh();
      const sent = readRun(lab.sends(datagram(ends)));
      assert.deepEqual(
        [sent.verdict, sent.destination, sent.destinationPort, sent.isSound],
        ['ok', f.endpoint, 8080, true],
      );
      const got = readRun(lab.receives(datagram(answer(ends))));
      assert.deepEqual([got.source, got.sourcePort, got.isSound], [f.vip, 80, true]);
    });

    test(
      'an absent UDP checksum stays absent',
      { skip: f.name === 'IPv6' && 'IPv6 has none to leave out' },
      async () => {
        await lab.program(frontend('UDP', endpoint));
        const sent = readRun(lab.sends(datagram(fresh(), false)));
        assert.deepEqual([sent.destination, sent.l4[6], sent.l4[7]], [f.endpoint, 0, 0]);
      },
    );

    test('answers that nobody asked for are left alone', async () => {
      await lab.program(frontend('TCP', endpoint));
      const packet = segment(answer(fresh()), p.ACK);
      const run = lab.receives(packet);
      assert.deepEqual([run.verdict, run.packet], ['ok', packet]);
    });

    test('a connection to no endpoint is reset', async () => {
      await lab.program(frontend('TCP'));
      const ends = fresh();
      const reset = readRun(lab.sends(segment(ends, p.SYN)));
      assert.deepEqual(
        [
          reset.verdict,
          reset.source,
          reset.destination,
          reset.sourcePort,
          reset.destinationPort,
          reset.isSound,
        ],
        ['redirect', f.vip, f.pod, 80, ends.sourcePort, true],
      );
      const view = new DataView(reset.l4.buffer, reset.l4.byteOffset);
      assert.deepEqual(
        [reset.flags, view.getUint32(4), view.getUint32(8), reset.l4.length],
        [p.RST | p.ACK, 0, 1001, 20],
      );
      assert.deepEqual(lab.counted(), { 'service-no-endpoint': 1 });
    });

    test('a segment of a connection that nobody knows is reset where its sender expects it', async () => {
      await lab.program(frontend('TCP', endpoint));
      const reset = readRun(lab.sends(segment(fresh(), p.ACK, p.bytes([1, 2]))));
      const view = new DataView(reset.l4.buffer, reset.l4.byteOffset);
      assert.deepEqual(
        [reset.verdict, reset.flags, view.getUint32(4), reset.isSound],
        ['redirect', p.RST, 2000, true],
      );
      assert.deepEqual(lab.counted(), { 'service-unknown-flow': 1 });
    });

    test('a reset is not answered', async () => {
      await lab.program(frontend('TCP'));
      assert.equal(lab.sends(segment(fresh(), p.RST)).verdict, 'shot');
    });

    test('a datagram to no endpoint is answered "port unreachable", quoting it', async () => {
      await lab.program(frontend('UDP'));
      const packet = datagram(fresh());
      const refusal = readRun(lab.sends(packet));
      assert.deepEqual(
        [
          refusal.verdict,
          refusal.source,
          refusal.destination,
          refusal.protocol,
          refusal.flags,
          refusal.isSound,
        ],
        ['redirect', f.vip, f.pod, f.icmp, f.unreachable, true],
      );
      assert.equal(refusal.l4[1], f.name === 'IPv4' ? 3 : 4);
      assert.deepEqual(refusal.l4.subarray(8), packet.subarray(14, 14 + refusal.l4.length - 8));
    });

    test('other protocols than TCP and UDP go nowhere', async () => {
      await lab.program(frontend('TCP', endpoint));
      const ends = { source: f.pod, destination: f.vip };
      const ping = p.icmp({ ...ends, type: f.name === 'IPv4' ? 8 : 128, body: new Uint8Array(8) });
      assert.equal(lab.sends(p.frame({ ...ends, protocol: f.icmp, payload: ping })).verdict, 'shot');
      assert.deepEqual(lab.counted(), { 'service-protocol': 1 });
    });

    test('one endpoint behind two Services: a client port in use twice gets another one, and both answers find back', async () => {
      const other = f.name === 'IPv4' ? '10.96.0.2' : 'fd96::2';
      const otherText = f.name === 'IPv4' ? other : `[${other}]`;
      await lab.program({ ...frontend('TCP', endpoint), [`${otherText}:80/TCP`]: [endpoint] });
      const ends = fresh();
      const first = readRun(lab.sends(segment(ends, p.SYN)));
      const second = readRun(lab.sends(segment({ ...ends, destination: other }, p.SYN)));
      assert.equal(first.sourcePort, ends.sourcePort);
      assert.notEqual(second.sourcePort, ends.sourcePort);
      assert.ok(second.isSound);
      const got = readRun(
        lab.receives(segment({ ...answer(ends), destinationPort: second.sourcePort! }, p.ACK)),
      );
      assert.deepEqual([got.source, got.destinationPort, got.isSound], [other, ends.sourcePort, true]);
      assert.equal(readRun(lab.receives(segment(answer(ends), p.ACK))).source, f.vip);
    });

    test('a pod that is its own endpoint meets a neighbour, and itself as the Service', async () => {
      await lab.program(frontend('TCP', `${f.podText}:8080`));
      const ends = fresh();
      const sent = readRun(lab.sends(segment(ends, p.SYN)));
      assert.deepEqual(
        [sent.verdict, sent.source, sent.destination, sent.destinationPort, sent.isSound],
        ['redirect', f.neighbour, f.pod, 8080, true],
      );
      const back = {
        source: f.pod,
        destination: f.neighbour,
        sourcePort: 8080,
        destinationPort: sent.sourcePort!,
      };
      const got = readRun(lab.sends(segment(back, p.SYN | p.ACK)));
      assert.deepEqual(
        [got.verdict, got.source, got.destination, got.sourcePort, got.destinationPort, got.isSound],
        ['redirect', f.vip, f.pod, 80, ends.sourcePort, true],
      );
    });

    test('a pod that speaks to the endpoint itself gets its answers untouched, from the same port, too', async () => {
      await lab.program(frontend('TCP', endpoint));
      const ends = fresh();
      lab.sends(segment(ends, p.SYN));
      lab.sends(segment({ ...ends, destination: f.endpoint, destinationPort: 8080 }, p.SYN));
      assert.equal(readRun(lab.receives(segment(answer(ends), p.ACK))).source, f.endpoint);
    });

    test('a connection whose Service is another backend’s by now goes by that one from its first packet on, whatever its port had before', async () => {
      const ends = fresh();
      for (const [by, run] of [
        ['pod', (packet: Uint8Array) => lab.sends(packet)],
        ['node', (packet: Uint8Array) => lab.arrives(packet)],
      ] as const) {
        await lab.program(frontend('TCP', endpoint));
        const from = by === 'pod' ? ends : { ...ends, source: f.router };
        run(segment(from, p.SYN));
        await lab.program({});
        for (const flags of [p.SYN, p.ACK])
          assert.equal(readRun(run(segment(from, flags))).destination, f.vip, by);
      }
    });

    test('a connection that stands goes on when its Service is another backend’s', async () => {
      await lab.program(frontend('TCP', endpoint));
      const ends = fresh();
      lab.sends(segment(ends, p.SYN));
      await lab.program({});
      assert.equal(readRun(lab.sends(segment(ends, p.ACK))).destination, f.endpoint);
    });

    for (const protocol of ['TCP', 'UDP'] as const) {
      const first = (ends: p.Ends & p.Ports): Uint8Array =>
        protocol === 'TCP' ? segment(ends, p.SYN) : datagram(ends);

      test(`${protocol}: one port used for the Service, the endpoint itself, and the Service again: answers fit each time`, async () => {
        await lab.program(frontend(protocol, endpoint));
        const ends = fresh();
        const direct = { ...ends, destination: f.endpoint, destinationPort: 8080 };
        for (const [asked, shown] of [
          [ends, f.vip],
          [direct, f.endpoint],
          [ends, f.vip],
          [direct, f.endpoint],
        ] as const) {
          // prettier-ignore
          assert.equal(readRun(lab.sends(first(asked))).destination, f.endpoint);
          assert.equal(readRun(lab.receives(first(answer(ends)))).source, shown);
        }
      });

      test(`${protocol}: a flow whose answering half was evicted gets it again`, async () => {
        await lab.program(frontend(protocol, endpoint));
        const ends = fresh();
        lab.sends(first(ends));
        const halves = lab.bpf.maps.flows.entries().map(([key]) => key);
        for (const key of halves) if (key.direction === 1) lab.bpf.maps.flows.delete(key);
        lab.sends(first(ends));
        assert.equal(readRun(lab.receives(first(answer(ends)))).source, f.vip);
      });
    }

    test('fragments follow the first one of their datagram; those that come before it go nowhere', async () => {
      await lab.program(frontend('UDP', endpoint));
      const ends = fresh();
      const whole = p.udp({ ...ends, payload: new Uint8Array(64).fill(5) });
      const part = (id: number, at: number, hasMore: boolean): Uint8Array =>
        p.frame({
          ...ends,
          protocol: p.UDP,
          payload: whole.slice(at, at + 32),
          id,
          fragmentOffset: at,
          hasMore,
        });
      assert.equal(lab.sends(part(1, 32, false)).verdict, 'shot');
      assert.deepEqual(lab.counted(), { 'service-fragment': 1 });
      const sent = [part(2, 0, true), part(2, 32, true), part(2, 64, false)].map((it) =>
        readRun(lab.sends(it)),
      );
      assert.deepEqual(
        sent.map((it) => [it.verdict, it.destination, it.isSound]),
        sent.map(() => ['ok', f.endpoint, true]),
      );
      // The parts together are one datagram with a sound checksum: read as one packet.
      const joined = p.bytes(...sent.map((it) => it.l4));
      const { source, destination } = sent[0]!;
      assert.ok(p.readFrame(p.frame({ source, destination, protocol: p.UDP, payload: joined })).isSound);
    });

    test('an ICMP error about a translated packet speaks of the Service', async () => {
      await lab.program(frontend('UDP', endpoint));
      const ends = fresh();
      const sent = lab.sends(datagram(ends)).packet;
      for (const [from, shown] of [
        [f.router, f.router],
        [f.endpoint, f.vip],
      ] as const) {
        // prettier-ignore
        const error = { source: from, destination: f.pod };
        const body = p.bytes([0, 0, 5, 0], sent.subarray(14));
        const payload = p.icmp({ ...error, type: f.unreachable, code: 4, body });
        const got = readRun(lab.receives(p.frame({ ...error, protocol: f.icmp, payload })));
        assert.deepEqual([got.verdict, got.source, got.isSound], ['ok', shown, true]);
        const quoted = got.l4.subarray(8);
        const read = f.name === 'IPv4' ? p.readIpv4(quoted) : p.readIpv6(quoted);
        assert.deepEqual(
          [read.source, read.destination, read.sourcePort, read.destinationPort],
          [f.pod, f.vip, ends.sourcePort, 80],
        );
      }
    });

    test('what is no Service passes byte for byte', async () => {
      await lab.program(frontend('TCP', endpoint));
      const packet = segment({ ...fresh(), destination: f.endpoint }, p.SYN);
      const run = lab.sends(packet);
      assert.deepEqual([run.verdict, run.packet], ['ok', packet]);
    });
  });
}

/** Events from now on: what is in the ring already is read and forgotten. */
function watch(owner: Lifetime): PacketEvent[] {
  const seen: PacketEvent[] = [];
  const ring = lab.bpf.events((event) => seen.push(event), owner);
  while (ring.drain() > 0) seen.length = 0;
  return seen;
}

async function until(isDone: () => boolean): Promise<void> {
  for (let i = 0; i < 3000 && !isDone(); i++) await sleep(10);
}

const SPOOFED = { source: '10.77.0.99', destination: '10.77.0.11', sourcePort: 4000, destinationPort: 53 };
const SPOOFED_PACKET = p.frame({ ...SPOOFED, protocol: p.UDP, payload: p.udp(SPOOFED) });

test('counters and events name the packet', async () => {
  const owner = new Lifetime('events');
  const seen = watch(owner);
  lab.sends(SPOOFED_PACKET);
  await until(() => seen.length > 0);
  assert.deepEqual(
    seen.map((it) => ({ ...it, timeNs: it.timeNs > 0n })),
    [
      {
        timeNs: true,
        ifindex: 1,
        reason: 'spoofed-ip',
        hook: 'pod-egress',
        protocol: 17,
        ...SPOOFED,
        lengthBytes: 42,
      },
    ],
  );
  await owner.close();
});

test('sampling reports forwarded packets and stops again', async () => {
  const owner = new Lifetime('events');
  const seen = watch(owner);
  const ends = { ...SPOOFED, source: POD_IPS[0] };
  const packet = p.frame({ ...ends, protocol: p.UDP, payload: p.udp(ends) });
  lab.sends(packet);
  lab.bpf.sampleForwards(1);
  lab.sends(packet);
  lab.bpf.sampleForwards(0);
  lab.sends(packet);
  await until(() => seen.length > 0);
  await sleep(50);
  assert.deepEqual(
    seen.map((it) => it.reason),
    ['forwarded'],
  );
  await owner.close();
});

test('a ring that nobody reads loses events, counts them, and drops as before', async () => {
  const before = new Lifetime('events');
  watch(before);
  await before.close();
  const sent = 20_000;
  for (let i = 0; i < sent; i++) assert.equal(lab.sends(SPOOFED_PACKET).verdict, 'shot');
  const { 'spoofed-ip': dropped, 'lost-event': lost = 0 } = lab.counted();
  assert.equal(dropped, sent);
  assert.ok(lost > 0);
  const owner = new Lifetime('events');
  let seen = 0;
  lab.bpf.events(() => seen++, owner);
  await until(() => seen === sent - lost);
  assert.equal(seen, sent - lost);
  await owner.close();
});
