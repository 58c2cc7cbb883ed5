import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { WorkQueue } from './work-queue.ts';

function aQueue(restMs = 0): WorkQueue {
  return new WorkQueue({
    clock: systemClock,
    random: () => 1,
    backoff: { firstMs: 20, maxMs: 100, factor: 2 },
    restMs,
  });
}

test('WorkQueue gives a key once, however often it was added', async () => {
  const queue = aQueue();
  for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
  assert.deepEqual([await queue.next(), await queue.next()], ['a', 'b']);
  queue.succeed('a');
  queue.succeed('b');
  assert.equal(queue.size, 0);
  queue.close();
});

test('WorkQueue never gives a key to two workers, and gives it again when it changed meanwhile', async () => {
  const queue = aQueue();
  queue.add('a');
  await queue.next();
  queue.add('a');
  const second = queue.next();
  const first = await Promise.race([second, systemClock.sleep(20).then(() => 'nothing')]);
  assert.equal(first, 'nothing');
  queue.succeed('a');
  assert.equal(await second, 'a');
  queue.close();
});

test('WorkQueue lets a key rest, so that a burst becomes one run', async () => {
  const queue = aQueue(50);
  queue.add('a');
  await queue.next();
  queue.succeed('a');
  const startMs = performance.now();
  for (let i = 0; i < 10; i++) queue.add('a');
  assert.equal(await queue.next(), 'a');
  assert.ok(performance.now() - startMs >= 40);
  queue.succeed('a');
  await systemClock.sleep(80);
  assert.equal(queue.size, 0);
  queue.close();
});

test('WorkQueue waits longer after each failure, and from the start again after a success', async () => {
  const queue = aQueue();
  queue.add('a');
  const waits: number[] = [];
  for (let i = 0; i < 4; i++) {
    await queue.next();
    waits.push(queue.fail('a'));
  }
  await queue.next();
  queue.succeed('a');
  queue.add('a');
  await queue.next();
  waits.push(queue.fail('a'));
  assert.deepEqual(waits, [20, 40, 80, 100, 20]);
  queue.close();
});

test('WorkQueue.close() ends every waiting worker', async () => {
  const queue = aQueue();
  const workers = [queue.next(), queue.next(), queue.next()];
  queue.close();
  assert.deepEqual(await Promise.all(workers), [undefined, undefined, undefined]);
});
