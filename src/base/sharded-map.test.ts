import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { deltasOf } from './deltas.ts';
import { ShardedMap } from './sharded-map.ts';

const changes = fc
  .array(fc.tuple(fc.string({ maxLength: 2 }), fc.option(fc.nat(3), { nil: undefined })))
  .map((it) => new Map(it));

test('a sharded map holds what a plain one does, and the one before stays as it was', () => {
  fc.assert(
    fc.property(fc.array(changes), (steps) => {
      let sharded = ShardedMap.empty<number>();
      const plain = new Map<string, number>();
      for (const step of steps) {
        const before = [sharded, new Map(sharded)] as const;
        sharded = sharded.with(step);
        for (const [key, value] of step) {
          if (value === undefined) plain.delete(key);
          else plain.set(key, value);
        }
        assert.deepEqual(new Map(before[0]), before[1]);
        assert.deepEqual(new Map(sharded), plain);
        assert.equal(sharded.size, plain.size);
        for (const key of step.keys())
          assert.deepEqual([sharded.get(key), sharded.has(key)], [plain.get(key), plain.has(key)]);
      }
    }),
  );
});

test('differences of two sharded maps are those of plain ones', () => {
  const isEqual = (a: number, b: number): boolean => a === b;
  fc.assert(
    fc.property(changes, changes, changes, (common, a, b) => {
      const base = ShardedMap.empty<number>().with(common);
      const [left, right] = [base.with(a), base.with(b)];
      assert.deepEqual(deltasOf(left, right, isEqual), deltasOf(new Map(left), new Map(right), isEqual));
    }),
  );
});

test('what is shared is not looked at', () => {
  const base = ShardedMap.empty<number>().with(
    new Map(Array.from({ length: 5000 }, (_, i) => [`key ${i}`, i])),
  );
  const next = base.with(new Map([['key 7', -1]]));
  const pairs = [...next.unshared(base)];
  assert.equal(pairs.length, 1);
  assert.ok((pairs[0]?.[0].size ?? 0) < 30);
});
