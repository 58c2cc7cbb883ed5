import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lifetime } from './lifetime.ts';

test('close() runs the closers in reverse, once, and waits for each', async () => {
  const order: string[] = [];
  const lifetime = new Lifetime('test');
  lifetime.own('first', 1, () => void order.push('first'));
  lifetime.defer('second', async () => {
    await Promise.resolve();
    order.push('second');
  });
  await Promise.all([lifetime.close(), lifetime.close()]);
  assert.deepEqual(order, ['second', 'first']);
  assert.ok(lifetime.signal.aborted);
});

test('close() goes past a closer that fails and names it at the end', async () => {
  let isClosed = false;
  const lifetime = new Lifetime('test');
  lifetime.defer('good', () => void (isClosed = true));
  lifetime.defer('bad', () => {
    throw new Error('broken');
  });
  await assert.rejects(lifetime.close(), (error: AggregateError) =>
    /Cannot close bad: broken/.test(String(error.errors[0])),
  );
  assert.ok(isClosed);
});

test('defer() refuses what is opened after the end', async () => {
  const lifetime = new Lifetime('test');
  await lifetime.close();
  assert.throws(() => lifetime.defer('late', () => {}), { code: 'aborted', message: /late/ });
});

test('own() closes what comes after the end', async () => {
  const lifetime = new Lifetime('test');
  await lifetime.close();
  let isClosed = false;
  assert.throws(() => lifetime.own('late', {}, () => void (isClosed = true)), { code: 'aborted' });
  assert.ok(isClosed);
});
