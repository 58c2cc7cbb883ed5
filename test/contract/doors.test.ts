// Namespaces, cgroups, settings and nftables: the same cases on the kernel and on the fakes.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { FairleadError, hasCode, isAlreadyExists, isNotFound } from '../../src/base/errors.ts';
import { findCgroupMount } from '../../src/sys/cgroup.ts';
import { kernelCgroups, kernelNamespaces, kernelNft, kernelSysctls } from '../../src/sys/doors.ts';
import type { CgroupDoor, NamespaceDoor, NftDoor, SysctlDoor } from '../../src/sys/doors.ts';
import { FakeCgroups, FakeNamespaces, FakeSysctls } from '../../src/sys/fake-doors.ts';
import { FakeKernel } from '../../src/sys/fake-netlink.ts';
import { FakeNft } from '../../src/sys/fake-nft.ts';
import { failMatching, failNth, type Faults } from '../../src/sys/faults.ts';
import { anonymousNetns, type Netns } from '../../src/sys/netns.ts';
import { isAlive } from '../../src/sys/process.ts';
import { ownName } from '../support/own-name.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';

const prefix = ownName('door');
const scope = { prefix };

interface Subject {
  readonly name: string;
  readonly namespaces: NamespaceDoor;
  readonly cgroups: CgroupDoor;
  readonly sysctls: SysctlDoor;
  readonly nft: NftDoor;
  readonly cgroupRoot: string;
  spawn(): number;
  isAlive(pid: number): boolean;
}

let scratch: Netns;
let machine: LeakSnapshot;
before(async () => {
  machine = await takeSnapshot(scope);
  scratch = anonymousNetns();
});
after(async () => {
  scratch.close();
  await assertNoLeaks(machine, scope);
});

function aKernel(): Subject {
  return {
    name: 'kernel',
    namespaces: kernelNamespaces,
    cgroups: kernelCgroups(50),
    sysctls: kernelSysctls(scratch),
    nft: kernelNft(scratch),
    cgroupRoot: `${findCgroupMount() ?? ''}/${prefix}`,
    spawn: () => spawn('sleep', ['60'], { stdio: 'ignore' }).pid ?? 0,
    isAlive: (pid) => isAlive(pid),
  };
}

function aFake() {
  const cgroups = new FakeCgroups();
  let pid = 100;
  return {
    name: 'fake',
    namespaces: new FakeNamespaces(new FakeKernel()),
    cgroups,
    sysctls: new FakeSysctls({ 'net/ipv4/ip_forward': '0', 'net/ipv6/conf/all/forwarding': '0' }),
    nft: new FakeNft(),
    cgroupRoot: `/${prefix}`,
    spawn: () => {
      cgroups.addProcess(++pid);
      return pid;
    },
    isAlive: (it: number) => cgroups.isAlive(it),
  } satisfies Subject;
}

