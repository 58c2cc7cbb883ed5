import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareSpecificity, coveringPatterns, covers, mostSpecific, patternOf } from './host-patterns.ts';

test('patternOf() knows names, "*." and none, and one label where it is asked for', () => {
  const rows = [
    undefined,
    'a.test',
    '*.a.test',
    '*',
    'A.test',
    'a..test',
    'a b',
    '*.',
    'a|b',
    '10.1.2.3',
    `${'a'.repeat(254)}`,
  ];
  assert.deepEqual(
    rows.map((it) => patternOf(it)),
    [
      '*',
      'a.test',
      '*.a.test',
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      '10.1.2.3',
      undefined,
    ],
  );
  assert.equal(patternOf('*.a.test', true), '?.a.test');
  assert.equal(patternOf('a.test', true), 'a.test');
});

test('covers(): whose names are among the names of another', () => {
  const rows: readonly (readonly [outer: string, inner: string, isCovered: boolean])[] = [
    ['*', 'a.test', true],
    ['*.test', 'a.test', true],
    ['*.test', 'b.a.test', true],
    ['*.test', 'test', false],
    ['*.test', 'atest', false],
    ['*.test', '*.a.test', true],
    ['*.a.test', '*.test', false],
    ['?.test', 'a.test', true],
    ['?.test', 'b.a.test', false],
    ['?.test', '*.test', false],
    ['*.test', '?.test', true],
    ['a.test', '*', false],
  ];
  assert.deepEqual(
    rows.map(([outer, inner]) => [outer, inner, covers(outer, inner)]),
    rows,
  );
});

test('compareSpecificity() has the more specific one first', () => {
  const sorted = ['c.b.test', '?.b.test', '*.b.test', '*.test', '*'];
  assert.deepEqual(sorted.toReversed().sort(compareSpecificity), sorted);
});

test('coveringPatterns() are those that cover, in order', () => {
  const name = fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 4 }).map((it) => it.join('.'));
  const pattern = fc.oneof(name, name.map((it) => `*.${it}`), name.map((it) => `?.${it}`), fc.constant('*')); // prettier-ignore
  fc.assert(
    fc.property(fc.uniqueArray(pattern, { maxLength: 12 }), pattern, (all, one) => {
      const covering = all.filter((it) => covers(it, one)).sort(compareSpecificity);
      assert.deepEqual(
        [...coveringPatterns(one)].filter((it) => all.includes(it)),
        covering,
      );
      assert.equal(mostSpecific(new Map(all.map((it) => [it, it])), one), covering[0]);
    }),
  );
});
