import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OwnAddresses } from './own-addresses.ts';

test('OwnAddresses has those of the node, and no other', () => {
  const own = new OwnAddresses(() => 0);
  assert.deepEqual(
    ['127.0.0.1', '192.0.2.77', '2001:db8::77'].map((it) => own.has(it)),
    [true, false, false],
  );
});
