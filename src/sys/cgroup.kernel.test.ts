import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../../test/support/leaks.ts';
import { systemClock } from '../base/clock.ts';
import { hasCode, isNotFound } from '../base/errors.ts';
import {
  cgroupId,
  cgroupOfProcess,
  cgroupPids,
  createCgroup,
  findCgroupMount,
  killCgroup,
  moveToCgroup,
  removeCgroup,
} from './cgroup.ts';
import { isMounted, mountBind, mountBpf, mountOverlay, mountTmpfs, unmount } from './mount.ts';
import { scaledMs } from '../../test/support/time-scale.ts';
import { ownName } from '../../test/support/own-name.ts';

const PREFIX = ownName('sys');
const root = `${findCgroupMount() ?? ''}/${PREFIX}`;
const options = { clock: systemClock, timeoutMs: scaledMs(5000) };

let machine: LeakSnapshot;
before(async () => {
  machine = await takeSnapshot({ prefix: PREFIX });
});
after(() => assertNoLeaks(machine, { prefix: PREFIX }));

describe('cgroups', () => {
  after(() => removeCgroup(root, options));

  it('are made with their parents and removed deepest first, twice without complaint', async () => {
    createCgroup(`${root}/a/b`);
    createCgroup(`${root}/a/b`);
    assert.ok(cgroupId(`${root}/a`) > 0n);
    assert.notEqual(cgroupId(`${root}/a`), cgroupId(`${root}/a/b`));
    await removeCgroup(`${root}/a`, options);
    await removeCgroup(`${root}/a`, options);
    assert.equal(existsSync(`${root}/a`), false);
  });

  it('hold processes, wait for those that end, and say how many are left', async () => {
    createCgroup(`${root}/p/q`);
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    const pid = child.pid ?? 0;
    moveToCgroup(`${root}/p/q`, pid);
    assert.deepEqual(cgroupPids(`${root}/p`), []);
    assert.deepEqual(cgroupPids(`${root}/p`, { isDeep: true }), [pid]);
    assert.equal(cgroupOfProcess(pid)?.endsWith('/p/q'), true);
    await assert.rejects(
      removeCgroup(`${root}/p`, { clock: systemClock, timeoutMs: 20 }),
      (error) => hasCode(error, 'timeout') && /1 processes are in it/.test(error.message),
    );
    const removed = removeCgroup(`${root}/p`, options);
    killCgroup(`${root}/p`);
    await once(child, 'exit');
    await removed;
    assert.equal(existsSync(`${root}/p`), false);
    assert.deepEqual(cgroupPids(`${root}/p`), []);
    createCgroup(root);
    assert.throws(() => moveToCgroup(root, pid), isNotFound);
  });
});

describe('mounts', () => {
  let folder = '';
  before(() => (folder = mkdtempSync(`/tmp/${PREFIX}-`)));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('bpffs and tmpfs are mounted, seen and unmounted, twice without complaint', async () => {
    mountBpf(`${folder}/bpf`);
    mountTmpfs(`${folder}/tmp`, { sizeBytes: 65536 });
    assert.equal(isMounted(`${folder}/bpf`, 'bpf'), true);
    assert.equal(isMounted(`${folder}/bpf`, 'tmpfs'), false);
    assert.equal(isMounted(`${folder}/tmp`), true);
    for (const target of ['bpf', 'tmp', 'bpf', 'none']) await unmount(`${folder}/${target}`);
    assert.equal(isMounted(`${folder}/bpf`), false);
    assert.equal(isMounted(`${folder}/tmp`), false);
    rmdirSync(`${folder}/bpf`);
  });

  it('overlay shows the lower and keeps it, a read-only bind refuses writes', async () => {
    mountTmpfs(`${folder}/t`, { sizeBytes: 1 << 20 });
    for (const name of ['lower', 'upper', 'work', 'bound']) mkdirSync(`${folder}/t/${name}`);
    writeFileSync(`${folder}/t/lower/f`, 'lower');
    mountOverlay(`${folder}/merged`, {
      lower: `${folder}/t/lower`,
      upper: `${folder}/t/upper`,
      work: `${folder}/t/work`,
    });
    writeFileSync(`${folder}/merged/f`, 'upper');
    assert.equal(readFileSync(`${folder}/t/lower/f`, 'utf8'), 'lower');
    assert.equal(readFileSync(`${folder}/merged/f`, 'utf8'), 'upper');
    mountBind(`${folder}/t/lower`, `${folder}/t/bound`, { isReadOnly: true });
    assert.throws(() => writeFileSync(`${folder}/t/bound/f`, 'x'), { code: 'EROFS' });
    for (const target of ['t/bound', 'merged', 't']) await unmount(`${folder}/${target}`);
  });

  it('a missing source names both ends', () => {
    assert.throws(() => mountBind(`${folder}/none`, folder), isNotFound);
  });
});
