// Watches: a bounded stream of changes per client, resumable from any revision that the log still holds.
// A client that does not read is cut off; it lists or resumes again.

import { hasCode } from '../base/errors.ts';
import { apiVersionOf, type Resource } from '../objects/resources.ts';
import type { ApiContext } from './context.ts';
import { answerForm, type AnswerForm } from './negotiate.ts';
import type { StoredObject, StoreEvent } from './object-store.ts';
import {
  hasFlag,
  JSON_TYPE,
  type ApiRequest,
  type ReplySink,
  type StreamReply,
  type Target,
} from './request.ts';
import { tooLargeRevision } from './read.ts';
import { selectionOf, type Selection } from './selection.ts';
import { partialMetadata, servedJson } from './serve.ts';
import { badRequest, expired, invalid } from './status-error.ts';
import { includeOf, tableOf, type TableOptions } from './table.ts';

/** Bytes that a client may leave unread beside its initial list. */
const MAX_PENDING_BYTES = 8 * 1024 * 1024;
const BOOKMARK_MS = 60_000;
const MAX_TIMEOUT_SECONDS = 3600;
const DEFAULT_TIMEOUT_SECONDS = 1800;

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

interface WatchOptions {
  readonly selection: Selection;
  /** Undefined: begins with all current objects. */
  readonly since: number | undefined;
  /** The initial objects end with a bookmark that says so (WatchList). */
  readonly marksInitialEnd: boolean;
  readonly hasBookmarks: boolean;
  readonly timeoutMs: number;
}

/** The stream of a watch request; throws 400, 410, 422 for parameters that cannot be served. */
export function watchObjects(context: ApiContext, request: ApiRequest, target: Target): StreamReply {
  const options = optionsOf(context, request, target);
  const { resource } = target;
  // Read before the stream starts, so that a revision too old is a plain 410.
  const history = options.since === undefined ? undefined : historyOf(context, resource, options.since);
  const lines = new WatchLines(resource, formOf(context, request));
  return {
    kind: 'stream',
    contentType: JSON_TYPE,
    run: (sink) => runWatch(context, { resource, options, lines, sink, history }),
  };
}

function optionsOf(context: ApiContext, { query }: ApiRequest, target: Target): WatchOptions {
  const wantsInitial = query.get('sendInitialEvents');
  const match = query.get('resourceVersionMatch') ?? '';
  if (wantsInitial !== null && match !== 'NotOlderThan') {
    throw watchRefused(
      target,
      'resourceVersionMatch',
      'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    );
  }
  if (wantsInitial === null && match !== '') {
    throw watchRefused(
      target,
      'resourceVersionMatch',
      'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
    );
  }
  const revision = revisionOf(context, query.get('resourceVersion') ?? '');
  const sendsAll = hasFlag(query, 'sendInitialEvents') || (wantsInitial === null && revision === 0);
  return {
    selection: selectionOf(target, query),
    since: sendsAll ? undefined : revision === 0 ? context.store.revision : revision,
    marksInitialEnd: hasFlag(query, 'sendInitialEvents') && hasFlag(query, 'allowWatchBookmarks'),
    hasBookmarks: hasFlag(query, 'allowWatchBookmarks'),
    timeoutMs: timeoutOf(query.get('timeoutSeconds') ?? '') * 1000,
  };
}

function watchRefused({ resource }: Target, field: string, message: string): Error {
  const cause = { reason: 'FieldValueForbidden', field, message: `Forbidden: ${message}` };
  return invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, resource.plural, [cause]);
}

function revisionOf(context: ApiContext, text: string): number {
  if (text === '' || text === '0') return 0;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`invalid resource version "${text.slice(0, 40)}"`);
  const revision = Number(text);
  if (revision > context.store.revision) throw tooLargeRevision(revision, context.store.revision);
  return revision;
}

function timeoutOf(text: string): number {
  const seconds = Number(text);
  if (text === '' || !Number.isInteger(seconds) || seconds <= 0) return DEFAULT_TIMEOUT_SECONDS;
  return Math.min(seconds, MAX_TIMEOUT_SECONDS);
}

function historyOf(context: ApiContext, resource: Resource, since: number): readonly StoreEvent[] {
  try {
    return context.store.replay(resource.storage, since);
  } catch (error) {
    if (!hasCode(error, 'gone')) throw error;
    throw expired(`too old resource version: ${since} (${context.store.oldestRevision})`);
  }
}

interface WatchRun {
  readonly resource: Resource;
  readonly options: WatchOptions;
  readonly lines: WatchLines;
  readonly sink: ReplySink;
  readonly history: readonly StoreEvent[] | undefined;
}

