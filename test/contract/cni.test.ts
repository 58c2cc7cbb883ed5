// The CNI contract through the real executable, server and kernel: every verb in every version, chaining, the queue, the codes.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { parseCidr } from '../../src/base/cidr.ts';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import type { DatapathPod, GatedPod, NodeNetwork } from '../../src/cni/doors.ts';
import { bootIdentity, openNodeDoor, openPodDoor } from '../../src/cni/kernel-doors.ts';
import { startCniServer, type CniServer } from '../../src/cni/server.ts';
import { CNI_VERSIONS } from '../../src/cni/versions.ts';
import { createNetns, deleteNetns } from '../../src/sys/netns.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { runCni, type CniCall, type CniExit } from '../support/cni-executable.ts';
import { ownName } from '../support/own-name.ts';

const PREFIX = ownName('cni');
const NODE = `/run/netns/${PREFIX}-node`;
const PODS = ['a', 'b', 'c', 'd'].map((name) => `/run/netns/${PREFIX}-${name}`);
const [POD_A = '', POD_B = '', POD_C = '', POD_D = ''] = PODS;
const folder = mkdtempSync(path.join(tmpdir(), `${PREFIX}-`));
const socket = `${folder}/cni.sock`;
const NETWORK: NodeNetwork = {
  podCidrs: [parseCidr('10.244.1.0/29'), parseCidr('fd00:10:244:1::/64')],
  mtuBytes: 1450,
  nodeIps: [parseIp('10.89.1.11')],
};

let lifetime: Lifetime;
let server: CniServer;
let network: NodeNetwork | undefined = NETWORK;
let attached: DatapathPod[] = [];
let gate: (pod: GatedPod, signal: AbortSignal) => Promise<void> = () => Promise.resolve();

async function startServer(): Promise<void> {
  lifetime = new Lifetime('contract server');
  const node = lifetime.own('node door', openNodeDoor(NODE), (it) => it.close());
  server = await startCniServer(
    {
      socketPath: socket,
      leasesFile: `${folder}/leases.db`,
      boot: bootIdentity(node),
      node,
      openPod: openPodDoor,
      datapath: {
        attach: async (pod) => void attached.push(pod),
        detach: async (ifindex) => {
          attached = attached.filter((it) => it.ifindex !== ifindex);
        },
      },
      waitForPolicy: (pod, signal) => gate(pod, signal),
      network: () => network,
      restMs: 0,
    },
    lifetime,
  );
}

let machine: LeakSnapshot;
before(async () => {
  machine = await takeSnapshot({ prefix: PREFIX });
  for (const netns of [NODE, ...PODS]) createNetns(netns);
  inside(NODE, 'ip', 'link', 'set', 'lo', 'up');
  inside(NODE, 'ip', 'addr', 'add', '10.89.1.11/32', 'dev', 'lo');
  await startServer();
});
after(async () => {
  await lifetime.close();
  for (const netns of [NODE, ...PODS]) await deleteNetns(netns);
  rmSync(folder, { recursive: true });
  await assertNoLeaks(machine, { prefix: PREFIX });
});

function config(more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return { cniVersion: '1.1.0', name: 'contract', type: 'fairlead-cni', socket, ...more };
}

function call(command: string, change: Partial<CniCall> = {}): Promise<CniExit> {
  return runCni({ command, containerId: 'c1', netns: POD_A, ifname: 'eth0', config: config(), ...change });
}

/** Of a result of 0.3.0 or newer; a failed call has none. */
function ipsOf(exit: CniExit): readonly { readonly address: string; readonly interface: number }[] {
  assert.equal(exit.code, 0, exit.stdout);
  return exit.json?.['ips'] as { address: string; interface: number }[];
}

function linksOf(exit: CniExit): readonly { readonly name: string; readonly mac: string }[] {
  assert.equal(exit.code, 0, exit.stdout);
  return exit.json?.['interfaces'] as { name: string; mac: string }[];
}

