import assert from 'node:assert/strict';
import { test } from 'node:test';
import koffi from 'koffi';
import { workerCall } from './worker-call.ts';

const getpid = koffi.load('libc.so.6').func('int getpid()');

test('workerCall() makes more calls than may wait at once, each with its own result', async () => {
  const calls = Array.from({ length: 1000 }, () =>
    workerCall<number>((done) => {
      getpid.async((_error: unknown, result: number) => done(result));
    }),
  );
  assert.deepEqual(new Set(await Promise.all(calls)), new Set([process.pid]));
});

test('workerCall() gives its place back after a call that could not be made', async () => {
  const failing = Array.from({ length: 200 }, () =>
    workerCall(() => {
      throw new Error('not made');
    }),
  );
  const results = await Promise.allSettled(failing);
  assert.ok(results.every((it) => it.status === 'rejected'));
  assert.equal(await workerCall<number>((done) => done(1)), 1);
});
