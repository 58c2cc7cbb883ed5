import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../../test/support/leaks.ts';
import { hasCode, isAlreadyExists, isNotFound } from '../base/errors.ts';
import { openNetlink } from './netlink.ts';
import { createNetns, deleteNetns, inNetns, netnsExists, netnsInode, openNetns } from './netns.ts';
import { isMounted } from './mount.ts';
import { ownName } from '../../test/support/own-name.ts';

const name = ownName('sys');
const path = `/run/netns/${name}`;

async function inFresh(work: () => void | Promise<void>): Promise<void> {
  createNetns(path);
  try {
    await work();
  } finally {
    await deleteNetns(path);
  }
}

let machine: LeakSnapshot;
before(async () => {
  machine = await takeSnapshot({ prefix: name });
});
after(() => assertNoLeaks(machine, { prefix: name }));

describe('namespaces', () => {
  it('are made, known to ip netns, and gone after deletion', async () => {
    const home = netnsInode();
    await inFresh(() => {
      assert.equal(netnsExists(path), true);
      assert.equal(netnsInode(), home);
      assert.notEqual(netnsInode(path), home);
      assert.match(execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }), new RegExp(name));
      assert.match(execFileSync('ip', ['netns', 'exec', name, 'ip', 'link'], { encoding: 'utf8' }), /lo:/);
      assert.throws(() => createNetns(path), isAlreadyExists);
      assert.equal(netnsExists(path), true);
    });
    assert.equal(netnsExists(path), false);
    assert.equal(existsSync(path), false);
    assert.equal(isMounted(path), false);
    await assert.rejects(deleteNetns(path), isNotFound);
  });

  it('deletion also takes the bare file that a crash leaves', async () => {
    mkdirSync('/run/netns', { recursive: true });
    writeFileSync(path, '');
    assert.equal(netnsExists(path), false);
    await deleteNetns(path);
    assert.equal(existsSync(path), false);
  });

  it('opening a missing one is not-found', () => {
    assert.throws(() => openNetns('/run/netns/t-sys-none'), isNotFound);
    assert.equal(netnsExists('/run/netns/t-sys-none'), false);
    assert.equal(netnsInode('/run/netns/t-sys-none'), undefined);
  });

  it('a file that is no namespace cannot be entered, and the thread stays at home', () => {
    const home = netnsInode();
    assert.throws(
      () => inNetns('/etc/hostname', () => 1),
      (error) => hasCode(error, 'kernel'),
    );
    assert.equal(netnsInode(), home);
  });

  it('visits return values, nest, come back after errors and refuse promises', async () => {
    await inFresh(() => {
      const home = netnsInode();
      const homeNetns = openNetns('/proc/self/ns/net');
      const inside = netnsInode(path);
      assert.equal(
        inNetns(path, () => netnsInode()),
        inside,
      );
      assert.deepEqual(
        inNetns(path, () => [netnsInode(), inNetns(homeNetns, () => netnsInode()), netnsInode()]),
        [inside, home, inside],
      );
      assert.throws(() => inNetns(path, () => assert.fail('from within')), /from within/);
      assert.throws(
        () => inNetns(path, () => Promise.resolve(1)),
        (error) => hasCode(error, 'internal'),
      );
      homeNetns.close();
      assert.equal(netnsInode(), home);
    });
  });

  it('leave no descriptor behind', async () => {
    const before = readdirSync('/proc/self/fd').length;
    for (let i = 0; i < 5; i++) {
      await inFresh(() => {
        inNetns(path, () => undefined);
        const door = openNetlink(path);
        door.close();
      });
    }
    assert.equal(readdirSync('/proc/self/fd').length, before);
  });
});

after(() => rmSync(path, { force: true }));
