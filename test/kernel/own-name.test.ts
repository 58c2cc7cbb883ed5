// What tests put on the machine goes with them, however they end: a world of a process of its own, which is interrupted.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { takeSnapshot } from '../support/leaks.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
/** Namespaces with a process in one of them, a cgroup with it, two bpffs, one of them with pins, and a folder. */
const WORLD = `
  import { mkdtempSync } from 'node:fs';
  import { buildServiceWorld } from '${ROOT}test/contract/service-world.ts';
  import { openPacketLab } from '${ROOT}test/support/packet-lab.ts';
  import { ownName } from '${ROOT}test/support/own-name.ts';
  import { Lifetime } from '${ROOT}src/base/lifetime.ts';
  const lifetime = new Lifetime('world');
  const world = buildServiceWorld(['a'], lifetime);
  await world.startPeer('a', { isInCgroup: true }).ask({ kind: 'forget' });
  await openPacketLab(lifetime);
  mkdtempSync('${tmpdir()}/' + ownName('folder') + '-');
  process.stdout.write('stands');
  const { END } = process.env;
  if (END === 'close') await lifetime.close();
  if (END === undefined) setInterval(() => undefined, 1_000_000);
  else process.exit();
`;

/** Kinds of things, and how many of each carry the process' number. */
async function countsOf({ pid }: ChildProcess): Promise<Readonly<Record<string, number>>> {
  const { namespaces = [], mounts = [], cgroups = [] } = await takeSnapshot({ prefix: `-${pid}` });
  const folders = globSync(`${tmpdir()}/t-*-${pid}-*`).length;
  return {
    namespaces: namespaces.length,
    bpffs: mounts.filter((it) => it.startsWith('bpf ')).length,
    cgroups: cgroups.length,
    folders,
  };
}

const NOTHING = { namespaces: 0, bpffs: 0, cgroups: 0, folders: 0 };

async function raise(env: NodeJS.ProcessEnv): Promise<ChildProcess> {
  const args = ['--input-type=module', '-e', WORLD];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  await once(child.stdout, 'data');
  return child;
}

for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)
  // prettier-ignore
  test(`${signal} ends a world whole`, async () => {
    const child = await raise({});
    assert.deepEqual(await countsOf(child), { namespaces: 4, bpffs: 2, cgroups: 1, folders: 3 });
    child.kill(signal);
    assert.deepEqual(await once(child, 'exit'), [code, null]);
    assert.deepEqual(await countsOf(child), NOTHING);
  });

for (const [END, left] of [
  ['close', 1],
  ['leave', 8],
] as const)
  // prettier-ignore
  test(`what stays at a test's own end (${END}) is removed, and fails it`, async () => {
    const child = await raise({ END });
    let told = '';
    child.stderr?.on('data', (text: Buffer) => (told += text.toString()));
    assert.deepEqual(await once(child, 'close'), [1, null]);
    assert.deepEqual(await countsOf(child), NOTHING);
    assert.equal(told.trim().split('\n').length, 1 + left, told);
  });
