import assert from 'node:assert/strict';
import { test } from 'node:test';
import { macFromBytes, macFromSeed, macToBytes, parseMac } from './mac.ts';

test('macFromSeed() is locally administered, unicast, and depends on the seed alone', () => {
  for (const seed of ['a', 'b', 'vtep/node-1', 'vtep/node-2']) {
    assert.equal((macToBytes(macFromSeed(seed))[0] ?? 0) & 3, 2);
    assert.equal(macFromSeed(seed), macFromSeed(seed));
  }
  assert.notEqual(macFromSeed('a'), macFromSeed('b'));
});

test('parseMac() gives canonical text or names what it could not read', () => {
  assert.equal(parseMac('02:AB:cd:00:11:ff'), '02:ab:cd:00:11:ff');
  assert.equal(macFromBytes(macToBytes(parseMac('02:ab:cd:00:11:ff'))), '02:ab:cd:00:11:ff');
  for (const text of ['', '02:ab:cd:00:11', '02-ab-cd-00-11-ff', '02:ab:cd:00:11:fg']) {
    assert.throws(() => parseMac(text), { code: 'invalid' });
  }
});
