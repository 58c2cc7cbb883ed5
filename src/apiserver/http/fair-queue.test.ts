import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FairQueue } from './fair-queue.ts';
import { StatusError } from './status-error.ts';

test('clients have their turns one after the other, whatever one of them has waiting', async () => {
  const queue = new FairQueue();
  const order: string[] = [];
  const ask = async (client: string): Promise<void> => {
    await queue.turn(client);
    order.push(client);
  };
  await Promise.all([ask('a'), ask('a'), ask('a'), ask('a'), ask('b'), ask('b'), ask('c')]);
  assert.deepEqual(order, ['a', 'b', 'c', 'a', 'b', 'a', 'a']);
});

test('other work comes in between', async () => {
  const queue = new FairQueue();
  let turns = 0;
  const seen: number[] = [];
  const all = Promise.all(Array.from({ length: 5 }, () => queue.turn('a').then(() => turns++)));
  const look = (): void => {
    seen.push(turns);
    if (turns < 5) setImmediate(look);
  };
  setImmediate(look);
  await all;
  assert.ok(seen.length >= 4, `looked at ${seen.join(' ')}`);
});

test('who has too many waiting is told to come again', async () => {
  const queue = new FairQueue();
  const waiting = Array.from({ length: 100 }, () => queue.turn('a'));
  assert.throws(
    () => queue.turn('a'),
    (error) => error instanceof StatusError && error.code === 429 && error.details?.retryAfterSeconds === 1,
  );
  await Promise.all([...waiting, queue.turn('b')]);
});