const NO_LINK = { name: '', mac: '' };

function assertCode(exit: CniExit, code: number, message: RegExp): void {
  assert.equal(exit.code, 1, exit.stdout);
  assert.equal(exit.json?.['code'], code, exit.stdout);
  assert.match(String(exit.json['msg']), message);
}

const SILENT: CniExit = { code: 0, stdout: '', json: undefined };

function inside(netns: string, ...command: string[]): string {
  return execFileSync('nsenter', [`--net=${netns}`, ...command], { encoding: 'utf8' });
}

for (const cniVersion of CNI_VERSIONS) {
  test(`ADD, CHECK, GC, STATUS and DEL in ${cniVersion}`, async () => {
    const added = await call('ADD', { config: config({ cniVersion }) });
    assert.equal(added.code, 0, added.stdout);
    assert.equal(added.json?.['cniVersion'], cniVersion);
    const prevResult = added.json;
    assert.deepEqual(await call('CHECK', { config: config({ cniVersion, prevResult }) }), SILENT);
    const valid = { 'cni.dev/valid-attachments': [{ containerID: 'c1', ifname: 'eth0' }] };
    assert.deepEqual(await runCni({ command: 'GC', config: config({ cniVersion, ...valid }) }), SILENT);
    assert.equal(server.leases().length, 1);
    assert.deepEqual(await runCni({ command: 'STATUS', config: config({ cniVersion }) }), SILENT);
    assert.deepEqual(await call('DEL', { config: config({ cniVersion, prevResult }) }), SILENT);
    assert.equal(server.leases().length, 0);
  });

  test(`VERSION in ${cniVersion} names all versions, with and without an agent`, async () => {
    const exit = await runCni({ command: 'VERSION', config: { cniVersion } });
    assert.deepEqual(exit.json, { cniVersion, supportedVersions: CNI_VERSIONS });
    assert.equal(exit.code, 0);
  });
}

test('a version nobody knows: code 1', async () => {
  assertCode(await call('ADD', { config: config({ cniVersion: '9.0.0' }) }), 1, /9\.0\.0/);
});

test('the result of 1.1.0 is what stands in the kernel', async () => {
  const added = await call('ADD', { config: config({ dns: { nameservers: ['10.96.0.10'] } }) });
  const [ip4 = { address: '' }] = ipsOf(added);
  const [host = NO_LINK, pod = NO_LINK] = linksOf(added);
  assert.deepEqual(added.json?.['dns'], { nameservers: ['10.96.0.10'] });
  assert.match(host.name, /^fl[0-9a-f]{11}$/);
  assert.deepEqual(pod, { name: 'eth0', mac: pod.mac, mtu: 1450, sandbox: POD_A });
  const shown = inside(POD_A, 'ip', '-d', 'addr', 'show', 'eth0');
  assert.ok(shown.includes(ip4.address.replace('/32', '')) && shown.includes(`link/ether ${pod.mac}`), shown);
  assert.match(shown, /mtu 1450/);
  assert.match(inside(NODE, 'ip', 'link', 'show', host.name), /alias fairlead c1 eth0/);
  assert.match(
    inside(NODE, 'ip', 'route'),
    new RegExp(`${ip4.address.replace('/32', '')} dev ${host.name}.*src 10.89.1.11`),
  );
  assert.equal(inside(NODE, 'cat', `/proc/sys/net/ipv4/conf/${host.name}/rp_filter`), '1\n');
  assert.deepEqual(await call('DEL'), SILENT);
});

test('a pod cannot send with another address', async () => {
  assert.equal((await call('ADD')).code, 0);
  inside(POD_A, 'ping', '-c1', '-w10', '10.89.1.11');
  inside(POD_A, 'ip', 'addr', 'add', '10.244.1.6/32', 'dev', 'eth0');
  assert.throws(() => inside(POD_A, 'ping', '-c1', '-W1', '-I', '10.244.1.6', '10.89.1.11'));
  await call('DEL');
});

