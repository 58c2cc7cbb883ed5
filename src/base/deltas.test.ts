import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { deltasOf, isEmptyDeltas } from './deltas.ts';

const state = fc
  .dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat(2))
  .map((it) => new Map(Object.entries(it)));

test('deltasOf() applied to the actual state gives the desired one', () => {
  fc.assert(
    fc.property(state, state, (desired, actual) => {
      const deltas = deltasOf(desired, actual, (a, b) => a === b);
      const result = new Map(actual);
      for (const key of deltas.remove.keys()) result.delete(key);
      for (const [key, value] of deltas.add) result.set(key, value);
      for (const [key, { to }] of deltas.change) result.set(key, to);
      assert.deepEqual(result, desired);
      assert.equal(isEmptyDeltas(deltasOf(desired, result, (a, b) => a === b)), true);
    }),
  );
});
