import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDuration } from './duration.ts';

const ROWS: readonly (readonly [text: string, ms: number | undefined])[] = [
  ['0s', 0],
  ['10ms', 10],
  ['1h30m5s10ms', 5_405_010],
  ['1m1ms', 60_001],
  ['99999h', 359_996_400_000],
  ['', undefined],
  ['10', undefined],
  ['1.5s', undefined],
  ['-1s', undefined],
  ['100000s', undefined],
  ['1s1s1s1s1s', undefined],
  ['1s\n', undefined],
];

for (const [text, ms] of ROWS) {
  test(`parseDuration() of ${JSON.stringify(text)} is ${ms}`, () => {
    assert.equal(parseDuration(text), ms);
  });
}
