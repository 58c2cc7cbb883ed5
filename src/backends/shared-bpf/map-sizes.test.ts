import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BPF_MAPS } from '../../wire/bpf-maps.ts';
import { sizesForMachine } from './map-sizes.ts';

const GIB = 2 ** 30;
const TABLE = BPF_MAPS.flows.maxEntries;

for (const [gib, entries] of [
  [0.5, TABLE / 4],
  [1.9, TABLE / 4],
  [3.8, TABLE / 2],
  [7.7, TABLE],
  [64, TABLE],
] as const)
  test(`sizesForMachine() makes ${entries} flows on a machine of ${gib} GiB`, () => {
    assert.equal(sizesForMachine(gib * GIB, undefined).get('flows'), entries);
  });

test('sizesForMachine() follows the setting for flows alone, and says nothing of maps that grow', () => {
  const sizes = sizesForMachine(64 * GIB, 4096);
  assert.equal(sizes.get('flows'), 4096);
  assert.equal(sizes.get('affinities'), BPF_MAPS.affinities.maxEntries);
  assert.equal(sizes.get('frontends'), undefined);
});
