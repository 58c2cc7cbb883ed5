// A shelf beside a plain map: whatever is put on it and taken from it, in whatever order, and whenever somebody lists.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Shelf } from './shelf.ts';
import { StoredObject } from './stored-object.ts';

function stored(key: string, revision: number): StoredObject {
  return StoredObject.read(revision, key, Buffer.from('{}'));
}

const step = fc.record({
  key: fc.nat(40).map((i) => `a/${i}`),
  kind: fc.constantFrom('set', 'set', 'set', 'delete', 'list'),
});

function check(shelf: Shelf, model: ReadonlyMap<string, StoredObject>): void {
  assert.deepEqual(
    shelf.sorted.map(({ key, revision }) => [key, revision]),
    [...model.keys()].sort().map((key) => [key, model.get(key)?.revision]),
  );
}

test('a shelf has what a map has, in the order of keys', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(40)), fc.array(step, { maxLength: 120 }), (loaded, steps) => {
      const model = new Map<string, StoredObject>(
        [...new Set(loaded)].map((i) => [`a/${i}`, stored(`a/${i}`, 0)] as const),
      );
      const shelf = new Shelf();
      shelf.load([...model.values()]);
      for (const [i, { key, kind }] of steps.entries()) {
        if (kind === 'list') check(shelf, model);
        else if (kind === 'delete') {
          shelf.delete(key);
          model.delete(key);
        } else {
          shelf.set(stored(key, i + 1));
          model.set(key, stored(key, i + 1));
        }
        assert.equal(shelf.get(key)?.revision, model.get(key)?.revision);
      }
      check(shelf, model);
    }),
  );
});

test('thousands of objects that come while nobody lists are in order in the end', () => {
  const shelf = new Shelf();
  const model = new Map<string, StoredObject>();
  for (let i = 0; i < 2_500; i++) {
    const key = `a/${(i * 7_919) % 2_503}`;
    shelf.set(stored(key, i));
    model.set(key, stored(key, i));
  }
  check(shelf, model);
});
