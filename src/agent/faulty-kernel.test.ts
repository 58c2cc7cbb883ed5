// The engine with the node's real targets over the fake kernel: whatever fails on the way, the end is the same.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { renderVxlan } from '../backends/network-vxlan/render.ts';
import type { VxlanState } from '../backends/network-vxlan/entries.ts';
import { networkVxlanTargets } from '../backends/network-vxlan/target.ts';
import {
  localAddressTarget,
  renderLocalAddresses,
  type LocalAddress,
} from '../backends/shared-node/local-addresses.ts';
import { parseCidr } from '../base/cidr.ts';
import { parseIp, type Ip } from '../base/ip.ts';
import type { NetworkNode, NodeView } from '../model/network.ts';
import { Engine, part } from '../reconcile/engine.ts';
import { FakeKernel } from '../sys/fake-netlink.ts';
import { failSometimes } from '../sys/faults.ts';
import type { Netlink } from '../sys/netlink-types.ts';
import { vxlanParts } from './parts.ts';

const ENOBUFS = 105;
const SERVICE_CIDRS = [parseCidr('10.96.0.0/16')];

interface View {
  readonly vxlan: VxlanState;
  readonly dnsIps: readonly Ip[];
}

function aNode(index: number): NetworkNode {
  return {
    name: `n${index}`,
    addresses: [parseIp(`10.89.1.${10 + index}`)],
    podCidrs: [parseCidr(`10.244.${index}.0/24`), parseCidr(`fd00:10:244:${index}::/64`)],
    labels: new Map(),
  };
}

/** What node 1 wants with these peers and this underlay MTU. */
function viewWith(peers: readonly number[], mtuBytes: number): View {
  const cluster = {
    podCidrs: [parseCidr('10.244.0.0/16')],
    serviceCidrs: SERVICE_CIDRS,
    clusterDomain: 'cluster.local',
    dnsIps: [],
    nodePortAddresses: [],
    allowsExternalIps: false,
  };
  const node = aNode(1);
  const view: NodeView = {
    node,
    peers: peers.map(aNode),
    pods: [],
    frontends: new Map(),
    healthChecks: new Map(),
    cluster,
  };
  const underlay = { link: 'eth0', mtuBytes, local: parseIp('10.89.1.11') };
  return { vxlan: renderVxlan(view, underlay), dnsIps: [parseIp('10.96.0.10')] };
}

async function aMachine(): Promise<{ kernel: FakeKernel; netlink: Netlink }> {
  const kernel = new FakeKernel();
  const netlink = kernel.open(kernel.addNetns());
  await netlink.apply([
    { kind: 'add-veth', name: 'eth0', isUp: true, peer: { name: 'wire' } },
    { kind: 'set-link', name: 'wire', isUp: true },
    { kind: 'set-link', name: 'lo', isUp: true },
    { kind: 'add-address', link: 'eth0', ip: parseIp('10.89.1.11'), prefixLength: 24 },
    // Somebody else's, within and without our prefixes: none of our business.
    { kind: 'add-address', link: 'lo', ip: parseIp('192.0.2.1'), prefixLength: 32 },
  ]);
  return { kernel, netlink };
}

/** All that a namespace holds, as text, without the numbers that the kernel gives. */
async function stateOf(netlink: Netlink): Promise<readonly string[]> {
  const links = await netlink.links();
  const states = [
    links.map((it) => ({ ...it, index: 0, linkIndex: 0 })),
    await netlink.addresses(),
    await netlink.routes(),
    await netlink.neighbours(),
    links.some((it) => it.name === 'fairlead.vx') ? await netlink.forwardings('fairlead.vx') : [],
    await netlink.rules(),
  ];
  return states.flatMap((list) => list.map((it) => JSON.stringify(it)).sort());
}

function engineOn(netlink: Netlink, clock: ManualClock, random: () => number): Engine<View> {
  const vxlan = networkVxlanTargets({ netlink, writeSysctls: () => undefined });
  const parts = [
    part<View, LocalAddress>(localAddressTarget(netlink, SERVICE_CIDRS), ({ dnsIps }) =>
      renderLocalAddresses(dnsIps),
    ),
    ...vxlanParts<View>(vxlan),
  ];
  return new Engine<View>({ parts, clock, random, report: () => undefined });
}

/** A small repeatable source of randomness (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const STEPS = [
  viewWith([2, 3], 1500),
  viewWith([], 1500),
  viewWith([2, 3, 4, 5], 1400),
  viewWith([3, 5], 1450),
];

async function run(faultShare: number, seed: number): Promise<readonly string[]> {
  const { kernel, netlink } = await aMachine();
  const random = seeded(seed);
  kernel.faults = failSometimes(faultShare, ENOBUFS, random);
  const clock = new ManualClock();
  const engine = engineOn(netlink, clock, random);
  const end = new AbortController();
  const running = engine.run(end.signal);
  for (const [i, view] of STEPS.entries()) {
    engine.submit(view, i + 1);
    await clock.advance(random() * 2_000);
  }
  await clock.runUntil(() => engine.isConverged, 600_000);
  end.abort();
  await running;
  kernel.faults = () => undefined;
  return stateOf(netlink);
}

const undisturbed = run(0, 0);

for (let seed = 1; seed <= 10; seed++) {
  test(`a node whose kernel refuses one operation in ten ends as an undisturbed one (seed ${seed})`, async () => {
    assert.deepEqual(await run(0.1, seed), await undisturbed);
  });
}

test('an undisturbed node has its tunnel, its peers and its DNS address, and what was not ours', async () => {
  const text = (await undisturbed).join('\n');
  for (const part of ['fairlead.vx', '10.244.3.0/24', '10.244.5.0/24', '10.96.0.10', '192.0.2.1']) {
    assert.ok(text.includes(part), `${part} is missing in\n${text}`);
  }
  assert.ok(!text.includes('10.244.4.0/24'));
});
