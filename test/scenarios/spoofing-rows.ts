// A pod sends as itself alone: whatever else it tries is dropped on its own node, counted by reason, and reaches nobody.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../support/cluster.ts';
import * as packets from '../support/packets.ts';
import { linkFacts, sendRawFrame, type LinkFacts } from '../support/raw-frame.ts';
import { dropCounters } from './drop-counters.ts';
import { FAMILIES, type Family, type Node, type Pod, type World } from './network-world.ts';

const SPOOF_TIMEOUT_MS = 400;
const FOREIGN_MAC = '02:00:00:00:00:99';
const [NEIGHBOUR_ADVERTISEMENT, ROUTER_ADVERTISEMENT] = [136, 134];

export function spoofingRows(world: () => World): void {
  // Linux itself keeps a socket from sending IPv4 with an address that is not there; IPv6 it lets pass.
  test("IPv6: a datagram from another pod's address, by a socket bound to it, is dropped and counted", async () => {
    const { first, far } = world();
    const at = { kind: 'udp', host: far.ips[6], port: 8081, say: 'clientip' } as const;
    await assertCounted(world(), 'spoofed-ip', async () => {
      for (const from of [neighbourOf(world()).ips[6], far.ips[6]]) {
        const answer = await first.prober.ask({ ...at, from, timeoutMs: SPOOF_TIMEOUT_MS });
        assert.equal(answer.error, 'timeout', from);
      }
    });
    // The same socket with the pod's own address: the silence above is the address's doing.
    assert.ok((await first.prober.ask({ ...at, from: first.ips[6] })).text);
  });

  for (const family of FAMILIES) {
    test(`IPv${family}: an address that a pod gives itself is of no use to it`, async () => {
      const { first, far } = world();
      const victim = neighbourOf(world());
      const address = `${victim.ips[family]}/${family === 4 ? 32 : 128}`;
      const noProbing = family === 6 ? ['nodad'] : [];
      const ip = (verb: string, ...more: readonly string[]): number | null =>
        run('nsenter', [`--net=${first.netns}`, 'ip', 'addr', verb, address, 'dev', 'eth0', ...more]).code;
      assert.equal(ip('add', ...noProbing), 0);
      try {
        await assertCounted(world(), 'spoofed-ip', async () => {
          const at = { kind: 'http', host: far.ips[family], port: 8080, say: '/clientip' } as const;
          const answer = await first.prober.ask({
            ...at,
            from: victim.ips[family],
            timeoutMs: SPOOF_TIMEOUT_MS,
          });
          assert.equal(answer.error, 'timeout');
        });
      } finally {
        assert.equal(ip('del'), 0);
      }
      // Who has the address goes on as if nothing had been.
      const say = { kind: 'http', host: victim.ips[family], port: 8080, say: '/clientip' } as const;
      assert.ok((await world().probes[1]?.prober.ask(say))?.text);
    });
  }

  for (const [what, reason, frame] of FRAMES) {
    test(`${what} is dropped and counted as ${reason}`, async () => {
      const { first } = world();
      const victim = neighbourOf(world());
      const link = linkFacts(first.netns, 'eth0');
      const [node] = world().nodes;
      assert.ok(node);
      await assertCounted(world(), reason, () => {
        sendRawFrame(first.netns, link.ifindex, frame({ link, own: first, victim, far: world().far, node }));
        return Promise.resolve();
      });
    });
  }
}

interface Scene {
  readonly link: LinkFacts;
  readonly own: Pod;
  /** A pod of the same node. */
  readonly victim: Pod;
  readonly far: Pod;
  readonly node: Node;
}

const FRAMES: readonly (readonly [what: string, reason: string, (scene: Scene) => Uint8Array])[] = [
  [
    "ARP that claims another pod's address",
    'spoofed-arp',
    ({ link, victim }) =>
      packets.ethernet(0x0806, arpMessage({ mac: link.mac, ip: victim.ips[4] }), link.mac),
  ],
  [
    "a neighbour advertisement for another pod's address",
    'spoofed-neighbour',
    ({ link, own, victim }) => discovery(link, own.ips[6], NEIGHBOUR_ADVERTISEMENT, victim.ips[6]),
  ],
  [
    'a router advertisement',
    'rogue-router',
    ({ link, own }) => discovery(link, own.ips[6], ROUTER_ADVERTISEMENT, own.ips[6]),
  ],
  ...FAMILIES.flatMap((family) => datagramsOf(family)),
];

function datagramsOf(family: Family): typeof FRAMES {
  const about = `an IPv${family} packet from`;
  return [
    [
      `${about} another Ethernet address`,
      'spoofed-mac',
      ({ own, victim }) => datagram(FOREIGN_MAC, own.ips[family], victim.ips[family]),
    ],
    [
      `${about} the address of a pod of another node`,
      'spoofed-ip',
      ({ link, victim, far }) => datagram(link.mac, far.ips[family], victim.ips[family]),
    ],
    [
      `${about} the address of the own node`,
      'spoofed-ip',
      ({ link, victim, node }) => datagram(link.mac, node.ips[family], victim.ips[family]),
    ],
  ];
}

function discovery(link: LinkFacts, source: string, type: number, target: string): Uint8Array {
  const ends = { source, destination: 'ff02::1' };
  const payload = packets.icmp({ ...ends, type, body: packets.bytes([0, 0, 0, 0], packets.address(target)) });
  return packets.ethernet(
    0x86dd,
    packets.ipv6({ ...ends, protocol: packets.ICMP6, payload, hopLimit: 255 }),
    link.mac,
  );
}

function arpMessage(sender: { readonly mac: string; readonly ip: string }): Uint8Array {
  return packets.arp(sender, '169.254.1.1').subarray(14);
}

function datagram(mac: string, source: string, destination: string): Uint8Array {
  const ends = { source, destination };
  const payload = packets.udp({ ...ends, sourcePort: 4000, destinationPort: 8081 });
  return packets.ethernet(
    source.includes(':') ? 0x86dd : 0x0800,
    packets.frame({ ...ends, protocol: packets.UDP, payload }).subarray(14),
    mac,
  );
}

/** A pod beside the first probe on the same node: nobody's fault is nearer. */
function neighbourOf({ peers, first }: World): Pod {
  const found = peers.find((it) => it.node === first.node);
  assert.ok(found);
  return found;
}

/** Some packets of the first probe are dropped for `reason` while `work` runs, and for no other reason. */
async function assertCounted(world: World, reason: string, work: () => Promise<void>): Promise<void> {
  const socket = world.nodes[0]?.agentSocket ?? '';
  const before = await dropCounters(socket);
  await work();
  const after = await dropCounters(socket);
  assert.ok(after(reason) > before(reason), `${reason} is counted`);
}
