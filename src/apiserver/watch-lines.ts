// What one watcher gets of each event: plain objects, rows of a table, metadata alone or protobuf, in their framing.

import { apiVersionOf, type Resource } from '../objects/resources.ts';
import { writeWatchFrame } from '../wire/kubernetes-protobuf-writer.ts';
import { KUBERNETES_PROTOBUF } from '../wire/kubernetes-protobuf.ts';
import type { ApiContext } from './context.ts';
import { answerForm, type AnswerForm } from './negotiate.ts';
import type { StoreEvent } from './object-store.ts';
import { StoredObject } from './stored-object.ts';
import { protobufBookmark, protobufObject } from './protobuf-form.ts';
import { JSON_TYPE, type ApiRequest, type ReplySink } from './request.ts';
import type { Selection } from './selection.ts';
import { partialMetadata, servedJson } from './serve.ts';
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

/** The lines that one watcher gets. */
export class WatchLines {
  readonly #resource: Resource;
  readonly #form: LineForm;
  #hasColumns = false;

  constructor(resource: Resource, form: LineForm) {
    this.#resource = resource;
    this.#form = form;
  }

  get contentType(): string {
    return this.#isProtobuf ? `${KUBERNETES_PROTOBUF};stream=watch` : JSON_TYPE;
  }

  get #isProtobuf(): boolean {
    return this.#form.form.kind === 'protobuf';
  }

  /** Nothing where there is no line: the change is none of the watcher's. */
  send(sink: ReplySink, line: EventLine | undefined): void {
    if (line === undefined) return;
    if (this.#isProtobuf) {
      sink.write(writeWatchFrame(line.type, line.body));
      return;
    }
    sink.write(LINE_START[line.type]);
    sink.write(line.body);
    sink.write(LINE_END);
  }

  /** The line for a change, as the selection sees it: what comes into it is added, what leaves it is deleted. */
  of(event: StoreEvent, selection: Selection): EventLine | undefined {
    const { kind, current, previous } = event;
    const isIn = kind !== 'deleted' && selection.matches(current);
    const wasIn = previous !== undefined && selection.matches(previous);
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
    if (this.#isProtobuf)
      return { type: 'BOOKMARK', body: protobufBookmark(this.#resource, object.metadata) };
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
