import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mapChanges } from './map-commands.ts';

test('mapChanges() sets longer keys first and removes them last', () => {
  const lines = (...keys: readonly string[]): ReadonlyMap<string, string> =>
    new Map(keys.map((it) => [it, 'b0001']));
  const all = lines('a:80/', 'a:80/admin/', 'a:80/x/');
  const { set } = mapChanges(new Map(), all);
  assert.deepEqual([...set.keys()], ['a:80/admin/', 'a:80/x/', 'a:80/']);
  assert.deepEqual(mapChanges(all, lines('a:80/x/')).gone, ['a:80/', 'a:80/admin/']);
});
