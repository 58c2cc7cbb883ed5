import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { icmp, ipv4, ipv6, sctp, tcp, udp, ICMP, SCTP, TCP, UDP } from '../../test/support/packets.ts';
import { readPacketEnds } from './ip-packet.ts';

const FOUR = { source: '10.0.0.1', destination: '10.0.0.2' };
const SIX = { source: 'fd00::1', destination: 'fd00::2' };
const PORTS = { sourcePort: 40_000, destinationPort: 80 };

/** The transport's header behind extension headers of IPv6, each of eight bytes and of its number. */
function behind(extensions: readonly number[], protocol: number, payload: Uint8Array): Uint8Array {
  const headers = extensions.flatMap((_, i) => [extensions[i + 1] ?? protocol, 0, 1, 4, 0, 0, 0, 0]);
  return ipv6({
    ...SIX,
    protocol: extensions[0] ?? protocol,
    payload: Uint8Array.of(...headers, ...payload),
  });
}

const segment = tcp({ ...FOUR, ...PORTS, flags: 2 });
const AH = Uint8Array.of(TCP, 4, ...new Uint8Array(22), ...segment);

for (const row of [
  { name: 'TCP over IPv4', packet: ipv4({ ...FOUR, protocol: TCP, payload: segment }), protocol: TCP },
  {
    name: 'UDP over IPv6',
    packet: ipv6({ ...SIX, protocol: UDP, payload: udp({ ...SIX, ...PORTS }) }),
    protocol: UDP,
  },
  {
    name: 'SCTP over IPv4',
    packet: ipv4({ ...FOUR, protocol: SCTP, payload: sctp({ ...PORTS, chunk: 1 }) }),
    protocol: SCTP,
  },
  {
    name: 'a first fragment',
    packet: ipv4({ ...FOUR, protocol: TCP, payload: segment, hasMore: true }),
    protocol: TCP,
  },
  {
    name: 'a first fragment of IPv6',
    packet: ipv6({ ...SIX, protocol: TCP, payload: segment, hasMore: true, fragmentOffset: 0 }),
    protocol: TCP,
  },
  { name: 'TCP behind extension headers', packet: behind([0, 60, 43], TCP, segment), protocol: TCP },
  {
    name: 'TCP behind an authentication header',
    packet: ipv6({ ...SIX, protocol: 51, payload: AH }),
    protocol: TCP,
  },
  {
    name: 'a later fragment, which has no ports',
    packet: ipv4({ ...FOUR, protocol: UDP, payload: segment, fragmentOffset: 8 }),
    protocol: UDP,
    hasPorts: false,
  },
  {
    name: 'a later fragment of IPv6',
    packet: ipv6({ ...SIX, protocol: UDP, payload: segment, fragmentOffset: 8 }),
    protocol: UDP,
    hasPorts: false,
  },
  {
    name: 'ICMP, which has no ports',
    packet: ipv4({ ...FOUR, protocol: ICMP, payload: icmp({ ...FOUR, type: 8, body: new Uint8Array(4) }) }),
    protocol: ICMP,
    hasPorts: false,
  },
  {
    name: 'a packet that is cut before its ports',
    packet: ipv4({ ...FOUR, protocol: TCP, payload: segment }).slice(0, 22),
    protocol: TCP,
    hasPorts: false,
  },
  {
    name: 'nothing behind the last extension header',
    packet: behind([0], 59, new Uint8Array()),
    protocol: 59,
    hasPorts: false,
  },
])
  test(`readPacketEnds() reads ${row.name}`, () => {
    const ends = row.packet[0] === 0x60 ? SIX : FOUR;
    const ports = row.hasPorts === false ? { sourcePort: 0, destinationPort: 0 } : PORTS;
    assert.deepEqual(readPacketEnds(row.packet), { ...ends, protocol: row.protocol, ...ports });
  });

for (const [name, packet] of [
  ['nothing', new Uint8Array()],
  ['what is neither IPv4 nor IPv6', new Uint8Array(40)],
  ['a header of IPv4 that is cut', ipv4({ ...FOUR, protocol: TCP, payload: segment }).slice(0, 19)],
  ['a header of IPv4 that says it is shorter than one', Uint8Array.of(0x44, ...new Uint8Array(39))],
  ['a header of IPv6 that is cut', ipv6({ ...SIX, protocol: TCP, payload: segment }).slice(0, 39)],
] as const)
  test(`readPacketEnds() says nothing of ${name}`, () => {
    assert.equal(readPacketEnds(packet), undefined);
  });

test('readPacketEnds() reads or refuses whatever somebody sends', () => {
  const some = fc.tuple(fc.constantFrom(0x45, 0x4f, 0x60), fc.uint8Array({ maxLength: 128 }));
  fc.assert(
    fc.property(some, ([first, rest]) => {
      const read = readPacketEnds(Uint8Array.of(first, ...rest));
      assert.ok(read === undefined || (read.sourcePort <= 65_535 && read.destinationPort <= 65_535));
    }),
  );
});
