// The tunnel's targets on the kernel: an IPv6 underlay, what changes in place and what anew, pruning, and the masquerade table's elements.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { Lifetime } from '../../src/base/lifetime.ts';
import { runCni } from '../support/cni-executable.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { startPodNetworkLab, type LabNode, type PodNetworkLab } from '../support/pod-network-lab.ts';
import { ownName } from '../support/own-name.ts';

const PREFIX = ownName('tunnel');
const lifetime = new Lifetime('tunnel test');
let machine: LeakSnapshot;
let lab: PodNetworkLab;
let one: LabNode;
let two: LabNode;

before(async () => {
  machine = await takeSnapshot({ prefix: PREFIX });
  lab = await startPodNetworkLab({ prefix: PREFIX, nodeCount: 2, outer: 'ipv6' }, lifetime);
  await lab.syncTunnels();
  [one, two] = lab.nodes as [LabNode, LabNode];
});
after(async () => {
  await lifetime.close();
  await assertNoLeaks(machine, { prefix: PREFIX });
});

function inside(netns: string, ...command: string[]): string {
  return execFileSync('nsenter', [`--net=${netns}`, ...command], { encoding: 'utf8' });
}

function tunnelIndex({ netns }: LabNode = one): string | undefined {
  return /^(\d+):/.exec(inside(netns, 'ip', 'link', 'show', 'fairlead.vx'))?.[1];
}

/** Pods on both nodes, of the first one's to every address of the second one's. */
async function pingAcross(name: string): Promise<void> {
  const { from, addresses } = await podsAcross(name);
  for (const ip of addresses) ping(from, ip);
}

/** A pod of the first node, and the addresses of one of the second. */
async function podsAcross(
  name: string,
): Promise<{ readonly from: string; readonly addresses: readonly string[] }> {
  const pods = [];
  for (const [i, node] of lab.nodes.entries()) {
    const netns = lab.makeNetns(`${name}${i}`);
    const config = { cniVersion: '1.1.0', name: 'fairlead', type: 'fairlead-cni', socket: node.socketPath };
    const added = await runCni({ command: 'ADD', containerId: name, netns, ifname: 'eth0', config });
    assert.equal(added.code, 0, added.stdout);
    pods.push({ netns, ips: (added.json ?? {})['ips'] as readonly { address: string }[] });
  }
  const [from, to] = pods;
  return {
    from: from?.netns ?? '',
    addresses: (to?.ips ?? []).map(({ address }) => address.split('/')[0] ?? ''),
  };
}

function ping(netns: string, ip: string): void {
  const most = 1430 - (ip.includes(':') ? 48 : 28);
  // Once a second until it is answered: what passes is asked, not whether a busy machine drops one.
  inside(netns, 'ping', '-c1', '-w10', '-M', 'do', '-s', String(most), ip);
}

/** Sets the mark of what a node sends by the tunnel, as what judges pods does. */
function markWhatLeaves(netns: string, mark: string): void {
  const rule = `oifname fairlead.vx meta mark set ${mark}`;
  load(netns, `chain leaving { type filter hook postrouting priority 150; ${rule}\n}`);
}

/** Counts what comes by the tunnel with this mark. */
function countWhatArrives(netns: string, mark: string): () => number {
  const rule = `iifname fairlead.vx meta mark ${mark} counter`;
  load(netns, `chain arriving { type filter hook prerouting priority -150; ${rule}\n}`);
  return () => Number(/packets (\d+)/.exec(inside(netns, 'nft', 'list', 'table', 'inet', 'marks'))?.[1]);
}

function load(netns: string, chain: string): void {
  inside(netns, 'nft', `table inet marks; delete table inet marks; table inet marks {\n${chain}\n}`);
}

test('over an IPv6 underlay both families pass, 70 bytes smaller', async () => {
  await pingAcross('a');
});

test('MTU and Ethernet address change in place, the device stays', async () => {
  const before = tunnelIndex();
  inside(one.netns, 'ip', 'link', 'set', 'fairlead.vx', 'mtu', '1300', 'address', '02:00:00:00:00:99');
  assert.ok((await lab.syncTunnels()) > 0);
  assert.equal(tunnelIndex(), before);
  assert.equal(await lab.syncTunnels(), 0);
  await pingAcross('b');
});

test('a device of another VNI, a foreign one of that name, and none at all: made anew with all that belongs to it', async () => {
  const makers = [
    [
      'ip',
      'link',
      'add',
      'fairlead.vx',
      'alias',
      'fairlead tunnel',
      'type',
      'vxlan',
      'id',
      '9',
      'dstport',
      '8472',
    ],
    ['ip', 'link', 'add', 'fairlead.vx', 'type', 'bridge'],
    ['true'],
  ];
  for (const [i, maker] of makers.entries()) {
    inside(one.netns, 'ip', 'link', 'del', 'fairlead.vx');
    inside(one.netns, ...maker);
    // The device in the first pass takes its entries with it; a reconciler comes again.
    await lab.syncTunnels();
    await lab.syncTunnels();
    assert.equal(await lab.syncTunnels(), 0);
    await pingAcross(`c${i}`);
  }
});

