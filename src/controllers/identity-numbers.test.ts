import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FIRST_IDENTITY, LAST_IDENTITY } from '../objects/identity.ts';
import { freeNumbers, type GivenNumber } from './identity-numbers.ts';

/** In the seconds 0, 1, ... */
function given(...numbers: readonly number[]): readonly GivenNumber[] {
  return numbers.map((number, second) => ({
    number,
    since: `1970-01-01T00:00:${String(second).padStart(2, '0')}Z`,
  }));
}

const ONE_SECOND = [256, 257, 65_535].map((number) => ({ number, since: '1970-01-01T00:00:00Z' }));

for (const { name, before, expected } of [
  { name: 'the first of all', before: [], expected: [256, 257, 258] },
  { name: 'those above the youngest', before: given(256, 300), expected: [301, 302, 303] },
  { name: 'not what is free below', before: given(900, 901, 903), expected: [904, 905, 906] },
  { name: 'round from the first one', before: given(256, 65_534), expected: [65_535, 257, 258] },
  { name: 'above the last one that came round', before: given(65_535, 256, 257), expected: [258, 259, 260] },
  { name: 'over those that are given', before: given(258, 259, 257), expected: [260, 261, 262] },
  { name: 'of one second above the highest', before: ONE_SECOND, expected: [258, 259, 260] },
] as const) {
  test(`freeNumbers() gives ${name}`, () => {
    assert.deepEqual([...freeNumbers(before).take(3)], expected);
  });
}

test('freeNumbers() gives every free number once and no other', () => {
  const number = fc.integer({ min: FIRST_IDENTITY, max: LAST_IDENTITY });
  fc.assert(
    fc.property(fc.array(number, { maxLength: 20 }), (numbers) => {
      const free = [...freeNumbers(given(...numbers))];
      const all = new Set([...free, ...numbers]);
      assert.equal(all.size, LAST_IDENTITY - FIRST_IDENTITY + 1);
      assert.equal(free.length, all.size - new Set(numbers).size);
    }),
    { numRuns: 20 },
  );
});
