import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalQuantity } from './canonical-quantity.ts';
import { parseQuantity } from './quantity.ts';

test('canonicalQuantity() gives each quantity the form that an API server gives it', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['0', '0'],
    ['0.0', '0'],
    ['0Gi', '0'],
    ['1', '1'],
    ['0.1', '100m'],
    ['.5', '500m'],
    ['1.5', '1500m'],
    ['-0.25', '-250m'],
    ['100m', '100m'],
    ['1000m', '1'],
    ['2500m', '2500m'],
    ['1000', '1k'],
    ['1500', '1500'],
    ['1000000', '1M'],
    ['128M', '128M'],
    ['8000k', '8M'],
    ['1e3', '1e3'],
    ['1e4', '10e3'],
    ['1500e-3', '1500e-3'],
    ['0.001e3', '1'],
    ['128Mi', '128Mi'],
    ['1024Mi', '1Gi'],
    ['1536Mi', '1536Mi'],
    ['1.5Gi', '1536Mi'],
    ['0.5Gi', '512Mi'],
    ['512Ki', '512Ki'],
    ['0.5Ki', '512'],
    ['1.1Ki', '1126400m'],
    ['16Ei', '9223372036854775807'],
    ['0.0000000001', '1n'],
    ['1.0000000000001', '1000000001n'],
  ];
  for (const [written, form] of rows) assert.equal(canonicalQuantity(written), form, written);
});

test('canonicalQuantity() leaves alone what is no quantity', () => {
  for (const text of ['', 'abc', '1Q', '1 Gi', '1e9999', '--1', `1${'0'.repeat(100)}`])
    assert.equal(canonicalQuantity(text), text);
});

test('canonicalQuantity() never changes the value, and its form is stable', () => {
  const suffix = fc.constantFrom('', 'm', 'u', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'e2', 'e-1', 'E3');
  const number = fc.tuple(fc.nat(99_999), fc.nat(999)).map(([a, b]) => `${a}.${b}`);
  fc.assert(
    fc.property(fc.oneof(number, fc.nat(9_999_999).map(String)), suffix, (digits, of) => {
      const form = canonicalQuantity(`${digits}${of}`);
      const [is, was] = [parseQuantity(form), parseQuantity(`${digits}${of}`)];
      assert.ok(Math.abs(is - was) <= Math.max(1e-9, Math.abs(was) * 1e-12), `${digits}${of} -> ${form}`);
      assert.equal(canonicalQuantity(form), form);
    }),
  );
});
