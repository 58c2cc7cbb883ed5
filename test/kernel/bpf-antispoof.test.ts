// What a pod may send, packet by packet through the program itself: its own addresses pass, everything else is dropped with its reason.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { ipFromBytes } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { TEST_IFINDEX } from '../../src/sys/bpf-test-run.ts';
import { openPacketLab, POD_IPS, type PacketLab } from '../support/packet-lab.ts';
import * as p from '../support/packets.ts';

const [POD4, POD6] = POD_IPS;
const OTHER_MAC = '02:00:00:00:00:99';
const lifetime = new Lifetime('test');
let lab: PacketLab;

before(async () => {
  lab = await openPacketLab(lifetime);
});
after(() => lifetime.close());

function datagram(source: string, destination: string): Uint8Array {
  return p.udp({ source, destination, sourcePort: 4000, destinationPort: 53 });
}

function packet(source: string, destination: string): Uint8Array {
  return p.frame({ source, destination, protocol: p.UDP, payload: datagram(source, destination) });
}

function nd(type: number, source: string, options: { target?: string; hopLimit?: number } = {}): Uint8Array {
  const destination = 'ff02::1';
  const body = p.bytes([0, 0, 0, 0], p.address(options.target ?? POD6));
  const payload = p.icmp({ source, destination, type, body });
  return p.frame({ source, destination, protocol: p.ICMP6, payload, hopLimit: options.hopLimit ?? 255 });
}

/** An IPv6 packet with `count` destination options headers before UDP. */
function withExtensions(count: number): Uint8Array {
  const [source, destination] = [POD6, 'fd77::11'];
  const headers = Array.from({ length: count }, (_, at) => [
    at + 1 < count ? 60 : p.UDP,
    0,
    1,
    4,
    0,
    0,
    0,
    0,
  ]);
  const payload = p.bytes(...headers, datagram(source, destination));
  return p.frame({ source, destination, protocol: count === 0 ? p.UDP : 60, payload });
}

const [SOLICIT, ADVERTISE, ROUTER_SOLICIT, ROUTER, REDIRECT, MLD2] = [135, 136, 133, 134, 137, 143];

const ROWS: readonly { name: string; packet: () => Uint8Array; reason: string | undefined }[] = [
  { name: 'its own IPv4 address', packet: () => packet(POD4, '10.77.0.11'), reason: undefined },
  { name: 'its own IPv6 address', packet: () => packet(POD6, 'fd77::11'), reason: undefined },
  {
    name: "another pod's IPv4 address",
    packet: () => packet('10.77.0.11', '10.77.0.12'),
    reason: 'spoofed-ip',
  },
  { name: "another pod's IPv6 address", packet: () => packet('fd77::11', 'fd77::12'), reason: 'spoofed-ip' },
  { name: 'no IPv4 address', packet: () => packet('0.0.0.0', '255.255.255.255'), reason: 'spoofed-ip' },
  { name: 'no IPv6 address', packet: () => packet('::', 'ff02::1'), reason: 'spoofed-ip' },
  {
    name: 'a link-local address for data',
    packet: () => packet('fe80::5', 'fd77::11'),
    reason: 'spoofed-ip',
  },
  { name: 'an IPv4-mapped address', packet: () => packet(`::ffff:${POD4}`, 'fd77::11'), reason: 'malformed' },
  { name: 'to an IPv4-mapped address', packet: () => packet(POD6, '::ffff:10.77.0.11'), reason: 'malformed' },
  {
    name: 'another Ethernet address',
    packet: () => p.ethernet(0x0800, packet(POD4, '10.77.0.11').subarray(14), OTHER_MAC),
    reason: 'spoofed-mac',
  },
  {
    name: 'another Ethernet type',
    packet: () => p.ethernet(0x88cc, new Uint8Array(50)),
    reason: 'unknown-ethertype',
  },
  {
    name: 'an ARP request',
    packet: () => p.arp({ mac: p.POD_MAC, ip: POD4 }, '169.254.1.1'),
    reason: undefined,
  },
  { name: 'an ARP probe', packet: () => p.arp({ mac: p.POD_MAC, ip: '0.0.0.0' }, POD4), reason: undefined },
  {
    name: "ARP for another's address",
    packet: () => p.arp({ mac: p.POD_MAC, ip: '10.77.0.11' }, POD4),
    reason: 'spoofed-arp',
  },
  {
    name: "ARP with another's Ethernet address",
    packet: () => p.arp({ mac: OTHER_MAC, ip: POD4 }, POD4),
    reason: 'spoofed-arp',
  },
  { name: 'duplicate address detection', packet: () => nd(SOLICIT, '::'), reason: undefined },
  { name: 'a neighbour advertisement for itself', packet: () => nd(ADVERTISE, POD6), reason: undefined },
  { name: 'a router solicitation', packet: () => nd(ROUTER_SOLICIT, 'fe80::5'), reason: undefined },
  {
    name: 'a multicast listener report',
    packet: () => nd(MLD2, 'fe80::5', { hopLimit: 1 }),
    reason: undefined,
  },
  {
    name: "a neighbour advertisement for another's address",
    packet: () => nd(ADVERTISE, POD6, { target: 'fd77::11' }),
    reason: 'spoofed-neighbour',
  },
  {
    name: 'neighbour discovery from afar',
    packet: () => nd(SOLICIT, '::', { hopLimit: 64 }),
    reason: 'spoofed-ip',
  },
  { name: 'a router advertisement', packet: () => nd(ROUTER, POD6), reason: 'rogue-router' },
  { name: 'a redirect', packet: () => nd(REDIRECT, POD6), reason: 'rogue-router' },
  { name: 'three extension headers', packet: () => withExtensions(3), reason: undefined },
  { name: 'extension headers without end', packet: () => withExtensions(12), reason: 'malformed' },
  {
    name: 'half a UDP header',
    packet: () => packet(POD4, '10.77.0.11').subarray(0, 37),
    reason: 'malformed',
  },
  { name: 'half an ARP message', packet: () => p.ethernet(0x0806, new Uint8Array(10)), reason: 'malformed' },
];

