// The iptables backend leaves a node: what is open goes on, and nothing of ours is left, in both flavours.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseCidr } from '../../src/base/cidr.ts';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { iptablesServiceParts } from '../../src/backends/service-iptables/backend.ts';
import type { ServicePart } from '../../src/backends/shared-node/service-backend.ts';
import { frontendKey, type ServiceView } from '../../src/model/network.ts';
import { IPTABLES_FLAVOURS } from '../../src/sys/iptables-flavour.ts';
import { restoreIptables, saveIptables } from '../../src/sys/iptables.ts';
import { runProgram } from '../../src/sys/process.ts';
import { aFrontend, SERVICE_NODE } from '../support/service-samples.ts';
import { scaledMs } from '../support/time-scale.ts';
import { applyByParts, leaveByParts } from './service-contract.ts';
import { buildServiceWorld, type WorldPeer } from './service-world.ts';

const SIGNAL = new AbortController().signal;
const FAMILIES = [
  { family: 4, vip: '10.96.0.5', endpoint: '10.77.0.11', port: '10.77.0.11:8080' },
  { family: 6, vip: 'fd96::5', endpoint: 'fd77::11', port: '[fd77::11]:8080' },
] as const;
const FRONTENDS = FAMILIES.flatMap(({ vip, port }) => [
  aFrontend([port], { ip: parseIp(vip), affinityTimeoutS: 60 }),
  aFrontend([port], { ip: parseIp(vip), protocol: 'UDP' }),
]);
const VIEW: ServiceView = {
  node: SERVICE_NODE,
  frontends: new Map(FRONTENDS.map((it) => [frontendKey(it), it])),
  cluster: {
    podCidrs: [],
    serviceCidrs: [parseCidr('10.96.0.0/16'), parseCidr('fd96::/112')],
    clusterDomain: 'cluster.local',
    dnsIps: [],
    nodePortAddresses: [],
    allowsExternalIps: false,
  },
};
const FOREIGN = '-A OUTPUT -d 198.18.0.1/32 -j ACCEPT';

for (const flavour of IPTABLES_FLAVOURS)
  describe(`service-iptables (${flavour}) leaves`, () => {
    const lifetime = new Lifetime('leave');
    let netns: string;
    let client: WorldPeer;
    let parts: readonly ServicePart[];

    before(async () => {
      const world = buildServiceWorld(['client', 'a'], lifetime);
      netns = world.nodeNetns;
      parts = iptablesServiceParts({ netns, iptablesFlavour: flavour });
      client = world.startPeer('client', { isInCgroup: false });
      const peer = world.startPeer('a', { isInCgroup: false });
      for (const { endpoint } of FAMILIES)
        for (const protocol of ['TCP', 'UDP'] as const)
          await peer.ask({ kind: 'listen', protocol, ip: endpoint, port: 8080, says: 'a' });
      await restoreIptables(`*nat\n${FOREIGN}\nCOMMIT\n`, { netns, flavour, family: 4 });
      await applyByParts(parts)(VIEW);
    });
    after(() => lifetime.close());

    /** What the endpoint says on sockets that stay open, the first of them by TCP. */
    const askAll = async (): Promise<readonly string[]> => {
      const words: string[] = [];
      for (const { vip } of FAMILIES) {
        const tcp = await client.ask({ kind: 'hold', socket: `tcp ${vip}`, ip: vip, port: 80 });
        const udp = await client.ask({ ...DATAGRAM, socket: `udp ${vip}`, ip: vip });
        words.push(...[tcp, udp].map(({ said, error }) => error ?? said.join()));
      }
      return words;
    };

    test('what is programmed reads back as what was wanted', async () => {
      for (const part of parts)
        await part.use(async (target, render) => {
          const [seen, wanted] = [await target.observe(SIGNAL), render(VIEW)];
          assert.deepEqual([...seen.keys()].sort(), [...wanted.keys()].sort());
          for (const [key, entry] of wanted) assert.ok(target.isEqual(entry, seen.get(key)!), key);
        });
    });

    test('an open connection and an open UDP socket go on, new ones find nothing', async () => {
      assert.deepEqual(await askAll(), ['a', 'a', 'a', 'a']);
      assert.deepEqual(await leaveByParts(parts), [
        '4 nat FAIRLEAD-POSTROUTING',
        '6 nat FAIRLEAD-POSTROUTING',
      ]);
      assert.deepEqual(await askAll(), ['a', 'a', 'a', 'a']);
      for (const { vip } of FAMILIES) {
        const fresh = await client.ask({ ...DATAGRAM, socket: `fresh ${vip}`, ip: vip });
        assert.notEqual(fresh.error, undefined, vip);
      }
    });

    test('it has left when the last connection has ended', async () => {
      assert.equal((await leaveByParts(parts)).length, 2, 'the connections are open');
      await client.ask({ kind: 'forget' });
      const endMs = performance.now() + scaledMs(10_000);
      while ((await leaveByParts(parts)).length > 0)
        assert.ok(performance.now() < endMs, 'it goes on draining');
    });

    test('no rule and no chain of ours is left, and others have theirs', async () => {
      for (const { family } of FAMILIES) {
        const text = await saveIptables({ netns, flavour, family });
        const rules = text.split('\n').filter((line) => line.startsWith('-A ') || /^:\S+ - /.test(line));
        assert.deepEqual(rules, family === 4 ? [FOREIGN] : []);
      }
      const lists = await runProgram('sh', ['-c', 'ls /proc/thread-self/net/xt_recent 2>/dev/null || true'], {
        netns,
      });
      assert.equal(lists.stdout, '', 'lists of clients');
      if (flavour === 'nft') assert.deepEqual(await tablesLeft(netns), TABLES_LEFT);
    });

    test('leaving what has left is nothing to do', async () => {
      for (const part of parts)
        await part.use(async (target) => assert.deepEqual(await target.observe(SIGNAL), new Map()));
    });
  });

const DATAGRAM = { kind: 'send', count: 1, isConnected: false, port: 80 } as const;
/** Empty, with the built-in chains alone: they carry on the translations of flows that are known. */
const TABLES_LEFT = ['ip filter', 'ip nat', 'ip6 filter', 'ip6 nat'];

async function tablesLeft(netns: string): Promise<readonly string[]> {
  const { stdout } = await runProgram('nft', ['list', 'tables'], { netns });
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.replace('table ', ''))
    .sort();
}
