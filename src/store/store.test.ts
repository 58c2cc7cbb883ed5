import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Store } from './store.ts';
import type { StoreKind } from './table.ts';

interface Thing {
  readonly name: string;
  readonly node: string;
  readonly tags: readonly string[];
}

const THINGS: StoreKind<Thing> = {
  name: 'things',
  indexes: { node: (thing) => [thing.node], tag: (thing) => thing.tags },
  isEqual: (a, b) => JSON.stringify(a) === JSON.stringify(b),
};

function aThing(name: string, node = 'a', tags: readonly string[] = []): Thing {
  return { name, node, tags };
}

test('Table finds objects by key and by index', () => {
  const table = new Store().table(THINGS);
  table.put('x', aThing('x', 'a', ['red', 'big']));
  table.put('y', aThing('y', 'b', ['red']));
  table.put('x', aThing('x', 'b', ['big']));
  const names = (things: Iterable<Thing>) => [...things].map((thing) => thing.name).sort();
  assert.deepEqual(names(table.by('node', 'a')), []);
  assert.deepEqual(names(table.by('node', 'b')), ['x', 'y']);
  assert.deepEqual(names(table.by('tag', 'red')), ['y']);
  table.delete('y');
  assert.deepEqual(names(table.by('tag', 'red')), []);
  for (const reader of [table, table.snapshot()]) {
    assert.deepEqual([[...reader.valuesOf('node')], [...reader.valuesOf('tag')]], [['b'], ['big']]);
  }
  assert.throws(() => table.by('colour', 'red'), /no index "colour"/);
});

test('Table.snapshot() never changes and is the same object while nothing changes', () => {
  const store = new Store();
  const table = store.table(THINGS);
  table.put('x', aThing('x', 'a'));
  const before = store.snapshot().of(THINGS);
  assert.equal(before, table.snapshot());
  table.put('x', aThing('x', 'a'));
  assert.equal(before, table.snapshot(), 'an equal object is no change');
  table.put('y', aThing('y', 'a'));
  table.delete('x');
  assert.deepEqual([[...before.keys()], [...before.by('node', 'a')].length], [['x'], 1]);
  assert.deepEqual([...store.snapshot().of(THINGS).keys()], ['y']);
  assert.ok(store.snapshot().of(THINGS).revision > before.revision);
});

test('Store is synced when every kind had a complete list', () => {
  const store = new Store();
  const things = store.table(THINGS);
  const others = store.table({ name: 'others' });
  things.replace(new Map());
  assert.deepEqual([store.isSynced, store.snapshot().of(THINGS).isSynced], [false, true]);
  others.replace(new Map());
  assert.equal(store.isSynced, true);
});

test('Table snapshots equal a plain map, whatever was done', () => {
  const write = fc.record({
    key: fc.integer({ min: 0, max: 6 }),
    node: fc.option(fc.integer({ min: 0, max: 2 })),
  });
  fc.assert(
    fc.property(fc.array(fc.tuple(write, fc.boolean())), (writes) => {
      const table = new Store().table(THINGS);
      const model = new Map<string, Thing>();
      const kept: (readonly [ReturnType<typeof table.snapshot>, ReadonlyMap<string, Thing>])[] = [];
      for (const [{ key, node }, isKept] of writes) {
        const thing = aThing(`${key}`, `${node}`, [`t${node}`]);
        if (node === null) {
          model.delete(`${key}`);
          table.delete(`${key}`);
        } else {
          model.set(`${key}`, thing);
          table.put(`${key}`, thing);
        }
        if (isKept) kept.push([table.snapshot(), new Map(model)]);
      }
      for (const [snapshot, expected] of kept) {
        assert.deepEqual(new Map(snapshot.entries()), expected);
        for (const node of ['0', '1', '2']) {
          const names = [...snapshot.by('node', node)].map((thing) => thing.name).sort();
          const wanted = [...expected.values()]
            .filter((thing) => thing.node === node)
            .map((thing) => thing.name);
          assert.deepEqual(names, wanted.sort());
        }
      }
    }),
  );
});

test('Store.changes() joins a burst into one batch and never waits longer than its bound', async () => {
  const store = new Store();
  const table = store.table(THINGS);
  const abort = new AbortController();
  const changes = store.changes({
    kinds: [THINGS],
    holdOff: { quietMs: 20, maxMs: 60 },
    signal: abort.signal,
  });
  const batches: (readonly string[])[] = [];
  const reader = (async () => {
    for await (const batch of changes) batches.push([...(batch.get('things') ?? [])]);
  })();
  store.table({ name: 'others' }).put('ignored', {});
  table.put('a', aThing('a'));
  table.put('b', aThing('b'));
  table.delete('a');
  await new Promise((resolve) => setTimeout(resolve, 45));
  assert.deepEqual(batches, [['a', 'b']]);
  // A change every 5 ms is never quiet: the upper bound has to cut it.
  for (let i = 0; i < 30; i++) {
    table.put(`c${i}`, aThing('c'));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.ok(batches.length >= 3, `${batches.length} batches`);
  abort.abort();
  await reader;
});