for (const row of ROWS) {
  test(`a pod that sends ${row.name}: ${row.reason ?? 'passes'}`, () => {
    lab.counted();
    assert.equal(lab.sends(row.packet()).verdict, row.reason === undefined ? 'ok' : 'shot');
    assert.deepEqual(lab.counted(), row.reason === undefined ? {} : { [row.reason]: 1 });
  });
}

test('an interface without a pod sends nothing', () => {
  const key = { ifindex: TEST_IFINDEX };
  const pod = lab.bpf.maps.podInterfaces.lookup(key)!;
  lab.bpf.maps.podInterfaces.delete(key);
  lab.counted();
  assert.equal(lab.sends(packet(POD4, '10.77.0.11')).verdict, 'shot');
  assert.deepEqual(lab.counted(), { 'unknown-interface': 1 });
  lab.bpf.maps.podInterfaces.update(key, pod);
});

test('whatever bytes a pod sends, no foreign IP source passes', () => {
  const byte = fc.nat(255);
  const change = fc.record({ at: fc.nat(120), value: byte });
  const base = fc.constantFrom(
    packet(POD4, '10.77.0.11'),
    packet(POD6, 'fd77::11'),
    withExtensions(2),
    nd(SOLICIT, '::'),
  );
  const own = new Set<string>(POD_IPS);
  fc.assert(
    fc.property(base, fc.array(change, { maxLength: 12 }), fc.nat(120), (start, changes, cut) => {
      // The kernel's test run takes no packet that is shorter than its IP header.
      const shortest = start[12] === 0x08 ? 34 : 54;
      const mutated = start.slice(0, Math.max(shortest, start.length - (cut > 60 ? cut - 60 : 0)));
      for (const { at, value } of changes) if (at >= 14 && at < mutated.length) mutated[at] = value;
      if (lab.sends(mutated).verdict !== 'ok') return true;
      const source = ipFromBytes(mutated[12] === 0x08 ? mutated.slice(26, 30) : mutated.slice(22, 38));
      // Without an address of its own a pod may keep up its link, with the types that are named for it.
      return own.has(source) || /^(::$|fe[89ab])/.test(source);
    }),
    { numRuns: 3000 },
  );
});
