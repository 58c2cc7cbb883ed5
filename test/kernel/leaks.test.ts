// The leak check itself: it must see each kind of thing that a test can leave behind.

import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import net from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { createCgroup, findCgroupMount, removeCgroup } from '../../src/sys/cgroup.ts';
import { mountTmpfs, unmount } from '../../src/sys/mount.ts';
import { openNetlink } from '../../src/sys/netlink.ts';
import { createNetns, deleteNetns } from '../../src/sys/netns.ts';
import { applyNft, deleteNftTable } from '../../src/sys/nft.ts';
import { ownName } from '../support/own-name.ts';
import { assertNoLeaks, leaksBetween, takeSnapshot } from '../support/leaks.ts';

const prefix = ownName('leak');
const scope = { prefix };

interface Row {
  readonly kind: string;
  /** Leaves something behind and returns what takes it away. */
  leave(): Promise<() => unknown>;
}

const rows: readonly Row[] = [
  {
    kind: 'namespaces',
    leave: async () => {
      createNetns(`/run/netns/${prefix}`);
      return () => deleteNetns(`/run/netns/${prefix}`);
    },
  },
  {
    kind: 'mounts',
    leave: async () => {
      const folder = mkdtempSync(`/tmp/${prefix}-`);
      mountTmpfs(folder, { sizeBytes: 4096 });
      return async () => {
        await unmount(folder);
        rmSync(folder, { recursive: true });
      };
    },
  },
  {
    kind: 'cgroups',
    leave: async () => {
      const cgroup = `${findCgroupMount() ?? ''}/${prefix}`;
      createCgroup(cgroup);
      return () => removeCgroup(cgroup, { clock: systemClock, timeoutMs: 1000 });
    },
  },
  {
    kind: 'descriptors',
    leave: async () => {
      const fd = openSync('/etc/hostname', 'r');
      return () => closeSync(fd);
    },
  },
  {
    kind: 'handles',
    leave: async () => {
      const server = net.createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return () => new Promise((resolve) => server.close(resolve));
    },
  },
];

for (const row of rows) {
  test(`sees ${row.kind} that stay, and that they are gone`, async () => {
    const before = await takeSnapshot(scope);
    const takeAway = await row.leave();
    try {
      const leaks = leaksBetween(before, await takeSnapshot(scope));
      assert.equal(leaks.filter((it) => it.startsWith(`${row.kind}:`)).length, 1, leaks.join('\n'));
    } finally {
      await takeAway();
    }
    await assertNoLeaks(before, scope);
  });
}

test('a namespace of its own: links, routes, rules and tables are seen there by whoever is inside', async () => {
  const path = `/run/netns/${prefix}`;
  createNetns(path);
  const door = openNetlink(path);
  await door.apply([{ kind: 'add-bridge', name: prefix }]);
  await applyNft(`table inet ${prefix} {\n}\n`, { netns: path });
  const outside = await takeSnapshot(scope);
  assert.deepEqual([outside['links'], outside['nft tables']], [[], []]);
  await deleteNftTable({ family: 'inet', name: prefix }, { netns: path });
  door.close();
  await deleteNetns(path);
});
