// Two nodes, a pod on each, through the real executable: packets in both families, with the addresses they should have.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Lifetime } from '../../src/base/lifetime.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { runCni } from '../support/cni-executable.ts';
import { startPodNetworkLab, type LabNode, type PodNetworkLab } from '../support/pod-network-lab.ts';
import { ownName } from '../support/own-name.ts';
import { scaledMs } from '../support/time-scale.ts';

const PREFIX = ownName('pods');
const run = promisify(execFile);
const lifetime = new Lifetime('pod network test');
let lab: PodNetworkLab;

let machine: LeakSnapshot;
before(async () => {
  machine = await takeSnapshot({ prefix: PREFIX });
  lab = await startPodNetworkLab({ prefix: PREFIX, nodeCount: 2 }, lifetime);
  await lab.syncTunnels();
});
after(async () => {
  await lifetime.close();
  await assertNoLeaks(machine, { prefix: PREFIX });
});

function configOf(node: LabNode): unknown {
  return { cniVersion: '1.1.0', name: 'fairlead', type: 'fairlead-cni', socket: node.socketPath };
}

async function addPod(node: LabNode, name: string): Promise<{ netns: string; ips: string[] }> {
  const netns = lab.makeNetns(name);
  const added = await runCni({
    command: 'ADD',
    containerId: name,
    netns,
    ifname: 'eth0',
    args: `K8S_POD_NAMESPACE=default;K8S_POD_NAME=${name};K8S_POD_UID=u-${name}`,
    config: configOf(node),
  });
  assert.equal(added.code, 0, added.stdout);
  const ips = (added.json ?? {})['ips'] as readonly { address: string }[];
  return { netns, ips: ips.map((it) => it.address.split('/')[0] ?? '') };
}

async function inside(netns: string, ...command: string[]): Promise<string> {
  const { stdout } = await run('nsenter', [`--net=${netns}`, ...command], { timeout: scaledMs(10_000) });
  return stdout;
}

/** The address by which a TCP server in `to` sees a client in `from`. */
async function seenAs(from: string, to: string, ip: string): Promise<string> {
  const listen = `
    const s = require('net').createServer((c) => { c.end(c.remoteAddress); s.close(); });
    s.listen({ port: 8000, host: process.argv[1] }, () => console.log('ready'));`;
  const dial = `require('net').connect(8000, process.argv[1]).on('data', (d) => process.stdout.write(d)).setTimeout(${scaledMs(5000)}, () => process.exit(1));`;
  const server = execFile('nsenter', [`--net=${to}`, process.execPath, '-e', listen, ip]);
  await new Promise((resolve) => server.stdout?.once('data', resolve));
  try {
    return await inside(from, process.execPath, '-e', dial, ip);
  } finally {
    server.kill();
  }
}

test('pods on two nodes reach each other in both families and are seen with their own addresses', async () => {
  const [one, two] = lab.nodes as [LabNode, LabNode];
  const a = await addPod(one, 'pod-a');
  const b = await addPod(two, 'pod-b');
  assert.deepEqual(a.ips, ['10.244.1.1', 'fd00:10:244:1::1']);
  assert.deepEqual(b.ips, ['10.244.2.1', 'fd00:10:244:2::1']);
  for (const [i, ip] of b.ips.entries()) {
    await inside(a.netns, 'ping', '-c1', '-w10', ip);
    assert.equal(await seenAs(a.netns, b.netns, ip), a.ips[i]);
  }
});

test('two pods of one node reach each other, and the node reaches both', async () => {
  const [one] = lab.nodes as [LabNode];
  const c = await addPod(one, 'pod-c');
  const d = await addPod(one, 'pod-d');
  for (const [i, ip] of d.ips.entries()) {
    assert.equal(await seenAs(c.netns, d.netns, ip), c.ips[i]);
    assert.equal(await seenAs(one.netns, d.netns, ip), one.node.addresses[i]);
  }
});

test('a pod reaches its own and the other node by the nodes addresses and is seen with its own', async () => {
  const [one, two] = lab.nodes as [LabNode, LabNode];
  const e = await addPod(one, 'pod-e');
  for (const node of [one, two]) {
    for (const [i, ip] of node.node.addresses.entries()) {
      assert.equal(await seenAs(e.netns, node.netns, ip), e.ips[i], `${e.ips[i]} to ${ip}`);
    }
  }
});

test('a node reaches pods of the other node with its own address', async () => {
  const [one, two] = lab.nodes as [LabNode, LabNode];
  const f = await addPod(two, 'pod-f');
  for (const [i, ip] of f.ips.entries()) {
    assert.equal(await seenAs(one.netns, f.netns, ip), one.node.addresses[i]);
  }
});

test('packets of the full MTU pass whole and larger ones are refused by the pod itself', async () => {
  const [one, two] = lab.nodes as [LabNode, LabNode];
  const g = await addPod(one, 'pod-g');
  const h = await addPod(two, 'pod-h');
  await inside(g.netns, 'ping', '-c1', '-w10', '-M', 'do', '-s', String(1450 - 28), h.ips[0] ?? '');
  await inside(g.netns, 'ping', '-c1', '-w10', '-M', 'do', '-s', String(1450 - 48), h.ips[1] ?? '');
  await assert.rejects(
    inside(g.netns, 'ping', '-c1', '-W2', '-M', 'do', '-s', String(1450 - 27), h.ips[0] ?? ''),
  );
});

test('an address nobody has is unreachable at once instead of leaving by the default route', async () => {
  const [one] = lab.nodes as [LabNode];
  const i = await addPod(one, 'pod-i');
  for (const ip of ['10.244.77.5', 'fd00:10:244:77::5', '10.244.1.200', 'fd00:10:244:1::200']) {
    await assert.rejects(inside(i.netns, 'ping', '-c1', '-W5', ip), { stdout: /nreachable|No route/ });
  }
});

test('a pod reaches the outside with the address of its node', async () => {
  const [one] = lab.nodes as [LabNode];
  const pod = await addPod(one, 'pod-j');
  const outside = await lab.addOutsider(['10.89.1.99', 'fd00:10:89:1::99']);
  for (const [i, ip] of ['10.89.1.99', 'fd00:10:89:1::99'].entries()) {
    assert.equal(await seenAs(pod.netns, outside, ip), one.node.addresses[i]);
  }
});

test('a second pass over the tunnels changes nothing', async () => {
  assert.equal(await lab.syncTunnels(), 0);
});

test('DEL removes link and addresses, twice as well as once', async () => {
  const [one] = lab.nodes as [LabNode];
  const gone = await addPod(one, 'pod-gone');
  const call = {
    command: 'DEL',
    containerId: 'pod-gone',
    netns: gone.netns,
    ifname: 'eth0',
    config: configOf(one),
  };
  assert.deepEqual(await runCni(call), { code: 0, stdout: '', json: undefined });
  assert.deepEqual(await runCni(call), { code: 0, stdout: '', json: undefined });
  assert.equal(
    one.server.leases().some((it) => it.containerId === 'pod-gone'),
    false,
  );
  await assert.rejects(inside(gone.netns, 'ip', 'link', 'show', 'eth0'));
});
