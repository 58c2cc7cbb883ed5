// Watchers side by side on one store, as they run behind the server's door.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { findResource } from '../../objects/resources.ts';
import type { ApiContext } from '../context.ts';
import type { ApiRequest, ReplySink } from '../http/request.ts';
import { ObjectLog } from '../store/object-log.ts';
import { ObjectStore } from '../store/object-store.ts';
import { watchObjects } from './watch.ts';

const folder = mkdtempSync('/tmp/t-watch-');
const log = new ObjectLog(path.join(folder, 'objects.db'));
const store = new ObjectStore(log);
after(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

const gone = new AbortController();

class Lines implements ReplySink {
  readonly signal = gone.signal;
  readonly pendingBytes = 0;
  readonly told: string[] = [];
  write(chunk: Buffer | string): void {
    this.told.push(String(chunk));
  }
  flush(): void {}
  drained(): Promise<void> {
    return Promise.resolve();
  }
  destroy(): void {
    gone.abort();
  }
}

/** A watch for ConfigMaps; `nowMs` is asked for by tables. */
function watch(accept: string, nowMs: () => number): { readonly lines: Lines; readonly over: Promise<void> } {
  const resource = findResource('', 'v1', 'configmaps');
  assert.ok(resource);
  // What a watch uses of both, and nothing else.
  const context = { store, clock: { nowMs }, kinds: { replaced: () => undefined } } as unknown as ApiContext;
  const request = { query: new URLSearchParams('watch=1'), headers: { accept } } as unknown as ApiRequest;
  const { run } = watchObjects(context, request, { resource, namespace: 'default' } as never);
  const lines = new Lines();
  return { lines, over: run(lines) };
}

function put(name: string): void {
  const metadata = { namespace: 'default', name, uid: name, creationTimestamp: '2026-01-01T00:00:00Z' };
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadata, resourceVersion: '' } };
  store.put('configmaps', object);
  store.settle();
}

test('a watcher that cannot be told of an event ends with the reason, and those behind it hear of it', async () => {
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  const broken = watch(table, () => {
    throw new Error('no clock');
  });
  const other = watch('application/json', () => 0);
  put('a');
  await assert.rejects(broken.over, /no clock/);
  put('b');
  assert.deepEqual(broken.lines.told, []);
  assert.deepEqual(
    other.lines.told.map((it) => /"name":"(.*?)"/.exec(it)?.[1]),
    ['a', 'b'],
  );
  gone.abort();
  await other.over;
});
