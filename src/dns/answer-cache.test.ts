import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AnswerCache, type CachedAnswer } from './answer-cache.ts';
import { prepareEmpty } from './prepared-answer.ts';

/** An answer of so many octets. */
function anEntry(bodyBytes: number, keptUntilMs = 1000): CachedAnswer {
  const prepared = { ...prepareEmpty(0), body: Buffer.alloc(bodyBytes) };
  const use = { asks: 1, lastMs: 0, recheckMs: 0 };
  return { prepared, storedMs: 0, expiresMs: Math.min(500, keptUntilMs), keptUntilMs, use };
}

/** Octets that an entry with a key of one letter takes. */
const ENTRY = 501;

test('AnswerCache forgets the entry used longest ago when it is full', () => {
  const cache = new AnswerCache(3 * ENTRY);
  for (const key of ['a', 'b', 'c']) cache.set(key, anEntry(0));
  cache.get('a', 0);
  cache.set('d', anEntry(0));
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((key) => cache.get(key, 0) !== undefined),
    [true, false, true, true],
  );
  assert.equal(cache.counts.evictions, 1);
});

test('AnswerCache forgets what is not to be kept any more when it is asked for', () => {
  const cache = new AnswerCache(10_000);
  cache.set('a', anEntry(10, 1000));
  assert.ok(cache.get('a', 999));
  assert.equal(cache.get('a', 1000), undefined);
  assert.deepEqual(cache.counts, { entries: { success: 0, denial: 0 }, bytes: 0, evictions: 0 });
});

test('AnswerCache keeps nothing larger than itself', () => {
  const cache = new AnswerCache(ENTRY + 100);
  cache.set('a', anEntry(100));
  cache.set('b', anEntry(101));
  assert.ok(cache.get('a', 0));
  assert.equal(cache.get('b', 0), undefined);
});

test('AnswerCache never holds more than its bound, whatever is put and taken', () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    bodyBytes: fc.integer({ min: 0, max: 2000 }),
    nowMs: fc.integer({ min: 0, max: 2000 }),
    isPut: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const cache = new AnswerCache(4000);
      const live = new Map<string, number>();
      for (const { key, bodyBytes, nowMs, isPut } of steps) {
        if (isPut) {
          cache.set(key, anEntry(bodyBytes));
          live.set(key, bodyBytes);
        } else {
          const found = cache.get(key, nowMs);
          if (found !== undefined) assert.equal(found.prepared.body.length, live.get(key));
        }
        const { bytes, entries } = cache.counts;
        assert.ok(bytes <= 4000 && bytes >= 0);
        assert.ok(entries.success >= 0 && entries.denial >= 0);
        assert.ok(bytes > 0 || entries.success + entries.denial === 0);
      }
    }),
  );
});