test('two interfaces of one container, and DEL of one leaves the other', async () => {
  const second = { ifname: 'net1' };
  const [one, two] = [await call('ADD'), await call('ADD', { ...second, netns: POD_B })];
  assert.deepEqual([one.code, two.code], [0, 0], two.stdout);
  assert.deepEqual(await call('DEL', { ...second, netns: POD_B }), SILENT);
  assert.deepEqual(await call('CHECK', { config: config({ prevResult: one.json }) }), SILENT);
  await call('DEL');
});

test('ADD twice: code 101, and the first stays whole', async () => {
  const added = await call('ADD');
  assertCode(await call('ADD'), 101, /exists already/);
  assert.deepEqual(await call('CHECK', { config: config({ prevResult: added.json }) }), SILENT);
  await call('DEL');
});

test('ADD where the pod has an interface of that name: code 101, and nothing of ours is left', async () => {
  inside(POD_B, 'ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'other0');
  assertCode(await call('ADD', { netns: POD_B }), 101, /exists already/);
  assert.equal(server.leases().length, 0);
  assert.deepEqual(await call('DEL', { netns: POD_B }), SILENT);
  inside(POD_B, 'ip', 'link', 'show', 'eth0');
  inside(POD_B, 'ip', 'link', 'del', 'eth0');
});

test('ADD where IPv6 is switched off in the pod by default still has both families', async () => {
  inside(POD_C, 'sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1');
  const added = await call('ADD', { netns: POD_C });
  assert.equal(added.code, 0, added.stdout);
  assert.equal(ipsOf(added).length, 2);
  assert.match(inside(POD_C, 'ip', '-6', 'addr', 'show', 'eth0'), /fd00:10:244:1::/);
  await call('DEL', { netns: POD_C });
});

test('namespaces that cannot be used: code 8; DEL with them succeeds', async () => {
  for (const [netns, why] of [
    ['/run/netns/t-cni-nowhere', /does not exist/],
    ['/etc/passwd', /no network namespace/],
    [NODE, /node's own/],
  ] as const) {
    assertCode(await call('ADD', { netns }), 8, why);
    assert.deepEqual(await call('DEL', { netns }), SILENT);
  }
});

test('DEL without namespace removes all the same', async () => {
  await call('ADD', { netns: POD_D });
  assert.deepEqual(
    await runCni({ command: 'DEL', containerId: 'c1', ifname: 'eth0', config: config() }),
    SILENT,
  );
  assert.throws(() => inside(POD_D, 'ip', 'link', 'show', 'eth0'));
});

test('DEL after the namespace has gone removes the lease', async () => {
  const netns = `/run/netns/${PREFIX}-brief`;
  createNetns(netns);
  assert.equal((await call('ADD', { netns })).code, 0);
  await deleteNetns(netns);
  assert.deepEqual(await call('DEL', { netns }), SILENT);
  assert.equal(server.leases().length, 0);
  assert.deepEqual(attached, [], 'the data path is told, although the link has gone');
});

test('CHECK of what was damaged: code 102, naming it', async () => {
  const { json: prevResult } = await call('ADD');
  inside(POD_A, 'ip', 'link', 'set', 'eth0', 'mtu', '1400');
  inside(POD_A, 'ip', 'route', 'del', 'default');
  const exit = await call('CHECK', { config: config({ prevResult }) });
  assertCode(exit, 102, /c1\/eth0/);
  assert.match(
    String(exit.json?.['details']),
    /MTU 1400, not 1450.*route 0\.0\.0\.0\/0 via 169\.254\.1\.1 is missing/,
  );
  await call('DEL');
  assertCode(await call('CHECK', { config: config({ prevResult }) }), 102, /lease/);
});

test('a full pool: code 11 with its counts, STATUS 50', async () => {
  const pods = ['p1', 'p2', 'p3', 'p4', 'p5', 'p6'];
  for (const id of pods) createNetns(`/run/netns/${PREFIX}-${id}`);
  for (const containerId of pods) {
    const added = await call('ADD', { containerId, netns: `/run/netns/${PREFIX}-${containerId}` });
    assert.equal(added.code, 0, added.stdout);
  }
  const full = await call('ADD');
  assertCode(full, 11, /10\.244\.1\.0\/29 has none left/);
  assert.match(String(full.json?.['details']), /pool=10\.244\.1\.0\/29 size=6 used=6 free=0 resting=0/);
  const status = await runCni({ command: 'STATUS', config: config() });
  assertCode(status, 50, /no pod address is left/);
  assert.deepEqual(
    await runCni({ command: 'GC', config: config({ 'cni.dev/valid-attachments': [] }) }),
    SILENT,
  );
  assert.equal(server.leases().length, 0);
  assert.deepEqual(await runCni({ command: 'STATUS', config: config() }), SILENT);
  for (const id of pods) await deleteNetns(`/run/netns/${PREFIX}-${id}`);
});

test('a node without a prefix: ADD 11, STATUS 50, DEL succeeds', async () => {
  network = undefined;
  assertCode(await call('ADD'), 11, /no pod prefix/);
  assertCode(await runCni({ command: 'STATUS', config: config() }), 50, /no pod prefix/);
  assert.deepEqual(await call('DEL'), SILENT);
  network = NETWORK;
});

test('after another plugin the result before is kept and ours is added', async () => {
  const prevResult = {
    cniVersion: '1.1.0',
    interfaces: [{ name: 'lo', sandbox: POD_A }],
    ips: [{ address: '127.0.0.1/8', interface: 0 }],
    dns: { search: ['x'] },
  };
  const added = await call('ADD', { config: config({ prevResult }) });
  const { json } = added;
  const links = linksOf(added);
  assert.deepEqual([links[0]?.name, links[2]?.name, links.length], ['lo', 'eth0', 3]);
  assert.deepEqual(
    ipsOf(added).map((it) => it.interface),
    [0, 2, 2],
  );
  assert.deepEqual(json?.['dns'], { search: ['x'] });
  assert.deepEqual(await call('CHECK', { config: config({ prevResult: json }) }), SILENT);
  await call('DEL');
});

test('behind a plugin that made the interface: its result is handed on, the data path is put on its host side', async () => {
  const cniPath = { CNI_PATH: '/usr/lib/cni', CNI_CONTAINERID: 'ptp1', CNI_NETNS: POD_B, CNI_IFNAME: 'eth0' };
  const ptp = (command: string): string =>
    execFileSync('nsenter', [`--net=${NODE}`, '/usr/lib/cni/ptp'], {
      env: { PATH: process.env['PATH'], CNI_COMMAND: command, ...cniPath },
      input: JSON.stringify({
        cniVersion: '1.0.0',
        name: 'chain',
        type: 'ptp',
        ipam: { type: 'host-local', subnet: '10.55.0.0/24', dataDir: `${folder}/host-local` },
      }),
      encoding: 'utf8',
    });
  const prevResult: unknown = JSON.parse(ptp('ADD'));
  const chained = { containerId: 'ptp1', netns: POD_B, config: config({ cniVersion: '1.0.0', prevResult }) };
  const added = await call('ADD', chained);
  const { dns, ...rest } = { dns: {}, ...added.json };
  assert.deepEqual({ ...rest, dns }, prevResult);
  assert.equal(attached.at(-1)?.ips[0], '10.55.0.2');
  assert.deepEqual(await call('CHECK', chained), SILENT);
  inside(POD_B, 'ip', 'addr', 'flush', 'dev', 'eth0');
  assertCode(await call('CHECK', chained), 102, /address 10\.55\.0\.2 is missing/);
  assert.deepEqual(await call('DEL', chained), SILENT);
  assert.deepEqual(attached, []);
  ptp('DEL');
});

test('while the agent is away: ADD and CHECK 11, STATUS 50, GC 11, DEL is queued and done at the start, before anything else', async () => {
  const added = await call('ADD');
  await lifetime.close();
  assertCode(await call('ADD'), 11, /nobody listens/);
  assertCode(await call('CHECK', { config: config({ prevResult: added.json }) }), 11, /nobody listens/);
  assertCode(await runCni({ command: 'STATUS', config: config() }), 50, /nobody listens/);
  assertCode(await runCni({ command: 'GC', config: config() }), 11, /nobody listens/);
  assert.deepEqual(await call('DEL'), SILENT);
  assert.deepEqual(await call('DEL'), SILENT);
  assert.equal(readdirSync(`${socket}.queue`).length, 1, 'the same DEL is stored once');
  await startServer();
  assert.deepEqual(readdirSync(`${socket}.queue`), []);
  assert.equal(server.leases().length, 0);
  assert.throws(() => inside(POD_A, 'ip', 'link', 'show', 'eth0'));
  const again = await call('ADD');
  assert.equal(again.code, 0, again.stdout);
  await call('DEL');
});

test('a DEL without container while the agent is away is not queued: code 4', async () => {
  await lifetime.close();
  assertCode(await runCni({ command: 'DEL', config: config() }), 4, /CNI_CONTAINERID/);
  assert.ok(!existsSync(`${socket}.queue`) || readdirSync(`${socket}.queue`).length === 0);
  await startServer();
});

test('an agent that gives no answer in time: code 11, and its unfinished ADD is undone', async () => {
  gate = (_pod, signal) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  assertCode(await call('ADD', { timeoutMs: 300 }), 11, /no answer in time/);
  gate = () => Promise.resolve();
  const added = await call('ADD');
  assert.equal(added.code, 0, added.stdout);
  await call('DEL');
  assert.equal(server.leases().length, 0);
});

test('the policy gate is told the pod, and its refusal is the answer', async () => {
  let asked: GatedPod | undefined;
  gate = (pod) => {
    asked = pod;
    return Promise.resolve();
  };
  await call('ADD', { args: 'K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_UID=u1' });
  assert.deepEqual(asked?.names, { namespace: 'shop', name: 'web', uid: 'u1' });
  assert.equal(asked.ips.length, 2);
  await call('DEL');
  gate = () => Promise.resolve();
});

test('a burst of parallel ADDs and DELs gives every pod addresses of its own', async () => {
  const ids = Array.from({ length: 6 }, (_, i) => `burst${i}`);
  for (const id of ids) createNetns(`/run/netns/${PREFIX}-${id}`);
  const adds = await Promise.all(
    ids.map((id) => call('ADD', { containerId: id, netns: `/run/netns/${PREFIX}-${id}` })),
  );
  const ips = adds.flatMap((it) => ipsOf(it).map((ip) => ip.address));
  assert.equal(new Set(ips).size, 12);
  const dels = await Promise.all(
    ids.map((id) => call('DEL', { containerId: id, netns: `/run/netns/${PREFIX}-${id}` })),
  );
  assert.ok(dels.every((it) => it.code === 0));
  assert.equal(server.leases().length, 0);
  for (const id of ids) await deleteNetns(`/run/netns/${PREFIX}-${id}`);
});

test('input that is no configuration', async () => {
  assertCode(await call('ADD', { config: '{"name"' }), 6, /decode/);
  assertCode(await call('ADD', { config: '[]' }), 6, /decode/);
  assertCode(await call('ADD', { config: {} }), 7, /socket/);
  assertCode(await call('ADD', { config: { socket: 'relative' } }), 7, /socket/);
  assertCode(await call('ADD', { config: config({ padding: 'x'.repeat(1 << 20) }) }), 5, /standard input/);
  assertCode(await call('NONSENSE'), 4, /CNI_COMMAND/);
  assertCode(await call('ADD', { containerId: '../x' }), 4, /CNI_CONTAINERID/);
});
