// The log and the store over it: revisions, replays, compaction, and what a restart finds.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { hasCode } from '../../base/errors.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { ObjectLog } from './object-log.ts';
import { ObjectStore, type StoreEvent } from './object-store.ts';

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
  store.settle();
  assert.equal(log.durable(), log.durable(), 'one sync for all who wait');
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

/** What a store tells those who hear of writes, and those who hear of what is committed. */
function told(store: ObjectStore): { readonly atOnce: string[]; readonly committed: string[] } {
  const [atOnce, committed]: [string[], string[]] = [[], []];
  const line = ({ kind, current }: StoreEvent): string => `${kind} ${current.key} ${current.revision}`;
  store.subscribe('s', (event) => atOnce.push(line(event)));
  store.watch('s', (event) => committed.push(line(event)));
  return { atOnce, committed };
}

test('watchers hear of writes when they are committed: at the end of the turn, or when somebody settles', async () => {
  const log = new ObjectLog(newFile());
  const store = new ObjectStore(log);
  const { atOnce, committed } = told(store);
  store.put('s', object('a/one', 1));
  store.put('s', object('a/two', 2));
  assert.deepEqual(atOnce, ['added a/one 1', 'added a/two 2']);
  assert.deepEqual(committed, []);
  store.settle();
  assert.deepEqual(committed, atOnce);
  store.put('s', object('a/three', 3));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(committed, atOnce);
  await log.close();
});

/** A store whose database refuses the key "a/refused" in its own way. */
async function refusingStore(trigger: string): Promise<{ log: ObjectLog; store: ObjectStore }> {
  const file = newFile();
  await new ObjectLog(file).close();
  const database = new DatabaseSync(file);
  database.exec(`CREATE TABLE one (id INTEGER PRIMARY KEY);
    CREATE TABLE other (id INTEGER REFERENCES one (id) DEFERRABLE INITIALLY DEFERRED);
    CREATE TRIGGER refusal AFTER INSERT ON log WHEN new.key = 'a/refused' BEGIN ${trigger}; END;`);
  database.close();
  const log = new ObjectLog(file);
  return { log, store: new ObjectStore(log) };
}

test('what the disk refuses is taken back as a whole: its writers know, watchers do not, and writes go on', async () => {
  const { log, store } = await refusingStore('INSERT INTO other VALUES (1)');
  const kept = store.put('s', object('a/kept', 1));
  const gone = store.put('s', object('a/gone', 1));
  await store.durable();
  const { atOnce, committed } = told(store);
  const { refusals, revision } = store;
  store.put('s', object('a/new', 1));
  store.put('s', object('a/kept', 2), kept);
  store.remove('s', gone);
  store.put('s', object('a/refused', 1));
  const durable = store.durable(refusals);
  assert.equal(store.revision, revision + 4);
  await assert.rejects(
    durable,
    /Cannot keep what was written: Cannot commit .* FOREIGN KEY constraint failed/,
  );
  assert.throws(() => store.ensureKept(refusals), /Cannot keep what was written/);
  assert.deepEqual(Object.fromEntries(contentOf(store)), { 's:a/kept': 1, 's:a/gone': 1 });
  assert.equal(store.get('s', 'a/kept'), kept);
  assert.equal(store.revision, revision);
  assert.deepEqual(atOnce.slice(4), [
    `deleted a/refused ${revision + 4}`,
    `added a/gone ${gone.revision}`,
    `modified a/kept ${kept.revision}`,
    `deleted a/new ${revision + 1}`,
  ]);
  assert.deepEqual(committed, []);
  store.put('s', object('a/next', 1));
  await store.durable();
  assert.deepEqual(committed, [`added a/next ${revision + 1}`]);
  await log.close();
});

test('a database that takes back on its own what was written with a refused row leaves nothing half-made', async () => {
  const { log, store } = await refusingStore("SELECT RAISE(ROLLBACK, 'disk full')");
  const { refusals } = store;
  assert.throws(() => store.put('s', object('a/refused', 1)), /disk full/);
  store.put('s', object('a/one', 1));
  assert.throws(() => store.put('s', object('a/refused', 1)), /disk full/);
  assert.throws(() => store.put('s', object('a/two', 1)), /the disk refused what comes before it/);
  await assert.rejects(store.durable(refusals), /Cannot keep what was written/);
  assert.deepEqual(store.list('s'), []);
  assert.equal(store.put('s', object('a/three', 1)).revision, 1);
  await store.durable();
  assert.deepEqual(
    store.replay('s', 0).map(({ current }) => current.key),
    ['a/three'],
  );
  await log.close();
});
