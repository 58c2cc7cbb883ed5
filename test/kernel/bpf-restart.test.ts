// The data plane without its loader: connections and datagrams go on while it is away, while it comes back, and while it brings other
// programs. Nothing is lost, nothing is made anew that was there.

import assert from 'node:assert/strict';
import { cpSync, appendFileSync, mkdtempSync, readdirSync, rmSync, rmdirSync, mkdirSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parsePort } from '../../src/base/port.ts';
import { anEbpfRow } from '../support/ebpf-row.ts';
import type { FrontendRow } from '../../src/backends/service-ebpf/frontend-row.ts';
import { openServiceTarget } from '../../src/backends/service-ebpf/target.ts';
import { OPEN_STANDING } from '../../src/backends/shared-bpf/pod-interfaces.ts';
import { openNodeBpf, type NodeBpf } from '../../src/backends/shared-bpf/node-bpf.ts';
import { frontendKey } from '../../src/model/network.ts';
import { attachedTcProgram } from '../../src/sys/bpf-tc.ts';
import { createNetns, deleteNetns, inNetns } from '../../src/sys/netns.ts';
import {
  buildServiceWorld,
  linkIndex,
  type ServiceWorld,
  type WorldPeer,
} from '../contract/service-world.ts';
import { ownName } from '../support/own-name.ts';

const OBJECTS = new URL('../../build/bpf', import.meta.url).pathname;
const SIGNAL = new AbortController().signal;
const VIP = '10.96.0.10';

const lifetime = new Lifetime('test');
let world: ServiceWorld;
let otherObjects: string;

function open(owner: Lifetime, objectDir: string, cgroup = world.cgroup): Promise<NodeBpf> {
  return openNodeBpf({ pinDir: world.pinDir, objectDir, cgroupPath: cgroup, netns: world.nodeNetns }, owner);
}

function aRow(protocol: 'TCP' | 'UDP'): FrontendRow {
  const endpoints = [{ ip: parseIp('10.77.0.11'), port: parsePort(8080) }];
  return anEbpfRow(endpoints, { ip: parseIp(VIP), protocol });
}

/** The same programs with another name: bytes behind the end of an object change its hash and nothing else. */
function copyObjects(): string {
  const folder = mkdtempSync(`/tmp/${ownName('objects')}-`);
  lifetime.defer(folder, () => rmSync(folder, { recursive: true }));
  cpSync(OBJECTS, folder, { recursive: true });
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((it) => it.endsWith('.o'))) appendFileSync(`${folder}/${file}`, 'other');
  return folder;
}

function pins(folder: string): readonly string[] {
  return readdirSync(`${world.pinDir}/${folder}`).sort();
}

before(async () => {
  world = buildServiceWorld(['client', 'a'], lifetime);
  otherObjects = copyObjects();
  const first = new Lifetime('first loader');
  const bpf = await open(first, OBJECTS);
  lifetime.defer('BPF of the node', async () => {
    const last = new Lifetime('last loader');
    (await open(last, OBJECTS)).detachAll();
    await last.close();
  });
  for (const { link, mac, ips } of world.pods.values())
    bpf.podInterfaces.attach({ ifindex: inNetns(world.nodeNetns, () => linkIndex(link)), mac, ips });
  const rows = [aRow('TCP'), aRow('UDP')].map((row) => [frontendKey(row), row] as const);
  assert.deepEqual(await openServiceTarget(bpf.maps).update(new Map(rows), SIGNAL, new Map()), new Map());
  await first.close();
  const server = world.startPeer('a', { isInCgroup: false });
  for (const protocol of ['TCP', 'UDP'] as const)
    await server.ask({ kind: 'listen', protocol, ip: '10.77.0.11', port: 8080, says: 'a' });
});
after(() => lifetime.close());