for (const { name, sent, arrives } of [
  { name: 'the low 16 bits of a mark', sent: '0x00001234', arrives: '0x00001234' },
  { name: 'nothing but the low 16 bits of a mark', sent: '0xff07ffff', arrives: '0x0000ffff' },
  { name: 'no mark', sent: '0x00000000', arrives: '0x00000000' },
] as const) {
  test(`the tunnel carries ${name}`, async () => {
    const { from, addresses } = await podsAcross(`m${sent}`);
    markWhatLeaves(one.netns, sent);
    const count = countWhatArrives(two.netns, arrives);
    for (const ip of addresses) {
      const before = count();
      ping(from, ip);
      assert.ok(count() > before, `${ip}: ${inside(two.netns, 'nft', 'list', 'table', 'inet', 'marks')}`);
    }
  });
}

test('a device of an older version takes what has no mark, not what has one, and is made anew', async () => {
  const { from, addresses } = await podsAcross('older');
  const [ip = ''] = addresses;
  const before = tunnelIndex(two);
  const [{ address, mtu, linkinfo }] = JSON.parse(
    inside(two.netns, 'ip', '-d', '-j', 'link', 'show', 'fairlead.vx'),
  ) as [{ address: string; mtu: number; linkinfo: { info_data: { local6: string; gbp?: unknown } } }];
  assert.ok('gbp' in linkinfo.info_data);
  inside(two.netns, 'ip', 'link', 'del', 'fairlead.vx');
  const settings = `address ${address} mtu ${mtu} type vxlan id 76 dev eth0 local ${linkinfo.info_data.local6} dstport 8472 nolearning`;
  const own = ['ip', 'link', 'add', 'fairlead.vx', 'alias', 'fairlead tunnel'];
  inside(two.netns, ...own, ...settings.split(' '));
  inside(two.netns, 'ip', 'link', 'set', 'fairlead.vx', 'up');
  const arrived = (): number => {
    const text = inside(two.netns, 'ip', '-s', '-j', 'link', 'show', 'fairlead.vx');
    const [{ stats64 }] = JSON.parse(text) as [{ stats64: { rx: { packets: number } } }];
    return stats64.rx.packets;
  };
  for (const [mark, isTaken] of [
    ['0x00000000', true],
    ['0x00001234', false],
  ] as const) {
    markWhatLeaves(one.netns, mark);
    const count = arrived();
    assert.throws(() => inside(from, 'ping', '-c2', '-i0.2', '-W1', ip));
    assert.equal(arrived() > count, isTaken, mark);
  }
  await lab.syncTunnels();
  await lab.syncTunnels();
  assert.equal(await lab.syncTunnels(), 0);
  assert.notEqual(tunnelIndex(two), before);
  for (const each of addresses) ping(from, each);
});

test('entries of ours that nobody wants any more go, those of others stay', async () => {
  const { netns } = one;
  inside(netns, 'ip', 'route', 'add', '10.244.99.0/24', 'dev', 'fairlead.vx', 'proto', '76');
  inside(netns, 'ip', 'route', 'add', '10.99.0.0/24', 'dev', 'eth0', 'proto', 'static');
  inside(
    netns,
    'ip',
    'rule',
    'add',
    'from',
    '10.5.0.0/16',
    'lookup',
    '76',
    'priority',
    '7600',
    'protocol',
    '76',
  );
  inside(netns, 'ip', 'rule', 'add', 'from', '10.6.0.0/16', 'lookup', '99', 'priority', '7600');
  inside(netns, 'ip', 'neigh', 'add', '10.244.99.0', 'lladdr', '02:00:00:00:00:77', 'dev', 'fairlead.vx');
  inside(netns, 'bridge', 'fdb', 'append', '02:00:00:00:00:77', 'dev', 'fairlead.vx', 'dst', 'fd00::77');
  assert.equal(await lab.syncTunnels(), 4);
  assert.equal(await lab.syncTunnels(), 0);
  assert.match(inside(netns, 'ip', 'route'), /10\.99\.0\.0\/24/);
  assert.doesNotMatch(inside(netns, 'ip', 'route'), /10\.244\.99\.0\/24/);
  assert.match(inside(netns, 'ip', 'rule'), /10\.6\.0\.0\/16/);
});

test('of the masquerade table only elements change; a rule that is not as it should be loads it anew', async () => {
  const { netns } = one;
  const table = ['inet', 'fairlead-masquerade'];
  const handle = (): string | undefined =>
    /masquerade fully-random.*# handle (\d+)/.exec(
      inside(netns, 'nft', '-a', 'list', 'table', ...table),
    )?.[1];
  const before = handle();
  inside(netns, 'nft', 'add', 'element', ...table, 'inside4', '{ 192.0.2.0/24 }');
  inside(netns, 'nft', 'delete', 'element', ...table, 'pods4', '{ 10.244.1.0/24 }');
  assert.equal(await lab.syncTunnels(), 2);
  assert.equal(handle(), before);
  inside(netns, 'nft', 'delete', 'rule', ...table, 'postrouting', 'handle', before ?? '');
  assert.ok((await lab.syncTunnels()) > 0);
  assert.equal(await lab.syncTunnels(), 0);
  assert.match(inside(netns, 'nft', 'list', 'table', ...table), /10\.244\.1\.0\/24/);
});
