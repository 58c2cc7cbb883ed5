// Large packets and much data: what fits passes whole, what does not is told so, fragments find together.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../support/cluster.ts';
import { linkFacts } from '../support/raw-frame.ts';
import { FAMILIES, type Family, type World } from './network-world.ts';

const POD_MTU = 1450;
const BULK_BYTES = 50_000_000;
/** IP and ICMP headers, which ping does not count. */
const HEADERS: Readonly<Record<Family, number>> = { 4: 28, 6: 48 };
const SMALLER_MTU = 1400;

/** `ping` of one packet of `bytes` in all that no router may cut up. */
function ping(family: Family, ip: string, bytes: number): readonly string[] {
  return ['ping', '-n', '-c1', '-W1', '-M', 'do', '-s', String(bytes - HEADERS[family]), ip];
}

export function packetSizeRows(world: () => World): void {
  test('pods have an MTU of 1450 on an underlay of 1500', () => {
    const { probes, peers, nodes } = world();
    for (const pod of [...probes, ...peers]) assert.equal(linkFacts(pod.netns, 'eth0').mtu, POD_MTU);
    for (const node of nodes) {
      assert.equal(linkFacts(node.netns, 'eth0').mtu, 1500);
      assert.equal(linkFacts(node.netns, 'fairlead.vx').mtu, POD_MTU);
    }
  });

  for (const family of FAMILIES) {
    test(`IPv${family}: a packet of 1450 bytes passes between nodes whole, a larger one is refused by the sender's own link`, async () => {
      const { first, far } = world();
      const whole = await first.prober.run(...ping(family, far.ips[family], POD_MTU));
      assert.match(whole, / 1 received/);
      const larger = await first.prober.run(...ping(family, far.ips[family], POD_MTU + 1));
      assert.match(larger, /message too long,? mtu[=:] ?1450/i);
    });

    test(`IPv${family}: where a link on the way is smaller, the node says so, and the pod sends smaller packets from then on`, async () => {
      const { first, far, nodes } = world();
      const [node] = nodes;
      const route = smallerRoute(family, far.ips[family], node?.netns ?? '');
      route('add');
      try {
        const told = await first.prober.run(...ping(family, far.ips[family], POD_MTU));
        assert.match(told, family === 4 ? /Frag(mentation)? needed.*mtu = 1400/ : /Packet too big: mtu=1400/);
        const next = await first.prober.run(...ping(family, far.ips[family], POD_MTU));
        assert.match(next, /message too long,? mtu[=:] ?1400/i);
      } finally {
        route('del');
        run('nsenter', [`--net=${first.netns}`, 'ip', `-${family}`, 'route', 'flush', 'cache']);
      }
    });

    test(`IPv${family}: a datagram of 8 KB passes between nodes and back, in fragments`, async () => {
      const { first, far } = world();
      const at = { kind: 'udp', host: far.ips[family], port: 8081, say: '', fillBytes: 8192 } as const;
      const answer = await first.prober.ask(at);
      assert.equal(answer.text ?? answer.error, String(8192 - 'echo '.length));
    });

    test(`IPv${family}: 50 MB of TCP arrive on another node, every byte as it was sent`, async () => {
      const { probes, first } = world();
      const other = probes[1];
      const bulk = await other?.prober.request('bulk', {
        host: first.ips[family],
        port: 7000,
        bytes: BULK_BYTES,
      });
      assert.deepEqual({ bytes: bulk?.bytes, isWhole: bulk?.isWhole }, { bytes: BULK_BYTES, isWhole: true });
    });
  }
}

/** A route of the test's own that makes the way from a node to one pod narrower than its links say. */
function smallerRoute(family: Family, ip: string, netns: string): (verb: 'add' | 'del') => void {
  const inNode = (...args: readonly string[]): string => {
    const result = run('nsenter', [`--net=${netns}`, 'ip', `-${family}`, ...args]);
    assert.equal(result.code, 0, result.stderr);
    return result.stdout;
  };
  const [present] = JSON.parse(
    run('nsenter', [`--net=${netns}`, 'ip', '-j', `-${family}`, 'route', 'get', ip]).stdout,
  ) as {
    gateway?: string;
  }[];
  const route = [
    'via',
    present?.gateway ?? '',
    'dev',
    'fairlead.vx',
    'onlink',
    'mtu',
    'lock',
    String(SMALLER_MTU),
  ];
  return (verb) => void inNode('route', verb, `${ip}/${family === 4 ? 32 : 128}`, ...route);
}
