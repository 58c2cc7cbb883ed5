import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, before, suite, test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import type { PathRoots } from '../../base/paths.ts';
import { makeClusterConfig } from './cluster-config.ts';
import { isRecordAlive, liveRecords, recordFolder } from './process-record.ts';
import { supervise } from './supervisor.ts';

const cluster = makeClusterConfig({ name: 'sup', nodeCount: 1, network: 'vxlan', index: 0 });

suite('supervise()', () => {
  let folder: string;
  let roots: PathRoots;
  let abort: AbortController;

  before(() => {
    folder = mkdtempSync(`${tmpdir()}/supervisor-`);
    roots = {
      run: `${folder}/run`,
      state: `${folder}/state`,
      cgroup: `${folder}/cgroup`,
      netns: `${folder}/netns`,
    };
    mkdirSync(`${folder}/cgroup/sup/control`, { recursive: true });
    writeFileSync(`${folder}/program`, '#!/bin/sh\nexec sleep 60\n');
    chmodSync(`${folder}/program`, 0o755);
  });

  after(() => {
    for (const record of liveRecords(recordFolder(roots, 'sup'))) process.kill(record.pid, 'SIGKILL');
    rmSync(folder, { recursive: true });
  });

  const start = (): Promise<void> => {
    abort = new AbortController();
    const processes = [{ name: 'one', command: 'sleeper', node: undefined, config: { a: 1 } }];
    return supervise(
      { cluster, roots, processes, program: `${folder}/program`, clock: systemClock, log: () => {} },
      abort.signal,
    );
  };

  const untilOne = async (isIt: (pid: number) => boolean): Promise<number> => {
    for (let i = 0; i < 500; i++) {
      const pid = liveRecords(recordFolder(roots, 'sup'))[0]?.pid;
      if (pid !== undefined && isIt(pid)) return pid;
      await systemClock.sleep(10);
    }
    throw new Error('no process came up');
  };

  test('starts again what is killed, leaves it running at its own end, and adopts it at the next start', async () => {
    const first = start();
    const pid = await untilOne(() => true);
    assert.deepEqual(JSON.parse(readFileSync(`${roots.run}/sup/config/one.json`, 'utf8')), { a: 1 });
    process.kill(pid, 'SIGKILL');
    const again = await untilOne((other) => other !== pid);
    abort.abort();
    await first;
    assert.equal(liveRecords(recordFolder(roots, 'sup'))[0]?.pid, again);

    const second = start();
    await systemClock.sleep(100);
    assert.equal(liveRecords(recordFolder(roots, 'sup'))[0]?.pid, again);
    process.kill(again, 'SIGKILL');
    await untilOne((other) => other !== again);
    abort.abort();
    await second;
  });

  test('a record whose pid belongs to another process by now is not alive', () => {
    assert.equal(isRecordAlive({ name: 'x', pid: process.pid, startTime: 1 }), false);
  });
});