for (const make of [aFake, aKernel]) {
  describe(`doors: ${make.name}`, () => {
    let subject: Subject;
    before(() => (subject = make()));

    it('a namespace is made once, has a number of its own, and is deleted once', async () => {
      const { namespaces } = subject;
      const [path, other] = [`/run/netns/${prefix}-a`, `/run/netns/${prefix}-b`];
      namespaces.create(path);
      namespaces.create(other);
      assert.equal(namespaces.exists(path), true);
      assert.throws(() => namespaces.create(path), isAlreadyExists);
      assert.notEqual(namespaces.inode(path), namespaces.inode(other));
      for (const it of [path, other]) await namespaces.delete(it);
      assert.deepEqual([namespaces.exists(path), namespaces.inode(path)], [false, undefined]);
      await assert.rejects(namespaces.delete(path), isNotFound);
    });

    it('a cgroup holds processes, is not removed while it does, and is removed twice without complaint', async () => {
      const { cgroups, cgroupRoot: root } = subject;
      const group = `${root}/node/pod`;
      cgroups.create(group);
      cgroups.create(group);
      const pid = subject.spawn();
      cgroups.move(group, pid);
      assert.deepEqual(cgroups.pids(root), [pid]);
      await assert.rejects(cgroups.remove(root), (error) => hasCode(error, 'timeout'));
      cgroups.kill(root);
      while (subject.isAlive(pid)) await pause(2);
      await cgroups.remove(root);
      await cgroups.remove(root);
      assert.deepEqual(cgroups.pids(root), []);
      assert.throws(() => cgroups.move(group, 1), isNotFound);
      assert.throws(() => cgroups.kill(group), isNotFound);
    });

    it('a process that has ended is not moved', async () => {
      const { cgroups, cgroupRoot: root } = subject;
      cgroups.create(root);
      assert.throws(() => cgroups.move(root, 4_000_000), isNotFound);
      await cgroups.remove(root);
    });

    it('settings are read and written; missing ones and odd values are refused', () => {
      const { sysctls } = subject;
      sysctls.write({ 'net/ipv4/ip_forward': 1, 'net/ipv6/conf/all/forwarding': '1' });
      assert.equal(sysctls.read('net/ipv4/ip_forward'), '1');
      assert.equal(sysctls.read('net/ipv6/conf/all/forwarding'), '1');
      assert.throws(() => sysctls.read('net/ipv4/nothing'), isNotFound);
      assert.throws(() => sysctls.write({ 'net/ipv4/nothing': 1 }), isNotFound);
      assert.throws(
        () => sysctls.write({ 'net/ipv4/ip_forward': 'x' }),
        (error) => error instanceof FairleadError && error.details['errno'] === 'EINVAL',
      );
    });

    it('nftables: tables, sets and elements; a script is whole or nothing', async () => {
      const { nft } = subject;
      const table = { family: 'inet', name: 'fairlead-t' } as const;
      const elements = async (): Promise<unknown> => {
        const objects = (await nft.list(table)) ?? [];
        const [set] = objects.flatMap((it) =>
          it['set'] === undefined ? [] : [it['set'] as { elem?: string[] }],
        );
        return set?.elem?.toSorted();
      };
      assert.equal(await nft.list(table), undefined);
      await nft.apply(
        'table inet fairlead-t {\n set pods { type ipv4_addr\n elements = { 10.0.0.1, 10.0.0.2 }\n }\n chain out {\n }\n}\n',
      );
      assert.deepEqual(await nft.tables(), [table]);
      assert.deepEqual(
        (await nft.list(table))?.map((it) => Object.keys(it)[0]),
        ['table', 'set', 'chain'],
      );
      await nft.apply(
        'add element inet fairlead-t pods { 10.0.0.3 }\ndelete element inet fairlead-t pods { 10.0.0.1 }\n',
      );
      assert.deepEqual(await elements(), ['10.0.0.2', '10.0.0.3']);
      const broken =
        'add element inet fairlead-t pods { 10.0.0.9 }\nadd element inet fairlead-t none { 10.0.0.9 }\n';
      await assert.rejects(nft.apply(broken), (error) => hasCode(error, 'kernel'));
      assert.deepEqual(await elements(), ['10.0.0.2', '10.0.0.3']);
      await assert.rejects(nft.apply('delete element inet fairlead-t pods { 10.0.0.7 }\n'), (error) =>
        hasCode(error, 'kernel'),
      );
      await assert.rejects(nft.apply('nonsense\n'), (error) => hasCode(error, 'kernel'));
      await nft.delete(table);
      await nft.delete(table);
      assert.equal(await nft.list(table), undefined);
    });
  });
}

describe('faults of the fakes', () => {
  const faulty = (faults: Faults) => {
    const fake = aFake();
    for (const door of [fake.namespaces, fake.cgroups, fake.sysctls, fake.nft]) door.faults = faults;
    return fake;
  };
  const isFault = (error: unknown): boolean =>
    error instanceof FairleadError &&
    /fault on purpose/.test(error.message) &&
    error.details['errno'] === 'ENOMEM';

  it('the nth operation fails and changes nothing', async () => {
    assert.throws(() => faulty(failNth(1, 12)).namespaces.create('/run/netns/x'), isFault);
    assert.throws(() => faulty(failNth(1, 12)).cgroups.create('/x'), isFault);
    assert.throws(() => faulty(failNth(1, 12)).sysctls.write({ 'net/ipv4/ip_forward': 1 }), isFault);
    const { nft } = faulty(failNth(1, 12));
    await assert.rejects(nft.apply('add table inet t\n'), isFault);
    assert.deepEqual(await nft.tables(), []);
  });

  it('matching operations fail until they are healed', () => {
    const { faults, heal } = failMatching(/namespace .*pod/, 12);
    const { namespaces } = faulty(faults);
    namespaces.create('/run/netns/node');
    assert.throws(() => namespaces.create('/run/netns/pod'), isFault);
    heal();
    namespaces.create('/run/netns/pod');
  });
});
