import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { FairleadError, hasCode } from '../base/errors.ts';
import { errnoName, errnoOf, kernelError, wrapNodeError } from './errno.ts';
import { parseMountinfo } from './mountinfo.ts';
import { findCgroupMount } from './cgroup.ts';
import { isAlive, processStartTime, runProgram } from './process.ts';

describe('runProgram()', () => {
  it('passes arguments and input, returns both outputs', async () => {
    const result = await runProgram('sh', ['-c', 'cat; echo "$0" >&2', 'word'], { stdin: 'in put' });
    assert.deepEqual(result, { stdout: 'in put', stderr: 'word\n' });
  });

  it('takes input in pieces, and makes no more of them than the program takes', async () => {
    const words = Array.from({ length: 100_000 }, (_, at) => `word ${at}\n`);
    assert.equal((await runProgram('cat', [], { stdin: () => words })).stdout, words.join(''));
    assert.equal((await runProgram('cat', [], { stdin: () => [] })).stdout, '');
    function* endless(): Generator<string> {
      for (;;) yield 'and so on\n';
    }
    assert.equal((await runProgram('head', ['-n', '1'], { stdin: endless })).stdout, 'and so on\n');
  });

  it('is killed where a piece of its input cannot be made', async () => {
    function* broken(): Generator<string> {
      yield 'one\n'.repeat(100_000);
      throw new FairleadError('invalid', 'Cannot make two');
    }
    await assert.rejects(
      runProgram('cat', [], { stdin: broken }),
      (error) => hasCode(error, 'internal') && /its input: Cannot make two/.test(error.message),
    );
  });

  it('names the command and its complaint where it fails', async () => {
    await assert.rejects(
      runProgram('sh', ['-c', 'echo no such table >&2; exit 3']),
      (error) =>
        hasCode(error, 'kernel') &&
        error.details['exitCode'] === 3 &&
        error.message === 'Cannot run "sh -c echo no such table >&2; exit 3": no such table (exit code 3)',
    );
  });

  it('a program that is not installed is unsupported', async () => {
    await assert.rejects(runProgram('t-sys-none', []), (error) => hasCode(error, 'unsupported'));
  });

  it('is killed when it takes too long, writes too much, or is given up', async () => {
    await assert.rejects(runProgram('sleep', ['60'], { timeoutMs: 20 }), (error) =>
      hasCode(error, 'timeout'),
    );
    await assert.rejects(runProgram('yes', [], { maxOutputBytes: 1000 }), (error) =>
      hasCode(error, 'exhausted'),
    );
    const abort = new AbortController();
    const run = runProgram('sleep', ['60'], { signal: abort.signal });
    abort.abort();
    await assert.rejects(run, (error) => hasCode(error, 'aborted'));
    await assert.rejects(runProgram('true', [], { signal: abort.signal }), (error) =>
      hasCode(error, 'aborted'),
    );
  });

  it('a program that does not read its input does no harm', async () => {
    await runProgram('true', [], { stdin: Buffer.alloc(1 << 20) });
  });
});

describe('processes beyond their numbers', () => {
  it('the same process keeps its start time, one that ended has none', async () => {
    const child = spawn('bash', ['-c', 'exec -a "odd ) name" sleep 60'], { stdio: 'ignore' });
    const pid = child.pid ?? 0;
    const startTime = processStartTime(pid);
    assert.ok(startTime !== undefined && Number.isInteger(startTime));
    assert.equal(isAlive(pid, startTime), true);
    assert.equal(isAlive(pid, startTime + 1), false);
    child.kill();
    await once(child, 'exit');
    assert.equal(isAlive(pid), false);
    assert.equal(processStartTime(pid), undefined);
  });
});

describe('errno', () => {
  it('a refusal has name, text, code and what the kernel said', () => {
    const error = kernelError({ action: 'add link v0', errno: 17, detail: 'name taken' });
    assert.equal(error.message, 'Cannot add link v0: exists already (EEXIST: name taken)');
    assert.deepEqual([error.code, error.details], ['already-exists', { errno: 'EEXIST' }]);
  });

  it('names are the kernel’s, also where Node has two or none', () => {
    assert.deepEqual([1, 11, 35, 95, 117, 524, 999].map(errnoName), [
      'EPERM',
      'EAGAIN',
      'EDEADLK',
      'EOPNOTSUPP',
      'EUCLEAN',
      'ENOTSUPP',
      'E999',
    ]);
  });

  it('Node’s errors are wrapped with their number', () => {
    const cause = Object.assign(new Error('x'), { code: 'ENOENT' });
    const error = wrapNodeError('open f', cause);
    assert.equal(error.message, 'Cannot open f: does not exist (ENOENT)');
    assert.equal(errnoOf(error), 'ENOENT');
    assert.equal(wrapNodeError('open f', new Error('odd')).message, 'Cannot open f: odd');
  });
});

describe('parseMountinfo()', () => {
  it('reads targets with spaces and any number of optional fields', () => {
    const text = [
      '25 1 0:23 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw',
      '26 1 0:24 /sub /mnt/a\\040b rw - tmpfs none rw',
      'broken line',
      '',
    ].join('\n');
    const mounts = parseMountinfo(text);
    assert.deepEqual(mounts, [
      { target: '/sys/fs/cgroup/unified', type: 'cgroup2', source: 'cgroup2', root: '/' },
      { target: '/mnt/a b', type: 'tmpfs', source: 'none', root: '/sub' },
    ]);
    assert.equal(findCgroupMount(mounts), '/sys/fs/cgroup/unified');
    assert.equal(findCgroupMount([]), undefined);
  });
});