function runWatch(context: ApiContext, run: WatchRun): Promise<void> {
  const { resource, options, lines, sink } = run;
  // `run` starts in the same turn in which the history was read: nothing is missed between the two.
  writeInitial(context, run);
  const initialBytes = sink.pendingBytes;
  return new Promise((resolve) => {
    const unsubscribe = context.store.subscribe(resource.storage, (event) => {
      send(sink, lines.of(event, options.selection));
      if (sink.pendingBytes > MAX_PENDING_BYTES + initialBytes) sink.destroy();
    });
    const bookmark = (): void => {
      if (options.hasBookmarks) send(sink, lines.bookmark(context.store.revision));
    };
    const bookmarks = setInterval(bookmark, BOOKMARK_MS);
    const end = (): void => {
      unsubscribe();
      clearInterval(bookmarks);
      clearTimeout(timeout);
      sink.signal.removeEventListener('abort', end);
      resolve();
    };
    const timeout = setTimeout(() => {
      bookmark();
      end();
    }, options.timeoutMs);
    sink.signal.addEventListener('abort', end, { once: true });
    if (sink.signal.aborted) end();
  });
}

function writeInitial(context: ApiContext, { resource, options, lines, sink, history }: WatchRun): void {
  if (history !== undefined) {
    for (const event of history) {
      send(sink, lines.of(event, options.selection));
    }
    return;
  }
  for (const stored of context.store.list(resource.storage, options.selection.namespace)) {
    if (options.selection.matches(stored.object)) send(sink, lines.line('ADDED', stored));
  }
  if (options.marksInitialEnd) send(sink, lines.bookmark(context.store.revision, true));
}

interface LineForm {
  readonly form: AnswerForm;
  readonly table: TableOptions;
  readonly nowMs: () => number;
}

function formOf(context: ApiContext, request: ApiRequest): LineForm {
  const form = answerForm(request.headers.accept);
  const version = form.kind === 'plain' ? 'v1' : form.version;
  return {
    form,
    table: { version, include: includeOf(request.query), nowMs: 0 },
    nowMs: () => context.clock.nowMs(),
  };
}

/** One event on the wire; the object's bytes are the stored ones, shared by every watcher. */
interface EventLine {
  readonly type: EventType | 'BOOKMARK';
  readonly body: Buffer;
}

const LINE_START: Readonly<Record<EventLine['type'], Buffer>> = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
  BOOKMARK: Buffer.from('{"type":"BOOKMARK","object":'),
};
const LINE_END = Buffer.from('}\n');

function send(sink: ReplySink, line: EventLine | undefined): void {
  if (line === undefined) return;
  sink.write(LINE_START[line.type]);
  sink.write(line.body);
  sink.write(LINE_END);
}

/** The lines that one watcher gets. */
class WatchLines {
  readonly #resource: Resource;
  readonly #form: LineForm;
  #hasColumns = false;

  constructor(resource: Resource, form: LineForm) {
    this.#resource = resource;
    this.#form = form;
  }

  /** The line for a change, as the selection sees it: what comes into it is added, what leaves it is deleted. */
  of(event: StoreEvent, selection: Selection): EventLine | undefined {
    const { kind, current, previous } = event;
    const isIn = kind !== 'deleted' && selection.matches(current.object);
    const wasIn = previous !== undefined && selection.matches(previous.object);
    if (isIn) return this.line(wasIn ? 'MODIFIED' : 'ADDED', current);
    if (!wasIn) return undefined;
    return this.line('DELETED', kind === 'deleted' ? current : atRevision(previous, current.revision));
  }

  line(type: EventType, stored: StoredObject): EventLine {
    return { type, body: this.#body(stored) };
  }

  /** Says up to which revision the watcher has seen everything. */
  bookmark(revision: number, isInitialEnd = false): EventLine {
    const annotations = isInitialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
    const object = {
      kind: this.#resource.kind,
      apiVersion: apiVersionOf(this.#resource),
      metadata: { resourceVersion: String(revision), creationTimestamp: null, ...annotations },
    };
    const body = this.#form.form.kind === 'table' ? this.#bookmarkTable(object) : object;
    return { type: 'BOOKMARK', body: Buffer.from(JSON.stringify(body)) };
  }

  #bookmarkTable(object: { readonly metadata: object }): object {
    const { version } = this.#form.table;
    const row = {
      cells: [],
      object: { ...object, kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}` },
    };
    const { resourceVersion } = object.metadata as { resourceVersion: string };
    return {
      kind: 'Table',
      apiVersion: `meta.k8s.io/${version}`,
      metadata: { resourceVersion },
      columnDefinitions: null,
      rows: [row],
    };
  }

  #body(stored: StoredObject): Buffer {
    const { form, table, nowMs } = this.#form;
    if (form.kind === 'plain') return servedJson(this.#resource, stored);
    if (form.kind === 'metadata')
      return Buffer.from(JSON.stringify(partialMetadata(stored.object, form.version)));
    const hasColumns = !this.#hasColumns;
    this.#hasColumns = true;
    const metadata = { resourceVersion: stored.object.metadata.resourceVersion };
    const options = { ...table, nowMs: nowMs(), metadata, hasColumns };
    return Buffer.from(JSON.stringify(tableOf(this.#resource, [stored], options)));
  }
}

/** An object that left the selection is shown as it was, with the revision at which it left. */
function atRevision(stored: StoredObject, revision: number): StoredObject {
  const object = {
    ...stored.object,
    metadata: { ...stored.object.metadata, resourceVersion: String(revision) },
  };
  return { ...stored, revision, object, json: Buffer.from(JSON.stringify(object)) };
}
