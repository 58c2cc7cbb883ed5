// The end of a made-up name: five letters, each by its own part of one number.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomSuffix } from './random-suffix.ts';

function suffixOf(pick: (limit: number) => number): string {
  return randomSuffix({ uuid: () => '', below: pick });
}

test('every suffix of five letters can come out, by one number', () => {
  assert.equal(
    suffixOf(() => 0),
    'bbbbb',
  );
  assert.equal(
    suffixOf((limit) => limit - 1),
    '99999',
  );
  assert.equal(
    suffixOf(() => 27 ** 4 * 3 + 27 * 2 + 1),
    'cdbbf',
  );
  const letters = new Set(Array.from({ length: 27 }, (_, i) => suffixOf(() => i * 27 ** 2)[2]));
  assert.equal(letters.size, 27);
});
