// The log and the store over it: revisions, replays, compaction, and what a restart finds.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { hasCode } from '../base/errors.ts';
import type { KubeObject } from '../objects/meta.ts';
import { ObjectLog } from './object-log.ts';
import { ObjectStore } from './object-store.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 't-api-store-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function newFile(): string {
  return path.join(folder, `${files++}.db`);
}

function object(key: string, value: number): KubeObject {
  const [namespace = '', name = ''] = key.split('/');
  const metadata = { name, namespace, uid: key, resourceVersion: '', creationTimestamp: '' };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, value };
}

const WINDOW = 30;
const key = fc.constantFrom('a/x', 'a/y', 'b/x', 'b0/x', 'c/x');
const change = fc.record({ storage: fc.constantFrom('s', 't'), key, isDeletion: fc.boolean() });

/** Plays changes on a store and on a plain map. */
function play(
  store: ObjectStore,
  changes: readonly { storage: string; key: string; isDeletion: boolean }[],
  model: Map<string, number>,
): void {
  for (const [i, { storage, key: of, isDeletion }] of changes.entries()) {
    const previous = store.get(storage, of);
    if (!isDeletion) store.put(storage, object(of, i), previous);
    else if (previous !== undefined) store.remove(storage, previous);
    if (isDeletion) model.delete(`${storage}:${of}`);
    else model.set(`${storage}:${of}`, i);
  }
}

function contentOf(store: ObjectStore): Map<string, unknown> {
  return new Map(
    ['s', 't'].flatMap((storage) =>
      store.list(storage).map((it) => [`${storage}:${it.key}`, it.object['value']] as const),
    ),
  );
}

test('a store holds what a map would hold, in order, and so does the next one on its file', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 60 }), async (changes) => {
      const file = newFile();
      const log = new ObjectLog(file);
      const store = new ObjectStore(log);
      const model = new Map<string, number>();
      play(store, changes, model);
      assert.deepEqual(Object.fromEntries(contentOf(store)), Object.fromEntries(model));
      const keys = store.list('s').map((it) => it.key);
      assert.deepEqual(keys, [...keys].sort());
      assert.deepEqual(
        store.list('s', 'b').map((it) => it.key),
        keys.filter((it) => it.startsWith('b/')),
      );
      const { revision } = store;
      await log.close();
      const reopened = new ObjectLog(file);
      const again = new ObjectStore(reopened);
      assert.deepEqual(contentOf(again), contentOf(store));
      assert.equal(again.revision, revision);
      await reopened.close();
    }),
    { numRuns: 40 },
  );
});

test('replaying the changes after any revision leads from the state then to the state now', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { maxLength: 40 }),
      fc.array(change, { maxLength: 40 }),
      async (before, later) => {
        const log = new ObjectLog(newFile());
        const store = new ObjectStore(log);
        const model = new Map<string, number>();
        play(store, before, model);
        const state = new Map(store.list('s').map((it) => [it.key, it.json.toString()]));
        const { revision } = store;
        play(store, later, model);
        let last = revision;
        for (const { kind, current, previous } of store.replay('s', revision)) {
          assert.ok(current.revision > last);
          last = current.revision;
          assert.equal(
            state.get(current.key),
            previous?.json.toString(),
            'the event does not follow on the state',
          );
          assert.equal(kind === 'added', !state.has(current.key));
          if (kind === 'deleted') state.delete(current.key);
          else state.set(current.key, current.json.toString());
        }
        assert.deepEqual(state, new Map(store.list('s').map((it) => [it.key, it.json.toString()])));
        await log.close();
      },
    ),
    { numRuns: 40 },
  );
});

test('compaction keeps the window and what exists, forgets the rest, and revisions go on after a restart', async () => {
  const file = newFile();
  const log = new ObjectLog(file);
  const store = new ObjectStore(log, { windowRevisions: WINDOW });
  store.put('s', object('a/stays', 0));
  for (let i = 0; i < 1200; i++) {
    const stored = store.put('s', object(`a/n${i}`, i));
    store.remove('s', stored);
  }
  assert.ok(store.oldestRevision > 1900);
  assert.throws(
    () => store.replay('s', store.oldestRevision - 1),
    (error) => hasCode(error, 'gone'),
  );
  assert.equal(store.replay('s', store.revision - WINDOW).length, WINDOW);
  const { revision } = store;
  log.compact(revision);
  await log.close();
  const reopened = new ObjectLog(file);
  const again = new ObjectStore(reopened);
  assert.equal(again.revision, revision, 'a compacted log must not give revisions again');
  assert.deepEqual(
    again.list('s').map((it) => it.key),
    ['a/stays'],
  );
  assert.equal(again.put('s', object('a/new', 1)).revision, revision + 1);
  await reopened.close();
});

test('a file that held many objects becomes small again when they are gone', async () => {
  const file = newFile();
  /** Bytes of the file after `work`: closing brings into it what the write-ahead log holds. */
  const sizeAfter = async (work: (store: ObjectStore) => void): Promise<number> => {
    const log = new ObjectLog(file);
    work(new ObjectStore(log, { windowRevisions: WINDOW }));
    await log.close();
    return statSync(file).size;
  };
  const keys = Array.from({ length: 3_000 }, (_, i) => `a/${'n'.repeat(900)}${i}`);
  const before = await sizeAfter((store) => keys.forEach((name, i) => store.put('s', object(name, i))));
  const after = await sizeAfter((store) => {
    for (const stored of store.list('s').slice()) store.remove('s', stored);
    for (let i = 0; i < 3_000; i++) store.put('s', object('a/one', i));
  });
  assert.ok(after < before / 2, `${before} bytes, then ${after}`);
});

test('what waits for the disk is told when it is there, together with others, and what the disk says', async () => {
  const file = newFile();
  const log = new ObjectLog(file);
  const store = new ObjectStore(log);
  store.put('s', object('a/one', 1));
  const first = store.durable();
  assert.equal(store.durable(), first, 'one sync for all who wait');
  await first;
  store.put('s', object('a/two', 2));
  const second = store.durable();
  store.put('s', object('a/three', 3));
  await Promise.all([second, store.durable()]);
  await log.close();

  const broken = new ObjectLog(file);
  const other = new ObjectStore(broken);
  other.put('s', object('a/four', 4));
  rmSync(`${file}-wal`);
  await assert.rejects(other.durable(), /Cannot bring .*-wal to the disk: ENOENT/);
  await assert.rejects(broken.close(), /ENOENT/);
});
