// Maps that grow, on fakes that refuse and count: sizes, what is kept, and what is left after every step that fails.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FakeMapSlot } from '../../../test/support/fake-map-slot.ts';
import { packEntries, type BpfEntry } from '../../sys/bpf-map.ts';
import { GrowingMap, type MapGrowth } from './growing-map.ts';

/** A slot whose steps can be refused, and what became of it. */
class Rig {
  readonly steps: string[] = [];
  readonly growths: MapGrowth[] = [];
  /** Refuses the first step of this text. */
  refused: string | undefined;
  readonly slot = new FakeMapSlot('endpoints', {
    beforeWrite: (_map, step) => {
      this.steps.push(step);
      if (step !== this.refused) return;
      throw new Error(`refused: ${step}`);
    },
    afterWrite: () => undefined,
  });

  open(limit = 1024): GrowingMap {
    return new GrowingMap({
      slot: this.slot,
      firstEntries: 16,
      limit,
      onGrowth: (growth) => this.growths.push(growth),
    });
  }
}

function entriesOf(first: number, count: number): BpfEntry[] {
  return Array.from({ length: count }, (_, at) => {
    const key = Buffer.alloc(4);
    key.writeUInt32LE(first + at);
    return [key, Buffer.from([1])] as const;
  });
}

function keysIn(map: { entries(): readonly BpfEntry[] } | undefined): readonly string[] {
  return (map?.entries() ?? []).map(([key]) => Buffer.from(key).toString('hex')).sort();
}

test('it begins small, and grows before a write that would crowd it', () => {
  const rig = new Rig();
  const map = rig.open();
  map.updateAll(packEntries(entriesOf(0, 12)));
  assert.equal(map.maxEntries, 16);
  map.updateAll(packEntries(entriesOf(12, 1)));
  assert.equal(map.maxEntries, 32);
  assert.deepEqual(rig.growths, [{ map: 'endpoints', from: 16, to: 32 }]);
  assert.deepEqual(keysIn(rig.slot.now), keysIn({ entries: () => entriesOf(0, 13) }));
});

test('one step leads to the size that a large write needs', () => {
  const rig = new Rig();
  const map = rig.open();
  map.updateAll(packEntries(entriesOf(0, 500)));
  assert.deepEqual([map.maxEntries, map.growths, map.count()], [1024, 1, 500]);
});

test('entries that are written over do not make it grow', () => {
  const rig = new Rig();
  const map = rig.open();
  for (let round = 0; round < 100; round++) map.updateAll(packEntries(entriesOf(0, 10)));
  assert.equal(map.maxEntries, 16);
});

test('what comes and goes does not make it grow', () => {
  const rig = new Rig();
  const map = rig.open();
  for (let round = 0; round < 100; round++) {
    map.updateAll(packEntries(entriesOf(round * 5, 5)));
    assert.equal(map.deleteAll(entriesOf(round * 5, 5).map(([key]) => key)), 5);
  }
  assert.equal(map.maxEntries, 16);
});

test('its size outlives the one who opened it', () => {
  const rig = new Rig();
  rig.open().updateAll(packEntries(entriesOf(0, 100)));
  const again = rig.open();
  assert.deepEqual([again.maxEntries, again.count(), again.growths], [128, 100, 0]);
});

test('at its limit it refuses what does not fit, and takes it when there is room', () => {
  const map = new Rig().open(32);
  map.updateAll(packEntries(entriesOf(0, 32)));
  assert.throws(() => map.updateAll(packEntries(entriesOf(32, 1))), { code: 'exhausted' });
  map.delete(entriesOf(0, 1)[0]?.[0] ?? Buffer.alloc(0));
  map.updateAll(packEntries(entriesOf(32, 1)));
  assert.equal(map.count(), 32);
});

for (const step of ['make 32', '05000000', 'install 32'])
  test(`where growth fails at "${step}", it goes on at its size, and grows when that can be`, () => {
    const rig = new Rig();
    const map = rig.open();
    map.updateAll(packEntries(entriesOf(0, 12)));
    rig.refused = step;
    map.updateAll(packEntries(entriesOf(12, 4)));
    assert.deepEqual([map.maxEntries, map.count()], [16, 16]);
    assert.throws(() => map.updateAll(packEntries(entriesOf(16, 1))), { code: 'exhausted' });
    assert.deepEqual(
      rig.growths.map(({ to, error }) => [to, String(error)]),
      [[32, `Error: refused: ${step}`]],
    );
    assert.deepEqual(keysIn(rig.slot.now), keysIn({ entries: () => entriesOf(0, 16) }));
    rig.refused = undefined;
    map.updateAll(packEntries(entriesOf(16, 1)));
    assert.deepEqual([map.maxEntries, map.count(), keysIn(rig.slot.now).length], [32, 17, 17]);
  });

test('whatever is written and deleted, it holds what a map without end would hold', () => {
  const operation = fc.record({
    first: fc.nat(200),
    count: fc.integer({ min: 1, max: 60 }),
    isDelete: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
      const rig = new Rig();
      const map = rig.open();
      const expected = new Set<string>();
      for (const { first, count, isDelete } of operations) {
        const entries = entriesOf(first, count);
        if (isDelete) map.deleteAll(entries.map(([key]) => key));
        else map.updateAll(packEntries(entries));
        for (const key of keysIn({ entries: () => entries }))
          if (isDelete) expected.delete(key);
          else expected.add(key);
        assert.ok(map.count() <= map.maxEntries * 0.8 + map.maxEntries / 16);
      }
      assert.deepEqual(keysIn(map), [...expected].sort());
      assert.deepEqual(keysIn(rig.slot.now), [...expected].sort());
    }),
  );
});
