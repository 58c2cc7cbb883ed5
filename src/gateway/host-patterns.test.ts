import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareSpecificity, covers, patternOf } from './host-patterns.ts';

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
