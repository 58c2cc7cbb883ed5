import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQuantity, quantityMillis, quantityMillisOr, tryParseQuantity } from './quantity.ts';

for (const [text, value] of [
  ['1', 1],
  ['250m', 0.25],
  ['2k', 2000],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['1e3', 1000],
  ['.5', 0.5],
  ['-1', -1],
] as const) {
  test(`parseQuantity("${text}") is ${value}`, () => assert.equal(parseQuantity(text), value));
}

for (const [text, millis] of [
  ['1', 1000],
  ['500m', 500],
  ['0.1', 100],
  ['1Ki', 1_024_000],
  ['2e3', 2_000_000],
  ['1k', 1_000_000],
  ['.5', 500],
] as const) {
  test(`quantityMillis("${text}") is ${millis}`, () => assert.equal(quantityMillis(text), millis));
}

for (const text of ['', '1x', 'abc', '1.2.3', '--1', '1 Gi', '1Q', '1ki', '1e9999']) {
  test(`quantityMillis("${text}") is refused`, () =>
    assert.throws(() => quantityMillis(text), /Cannot read quantity/));
}

test('what is no quantity is undefined, or what the caller says', () => {
  assert.equal(tryParseQuantity(undefined), undefined);
  assert.equal(quantityMillisOr('nonsense', 7), 7);
});
