// One encoding of an event for all who watch: whoever asks for the same form of it gets the same bytes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findResource } from '../../objects/resources.ts';
import { KUBERNETES_PROTOBUF } from '../../wire/kubernetes-protobuf.ts';
import type { AnswerForm } from '../http/negotiate.ts';
import type { StoreEvent } from '../store/object-store.ts';
import type { Selection } from './selection.ts';
import { StoredObject } from '../store/stored-object.ts';
import { WatchLines } from './watch-lines.ts';

const PODS = findResource('', 'v1', 'pods');
assert.ok(PODS);

function aPod(revision: number, labels: Readonly<Record<string, string>>): StoredObject {
  const metadata = {
    name: 'a',
    namespace: 'default',
    uid: 'u',
    creationTimestamp: '2026-01-01T00:00:00Z',
    resourceVersion: String(revision),
    labels,
  };
  const object = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [] } };
  return StoredObject.of(revision, 'default/a', object, Buffer.from(JSON.stringify(object)));
}

function selecting(app: string | undefined): Selection {
  return {
    namespace: undefined,
    matches: ({ labels }: StoredObject) => app === undefined || labels?.['app'] === app,
  } as Selection;
}

function watcher(form: AnswerForm): WatchLines {
  assert.ok(PODS);
  const version = 'version' in form ? form.version : 'v1';
  return new WatchLines(PODS, {
    form,
    table: { version, include: 'Metadata', nowMs: 0 },
    nowMs: () => Date.now(),
  });
}

const EVENT: StoreEvent = {
  kind: 'modified',
  current: aPod(2, { app: 'other' }),
  previous: aPod(1, { app: 'web' }),
};

const FORMS: readonly (readonly [AnswerForm, first: RegExp])[] = [
  [{ kind: 'plain' }, /^\{"type":"MODIFIED","object":\{"apiVersion":"v1","kind":"Pod".*\}\}\n$/],
  [{ kind: 'protobuf' }, /MODIFIED/],
  [{ kind: 'metadata', version: 'v1' }, /"kind":"PartialObjectMetadata"/],
  [{ kind: 'table', version: 'v1' }, /"columnDefinitions":\[/],
];

for (const [form, first] of FORMS)
  test(`${form.kind}: watchers share what they are sent of an event`, () => {
    const event = { ...EVENT };
    const watchers = Array.from({ length: 50 }, () => watcher(form));
    const lines = new Set(watchers.map((it) => it.of(event, selecting(undefined))));
    assert.equal(lines.size, 1);
    const [line] = lines;
    assert.match(String(line), first);
    // What has the same text for another event is another event's.
    const next = new Set(watchers.map((it) => it.of({ ...EVENT }, selecting(undefined))));
    assert.ok(!next.has(line));
  });

test('those whose selection it leaves share that as well, at the revision at which it left', () => {
  const watchers = Array.from({ length: 50 }, () => watcher({ kind: 'plain' }));
  const lines = new Set(watchers.map((it) => it.of(EVENT, selecting('web'))));
  assert.equal(lines.size, 1);
  assert.match(String([...lines][0]), /^\{"type":"DELETED","object":.*"resourceVersion":"2".*"app":"web"/);
  assert.equal(watcher({ kind: 'plain' }).of(EVENT, selecting('none')), undefined);
  assert.match(String(watcher({ kind: 'plain' }).of(EVENT, selecting('other'))), /^\{"type":"ADDED"/);
});

test('a table has its columns in the first line of each watcher, and in no other', () => {
  const events = [{ ...EVENT }, { ...EVENT }];
  const [early, late] = [
    watcher({ kind: 'table', version: 'v1' }),
    watcher({ kind: 'table', version: 'v1' }),
  ] as const;
  const columns = (lines: WatchLines, event: StoreEvent): boolean =>
    /"columnDefinitions":\[/.test(String(lines.of(event, selecting(undefined))));
  const [one, two] = events;
  assert.ok(one && two);
  assert.deepEqual([columns(early, one), columns(early, two), columns(late, two)], [true, false, true]);
});

test('tables that show other parts of an object, and metadata of other versions, are other lines', () => {
  const one = watcher({ kind: 'metadata', version: 'v1' });
  const other = watcher({ kind: 'metadata', version: 'v1beta1' });
  const event = { ...EVENT };
  assert.notDeepEqual(one.of(event, selecting(undefined)), other.of(event, selecting(undefined)));
});

test('a frame of protobuf says its own length', () => {
  const line = watcher({ kind: 'protobuf' });
  assert.equal(line.contentType, `${KUBERNETES_PROTOBUF};stream=watch`);
  const bytes = line.of({ ...EVENT }, selecting(undefined));
  assert.equal(bytes?.readUInt32BE(0), (bytes?.length ?? 0) - 4);
});
