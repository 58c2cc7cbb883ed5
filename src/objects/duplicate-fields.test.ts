import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { duplicateFields } from './duplicate-fields.ts';

test('fields that come twice are named by their paths', () => {
  const text = '{"a":1,"b":{"c":[{"d":1},{"d":"x,\\"{","e":2,"d":[]}]},"a":2,"\\u0062":3}';
  assert.deepEqual(duplicateFields(text), ['b.c[1].d', 'a', 'b']);
  assert.deepEqual(duplicateFields('[{"a":1},{"a":1}]'), []);
});

test('what JSON.stringify writes has none', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => assert.deepEqual(duplicateFields(JSON.stringify(value)), [])),
  );
});

test('there is an end to what is named', () => {
  assert.equal(duplicateFields(`{${'"a":1,'.repeat(1000)}"a":1}`).length, 20);
});
