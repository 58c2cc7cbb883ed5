// The low 16 bits of a packet's mark are the sending pod's identity, from its link to the tunnel: no Service backend in the kernel's tables loses
// them, and none gives any to a client from outside, which the other node would take for a pod's.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parseIp } from '../../src/base/ip.ts';
import {
  hasIpvs,
  iptablesBackend,
  ipvsBackend,
  nftablesBackend,
  type MakeBackend,
} from '../contract/service-backends.ts';
import { startPeers, viewOf } from '../contract/service-contract.ts';
import { buildServiceWorld, type ServiceWorld, type WorldPeer } from '../contract/service-world.ts';
import { aChoice, aFrontend } from '../support/service-samples.ts';

const IDENTITY = '0x00001234';
/** Where packets of Services go: a pod of the node, and the link to another node, in the place of the tunnel. */
const TO_ENDPOINTS = 'ct direction original oifname { "h-a", "eth1" } meta l4proto { tcp, udp }';
/** Around all that a backend does: before it and after it. */
const TABLE = `
table inet marks {
  counter pod { }
  counter pod-lost { }
  counter outside { }
  counter outside-marked { }
  chain early {
    type filter hook prerouting priority -450
    iifname "h-client" meta mark set ${IDENTITY}
  }
  chain late {
    type filter hook postrouting priority 450
    ${TO_ENDPOINTS} iifname "h-client" counter name pod
    ${TO_ENDPOINTS} iifname "h-client" meta mark & 0xffff != ${IDENTITY} counter name pod-lost
    ${TO_ENDPOINTS} iifname "eth0" counter name outside
    ${TO_ENDPOINTS} iifname "eth0" meta mark & 0xffff != 0 counter name outside-marked
  }
}
`;

const BACKENDS: readonly { readonly name: string; readonly make: MakeBackend; readonly skip?: string }[] = [
  { name: 'nftables', make: nftablesBackend },
  { name: 'iptables (nft)', make: iptablesBackend('nft') },
  { name: 'iptables (legacy)', make: iptablesBackend('legacy') },
  { name: 'IPVS', make: ipvsBackend(), ...(hasIpvs() ? {} : { skip: 'this kernel has no IPVS' }) },
];

const FAMILIES = [
  { vip: '10.96.0.10', balancer: '198.51.100.7', a: '10.77.0.11:8080', remote: '10.77.1.13:8080' },
  { vip: 'fd96::10', balancer: '2001:db8:e::7', a: '[fd77::11]:8080', remote: '[fd77:0:0:1::13]:8080' },
] as const;

/** A ClusterIP and a load balancer's address, whose clients have other endpoints outside than inside, hidden or with their own addresses. */
const FRONTENDS = FAMILIES.flatMap(({ vip, balancer, a, remote }) =>
  (['TCP', 'UDP'] as const).flatMap((protocol) => [
    aFrontend([a, remote], { ip: parseIp(vip), protocol }),
    aFrontend([a, remote], {
      ip: parseIp(balancer),
      protocol,
      scope: 'load-balancer',
      outside: aChoice(a, a.replace('8080', '9001')),
      masqueradesOutside: protocol === 'TCP',
    }),
  ]),
);

for (const { name, make, skip = false } of BACKENDS)
  describe(`identities by ${name}`, { skip }, () => {
    const lifetime = new Lifetime(name);
    let world: ServiceWorld;
    let peers: ReadonlyMap<string, WorldPeer>;

    before(async () => {
      world = buildServiceWorld(['client', 'a', 'b'], lifetime);
      const backend = await make(world, lifetime);
      peers = await startPeers(world, false);
      await backend.apply(viewOf(FRONTENDS));
      nft(TABLE);
    });
    after(() => lifetime.close());

    const nft = (script: string): string =>
      execFileSync('nsenter', [`--net=${world.nodeNetns}`, 'nft', '-f', '-'], {
        input: script,
        encoding: 'utf8',
      });
    const counted = (counter: string): number =>
      Number(/packets (\d+)/.exec(nft(`list counter inet marks ${counter}`))?.[1]);

    /** Several packets of each flow: what is done to the first one is not what is done to those after it. */
    async function talk(from: string, ips: readonly string[]): Promise<void> {
      for (const ip of ips)
        for (let socket = 0; socket < 4; socket++) {
          const at = { ip, port: 80, socket: `${ip} ${socket}` };
          for (let i = 0; i < 2; i++)
            assert.equal((await peers.get(from)?.ask({ kind: 'hold', ...at }))?.error, undefined, ip);
          const sent = await peers.get(from)?.ask({ kind: 'send', count: 2, isConnected: false, ...at });
          assert.equal(sent?.error, undefined, ip);
        }
      await peers.get(from)?.ask({ kind: 'forget' });
    }

    test('a pod keeps its own', async () => {
      await talk(
        'client',
        FAMILIES.flatMap(({ vip, balancer }) => [vip, balancer]),
      );
      assert.ok(counted('pod') > 40, `${counted('pod')} packets`);
      assert.equal(counted('pod-lost'), 0);
    });

    test('a client from outside gets none', async () => {
      await talk(
        'outside',
        FAMILIES.map(({ balancer }) => balancer),
      );
      assert.ok(counted('outside') > 20, `${counted('outside')} packets`);
      assert.equal(counted('outside-marked'), 0);
    });
  });
