import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fillMaglev, maglevSize, MAGLEV_SIZES } from './maglev.ts';

function tableOf(names: readonly string[]): Uint16Array {
  const filling = fillMaglev(names);
  for (;;) {
    const { done, value } = filling.next();
    if (done === true) return value;
  }
}

function owners(names: readonly string[]): readonly string[] {
  return [...tableOf(names)].map((it) => names[it] ?? 'nobody');
}

function namesOf(first: number, count: number): readonly string[] {
  return Array.from(
    { length: count },
    (_, at) => `10.244.${(first + at) >> 8}.${(first + at) & 255} 8080 TCP`,
  ).sort();
}

const someNames = fc
  .record({ first: fc.nat(20_000), count: fc.integer({ min: 2, max: 150 }) })
  .map(({ first, count }) => namesOf(first, count));

test('maglevSize() is the first prime above a hundred times the names, the last one where none is', () => {
  assert.deepEqual(
    [1, 2, 3, 10, 11, 1310, 1311].map(maglevSize),
    [251, 251, 509, 1021, 2039, 131_071, 131_071],
  );
  for (const size of MAGLEV_SIZES)
    for (let divisor = 2; divisor * divisor <= size; divisor++) assert.notEqual(size % divisor, 0);
});

test('every name has its share of the table to within one place', () => {
  fc.assert(
    fc.property(someNames, (names) => {
      const places = Map.groupBy(owners(names), (it) => it);
      assert.deepEqual([...places.keys()].sort(), names);
      const counts = [...places.values()].map((it) => it.length);
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1);
      assert.ok((Math.max(...counts) - Math.min(...counts)) / Math.min(...counts) <= 0.01);
    }),
  );
});

/** Places that are another's now although their owner before is still there. */
function moved(before: readonly string[], after: readonly string[]): number {
  const kept = new Set(after);
  const [had, has] = [owners(before), owners(after)];
  return had.filter((it, at) => kept.has(it) && has[at] !== it).length / had.length;
}

/** Of places whose owner is there before and after, among twenty names and more. */
const MOVES_MAX = 0.1;

test('where a name goes or comes, few others change places', () => {
  const shares: number[] = [];
  fc.assert(
    fc.property(
      someNames.filter((it) => it.length > 20),
      fc.nat(),
      (names, which) => {
        const without = names.toSpliced(which % names.length, 1);
        fc.pre(maglevSize(without.length) === maglevSize(names.length));
        shares.push(moved(names, without), moved(without, names));
      },
    ),
  );
  assert.ok(Math.max(...shares) < MOVES_MAX, `${Math.max(...shares)} of the places moved`);
});

test('the table follows from the names alone', () => {
  fc.assert(
    fc.property(someNames, (names) => {
      assert.deepEqual(tableOf(names), tableOf([...names].reverse().sort()));
    }),
  );
  // What a node of another version would have to make, too.
  assert.deepEqual([...tableOf(namesOf(0, 3))].slice(0, 12), [2, 2, 2, 2, 0, 2, 2, 1, 0, 0, 1, 2]);
});

test('a large table comes in slices', () => {
  let slices = 0;
  for (const _ of fillMaglev(namesOf(0, 1000))) slices++;
  assert.ok(slices > 20, `${slices} slices`);
});
