// Policies by nftables behind every Service backend of the kernel's tables: whom a Service leads to a pod is judged as who they are, hidden or not,
// and the pod's own node is let in by whatever way.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { renderPolicies } from '../../src/backends/policy-nftables/render.ts';
import { policyTableTarget } from '../../src/backends/policy-nftables/target.ts';
import type { PolicyView } from '../../src/backends/shared-node/policy-backend.ts';
import { parseCidr, type Cidr } from '../../src/base/cidr.ts';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { PEERS, RULE_SETS } from '../../src/base/policy-numbers.ts';
import type { PolicyAddress } from '../../src/model/policy.ts';
import { openConntrack } from '../../src/sys/conntrack.ts';
import { openNfTables } from '../../src/sys/nf-tables.ts';
import { inNetns } from '../../src/sys/netns.ts';
import {
  hasIpvs,
  iptablesBackend,
  ipvsBackend,
  nftablesBackend,
  type MakeBackend,
} from '../contract/service-backends.ts';
import { startPeers, viewOf } from '../contract/service-contract.ts';
import {
  buildServiceWorld,
  linkIndex,
  type ServiceWorld,
  type WorldPeer,
} from '../contract/service-world.ts';
import { aFrontend } from '../support/service-samples.ts';

const SIGNAL = new AbortController().signal;
const [BLOCK, BLOCK6, B] = [1, 2, 301];
const { all, none } = RULE_SETS;

const BACKENDS: readonly { readonly name: string; readonly make: MakeBackend; readonly skip?: string }[] = [
  { name: 'nftables', make: nftablesBackend },
  { name: 'iptables (nft)', make: iptablesBackend('nft') },
  { name: 'iptables (legacy)', make: iptablesBackend('legacy') },
  { name: 'IPVS', make: ipvsBackend(), ...(hasIpvs() ? {} : { skip: 'this kernel has no IPVS' }) },
];

const FAMILIES = [
  { vip: '10.96.0.10', balancer: '198.51.100.7', a: '10.77.0.11:8080' },
  { vip: 'fd96::10', balancer: '2001:db8:e::7', a: '[fd77::11]:8080' },
] as const;

/** All lead to pod a, from outside hidden behind the node. */
const FRONTENDS = FAMILIES.flatMap(({ vip, balancer, a }) =>
  (['TCP', 'UDP'] as const).flatMap((protocol) => [
    aFrontend([a], { ip: parseIp(vip), protocol }),
    aFrontend([a], { ip: parseIp(balancer), protocol, scope: 'load-balancer' }),
  ]),
);

function addresses(): PolicyView['addresses'] {
  const who: readonly (readonly [string, number, number])[] = [
    ['10.77.0.0/16', PEERS.unknownPod, 0],
    ['fd77::/32', PEERS.unknownPod, 0],
    ['10.77.0.10/32', 300, 0],
    ['fd77::10/128', 300, 0],
    ['10.77.0.12/32', B, 0],
    ['fd77::12/128', B, 0],
    ['192.0.2.1/32', PEERS.host, 0],
    ['2001:db8::1/128', PEERS.host, 0],
    ['192.0.2.8/29', PEERS.outside, BLOCK],
    ['2001:db8::8/125', PEERS.outside, BLOCK6],
  ];
  return new Map(who.map(([cidr, peer, block]): [Cidr, PolicyAddress] => [parseCidr(cidr), { peer, block }]));
}

/** Pod a lets in pod b, and those of the block where that is asked for. */
function policyView(world: ServiceWorld, block: number): PolicyView {
  const ingress = new Map([
    [PEERS.outside, new Map([[0, none], [BLOCK, block], [BLOCK6, block]])], // prettier-ignore
    [PEERS.anyPod, new Map([[0, none]])],
    [PEERS.unknownPod, new Map([[0, none]])],
    [B, new Map([[0, all]])],
  ]);
  const pods = [...world.pods.values()];
  return {
    pods: new Map(
      pods.map(({ name, ips }) => [
        `shop/${name}`,
        { namespace: 'shop', name, uid: name, ips, subject: name === 'a' ? 1 : 2, identity: undefined },
      ]),
    ),
    subjects: new Map([
      [1, { ingress, egress: undefined }],
      [2, { ingress: undefined, egress: undefined }],
    ]),
    addresses: addresses(),
    ruleSets: new Map(),
    links: pods.map(({ link, ips }) => ({
      ifindex: inNetns(world.nodeNetns, () => linkIndex(link)),
      ips,
      pod: undefined,
    })),
  };
}

for (const { name, make, skip = false } of BACKENDS)
  describe(`policies by nftables behind Services by ${name}`, { skip }, () => {
    const lifetime = new Lifetime(name);
    let peers: ReadonlyMap<string, WorldPeer>;
    let keep: (block: number) => Promise<void>;

    before(async () => {
      const world = buildServiceWorld(['client', 'a', 'b'], lifetime);
      const backend = await make(world, lifetime);
      peers = await startPeers(world, false);
      await backend.apply(viewOf(FRONTENDS));
      const netns = world.nodeNetns;
      const tables = lifetime.own('tables', openNfTables(netns), (it) => it.close());
      const conntrack = lifetime.own('flows', openConntrack(netns), (it) => it.close());
      const target = policyTableTarget({ tables, conntrack, place: { netns } });
      keep = async (block) => {
        const desired = renderPolicies(policyView(world, block));
        assert.deepEqual(await target.update(desired, SIGNAL, new Map()), new Map());
      };
    });
    after(() => lifetime.close());

    async function passes(from: string, to: 'vip' | 'balancer'): Promise<readonly string[]> {
      const passed: string[] = [];
      for (const [at, family] of FAMILIES.entries()) {
        const ask = { ip: family[to], port: 80, waitMs: 300 };
        const stream = await peers.get(from)?.ask({ kind: 'connect', ...ask });
        const datagram = await peers.get(from)?.ask({ kind: 'send', count: 1, isConnected: false, ...ask });
        if (stream?.error === undefined) passed.push(`TCP${at === 0 ? 4 : 6}`);
        if (datagram?.error === undefined) passed.push(`UDP${at === 0 ? 4 : 6}`);
      }
      return passed;
    }

    const ALL = ['TCP4', 'UDP4', 'TCP6', 'UDP6'];
    for (const { from, to, block, expected } of [
      { from: 'b', to: 'vip', block: none, expected: ALL },
      { from: 'client', to: 'vip', block: none, expected: [] },
      { from: 'node', to: 'vip', block: none, expected: ALL },
      { from: 'node', to: 'balancer', block: none, expected: ALL },
      { from: 'outside', to: 'balancer', block: none, expected: [] },
      { from: 'outside', to: 'balancer', block: all, expected: ALL },
    ] as const)
      test(`${from} to the ${to}, the block ${block === all ? 'open' : 'closed'}`, async () => {
        await keep(block);
        assert.deepEqual(await passes(from, to), expected);
      });

    test('a pod that speaks to itself by its Service may', async () => {
      await keep(none);
      assert.deepEqual(await passes('a', 'vip'), ALL);
    });
  });