for (const isInCgroup of [true, false]) {
  describe(isInCgroup ? 'at the socket' : 'per packet', () => {
    let client: WorldPeer;
    before(() => {
      client = world.startPeer('client', { isInCgroup });
    });

    test('without a loader, Services work', async () => {
      assert.deepEqual((await client.ask({ kind: 'connect', ip: VIP, port: 80 })).said, ['a']);
      const udp = await client.ask({ kind: 'send', ip: VIP, port: 80, count: 3, isConnected: false });
      assert.deepEqual(udp.said, ['a', 'a', 'a']);
    });

    for (const objects of ['the same programs', 'other programs'] as const) {
      test(`a loader that comes back with ${objects} loses no datagram and breaks no connection`, async () => {
        const held = { kind: 'hold', socket: objects, ip: VIP, port: 80 } as const;
        assert.deepEqual((await client.ask(held)).said, ['a']);
        const [mapsBefore, programsBefore] = [pins('maps'), pins('programs')];
        let isOver = false;
        // Each datagram waits for its answer: one that is lost ends its row with a time-out.
        const traffic = (async () => {
          const errors = new Set<string | undefined>();
          const packet = {
            kind: 'send',
            socket: objects,
            ip: VIP,
            port: 80,
            count: 50,
            isConnected: false,
          } as const;
          while (!isOver) errors.add((await client.ask(packet)).error);
          return errors;
        })();
        for (let i = 0; i < 4; i++) {
          const loader = new Lifetime('loader');
          const isOther = objects === 'other programs' && i % 2 === 0;
          const bpf = await open(loader, isOther ? otherObjects : OBJECTS);
          if (objects === 'the same programs') assert.deepEqual(pins('programs'), programsBefore);
          else if (isOther) assert.notDeepEqual(pins('programs'), programsBefore);
          const observed = await openServiceTarget(bpf.maps).observe(SIGNAL);
          assert.deepEqual([...observed.keys()].sort(), [`${VIP}:80/TCP`, `${VIP}:80/UDP`]);
          assert.equal(bpf.podInterfaces.list().length, 2);
          await loader.close();
        }
        isOver = true;
        assert.deepEqual(await traffic, new Set([undefined]));
        assert.deepEqual((await client.ask(held)).said, ['a']);
        assert.deepEqual(pins('maps'), mapsBefore);
      });
    }
  });
}

test('a pod whose interface is gone is forgotten when the loader comes back', async () => {
  const first = new Lifetime('first');
  const bpf = await open(first, OBJECTS);
  const known = bpf.podInterfaces.list();
  bpf.maps.podInterfaces.update(
    { ifindex: 999_999 },
    { mac: known[0]!.mac, ips: known[0]!.ips, ...OPEN_STANDING },
  );
  await first.close();
  const second = new Lifetime('second');
  assert.deepEqual((await open(second, OBJECTS)).podInterfaces.list(), known);
  await second.close();
});

test('a loader in another namespace touches no link of the indexes that are known, and forgets them', async () => {
  const stranger = lifetime.own('other namespace', `/run/netns/${ownName('other')}`, (it) => deleteNetns(it));
  createNetns(stranger);
  const [known, restored] = [new Lifetime('known'), new Lifetime('restored')];
  const before = await open(known, OBJECTS);
  const pods = before.podInterfaces.list();
  // Any link of the namespace: the host side of a pod will do.
  for (const { ifindex } of pods) before.nodeLinks.xdp.attach(ifindex);
  await known.close();
  // Another namespace has links of its own under the same indexes.
  for (const { ifindex } of pods)
    execFileSync('ip', ['-n', path.basename(stranger), 'link', 'add', `l${ifindex}`, 'index', `${ifindex}`, 'type', 'bridge']); // prettier-ignore
  const other = new Lifetime('other');
  const options = { pinDir: world.pinDir, objectDir: OBJECTS, cgroupPath: world.cgroup, netns: stranger };
  const there = await openNodeBpf(options, other);
  assert.deepEqual([there.podInterfaces.list(), there.nodeLinks.xdp.list()], [[], []]);
  await other.close();
  const hooks = pods.map(({ ifindex }) => inNetns(stranger, () => attachedTcProgram(ifindex, 'ingress')));
  assert.deepEqual(hooks, pods.map(() => undefined)); // prettier-ignore
  const bpf = await open(restored, OBJECTS);
  for (const pod of pods) bpf.podInterfaces.attach(pod);
  await restored.close();
});

test('a cgroup that was made anew gets the programs, too', async () => {
  const folder = `${world.cgroup}/again`;
  const client = world.startPeer('client', { isInCgroup: false });
  for (let i = 0; i < 2; i++) {
    mkdirSync(folder);
    const owner = new Lifetime('loader');
    await open(owner, OBJECTS, folder);
    assert.equal(pins('links').length, 8);
    await owner.close();
    rmdirSync(folder);
  }
  assert.deepEqual((await client.ask({ kind: 'connect', ip: VIP, port: 80 })).said, ['a']);
});
