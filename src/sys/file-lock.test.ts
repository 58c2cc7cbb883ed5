import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { once } from 'node:events';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { tryLockFile } from './file-lock.ts';

const HOLDER = `
import { tryLockFile } from ${JSON.stringify(new URL('./file-lock.ts', import.meta.url).href)};
process.stdout.write(tryLockFile(process.argv[1]) === undefined ? 'busy' : 'locked');
setTimeout(() => {}, 60_000);
`;

suite('tryLockFile()', () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(`${tmpdir()}/lock-`);
  });
  after(() => rmSync(folder, { recursive: true }));

  test('gives a lock once, and again after its release, in a folder it makes', () => {
    const file = `${folder}/deep/one.lock`;
    const lock = tryLockFile(file);
    assert.ok(lock);
    assert.equal(tryLockFile(file), undefined);
    lock.release();
    assert.equal(existsSync(file), false);
    const again = tryLockFile(file);
    assert.ok(again);
    lock.release();
    assert.equal(tryLockFile(file), undefined, 'a second release of the first holder frees nothing');
    again.release();
  });

  test('is given back by a holder that is killed', async () => {
    const file = `${folder}/two.lock`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, file]);
    const [said] = (await once(holder.stdout, 'data')) as [Buffer];
    assert.equal(said.toString(), 'locked');
    assert.equal(tryLockFile(file), undefined);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    for (let i = 0; i < 100 && tryLockFile(file) === undefined; i++) await sleep(10);
    assert.equal(tryLockFile(file), undefined, 'this process has it now');
  });
});
