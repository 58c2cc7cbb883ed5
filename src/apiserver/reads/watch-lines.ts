// What one watcher gets of each event: plain objects, rows of a table, metadata alone or protobuf, in their framing.

import { apiVersionOf, type Resource } from '../../objects/resources.ts';
import { writeWatchFrame } from '../../wire/kubernetes-protobuf-writer.ts';
import { KUBERNETES_PROTOBUF } from '../../wire/kubernetes-protobuf.ts';
import type { ApiContext } from '../context.ts';
import { answerForm, type AnswerForm } from '../http/negotiate.ts';
import type { StoreEvent } from '../store/object-store.ts';
import { StoredObject } from '../store/stored-object.ts';
import { protobufBookmark, protobufObject, protobufStatus } from './protobuf-form.ts';
import { JSON_TYPE, type ApiRequest } from '../http/request.ts';
import type { Selection } from './selection.ts';
import { partialMetadata, servedJson } from './serve.ts';
import type { StatusError } from '../http/status-error.ts';
import { includeOf, tableOf, type TableOptions } from './table.ts';

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

interface LineForm {
  readonly form: AnswerForm;
  readonly table: TableOptions;
  readonly nowMs: () => number;
}

export function lineFormOf(context: ApiContext, request: ApiRequest, resource: Resource): LineForm {
  const form = answerForm(request.headers.accept, resource);
  const version = 'version' in form ? form.version : 'v1';
  return {
    form,
    table: { version, include: includeOf(request.query), nowMs: 0 },
    nowMs: () => context.clock.nowMs(),
  };
}

type LineType = EventType | 'BOOKMARK' | 'ERROR';

const LINE_START: Readonly<Record<LineType, Buffer>> = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
  BOOKMARK: Buffer.from('{"type":"BOOKMARK","object":'),
  ERROR: Buffer.from('{"type":"ERROR","object":'),
};
const LINE_END = Buffer.from('}\n');

/** The lines of an event while it is told, by what they depend on beside it: thousands of watchers share the few that there are. */
const SHARED = new WeakMap<StoreEvent, Map<string, Buffer>>();

/** The lines that one watcher gets, as bytes in their framing. */
export class WatchLines {
  readonly #resource: Resource;
  readonly #form: LineForm;
  /** Watchers of one name get the same lines. */
  readonly #formName: string;
  #hasColumns = false;

  constructor(resource: Resource, form: LineForm) {
    this.#resource = resource;
    this.#form = form;
    const { version, include } = form.table;
    this.#formName = `${apiVersionOf(resource)} ${resource.kind} ${form.form.kind} ${version} ${include}`;
  }

  get contentType(): string {
    return this.#isProtobuf ? `${KUBERNETES_PROTOBUF};stream=watch` : JSON_TYPE;
  }

  get #isProtobuf(): boolean {
    return this.#form.form.kind === 'protobuf';
  }

  /** The line for a change, as the selection sees it: what comes into it is added, what leaves it is deleted. None where it is none of the watcher's. */
  of(event: StoreEvent, selection: Selection): Buffer | undefined {
    const { kind, current, previous } = event;
    const isIn = kind !== 'deleted' && selection.matches(current);
    const wasIn = previous !== undefined && selection.matches(previous);
    if (isIn) return this.#shared(event, wasIn ? 'MODIFIED' : 'ADDED', () => current);
    if (!wasIn) return undefined;
    return this.#shared(event, 'DELETED', () =>
      kind === 'deleted' ? current : atRevision(previous, current.revision),
    );
  }

  #shared(event: StoreEvent, type: EventType, shown: () => StoredObject): Buffer {
    let lines = SHARED.get(event);
    if (lines === undefined) SHARED.set(event, (lines = new Map()));
    const name = `${type} ${this.#hasColumns} ${this.#formName}`;
    let line = lines.get(name);
    if (line === undefined) lines.set(name, (line = this.line(type, shown())));
    this.#hasColumns = true;
    return line;
  }

  line(type: EventType, stored: StoredObject): Buffer {
    return this.#framed(type, this.#body(stored));
  }

  /** Says up to which revision the watcher has seen everything. */
  bookmark(revision: number, isInitialEnd = false): Buffer {
    const annotations = isInitialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
    const object = {
      kind: this.#resource.kind,
      apiVersion: apiVersionOf(this.#resource),
      metadata: { resourceVersion: String(revision), creationTimestamp: null, ...annotations },
    };
    if (this.#isProtobuf) return this.#framed('BOOKMARK', protobufBookmark(this.#resource, object.metadata));
    const body = this.#form.form.kind === 'table' ? this.#bookmarkTable(object) : object;
    return this.#framed('BOOKMARK', Buffer.from(JSON.stringify(body)));
  }

  /** Why the watch cannot go on: the last line of it. */
  error({ status }: StatusError): Buffer {
    if (this.#isProtobuf) return this.#framed('ERROR', protobufStatus(status));
    return this.#framed('ERROR', Buffer.from(JSON.stringify(status)));
  }

  #framed(type: LineType, body: Buffer): Buffer {
    if (this.#isProtobuf) return writeWatchFrame(type, body);
    return Buffer.concat([LINE_START[type], body, LINE_END]);
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
    if (form.kind === 'protobuf') return protobufObject(this.#resource, stored);
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
  return StoredObject.of(revision, stored.key, object, Buffer.from(JSON.stringify(object)));
}
