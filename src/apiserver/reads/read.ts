// Reading objects: one, or a list in pages, in the form that the client asks for.

import { hasCode } from '../../base/errors.ts';
import { apiVersionOf, type Resource } from '../../objects/resources.ts';
import type { ApiContext } from '../context.ts';
import { answerForm, type AnswerForm } from '../http/negotiate.ts';
import { lowerBound } from '../store/shelf.ts';
import { warningHeaders } from '../http/warning-header.ts';
import type { StoredObject } from '../store/stored-object.ts';
import { protobufListReply, protobufObject, protobufReply } from './protobuf-form.ts';
import {
  JSON_TYPE,
  jsonReply,
  type ApiRequest,
  type ObjectTarget,
  type Reply,
  type ReplySink,
  type Target,
  type WholeReply,
} from '../http/request.ts';
import { selectionOf } from './selection.ts';
import { partialMetadata, servedJson } from './serve.ts';
import { badRequest, expired, notFound, StatusError } from '../http/status-error.ts';
import { includeOf, tableOf } from './table.ts';

/** The stored object of a target; throws 404. */
export function storedOf(context: ApiContext, { resource, namespace, name }: ObjectTarget): StoredObject {
  const stored = context.store.get(resource.storage, namespace === undefined ? name : `${namespace}/${name}`);
  if (stored === undefined) throw notFound(resource, name);
  return stored;
}

export function readObject(context: ApiContext, request: ApiRequest, target: ObjectTarget): WholeReply {
  checkRevision(context, request.query);
  return objectReply(context, request, {
    code: 200,
    resource: target.resource,
    stored: storedOf(context, target),
  });
}

interface ObjectAnswer {
  readonly code: number;
  readonly resource: Resource;
  readonly stored: StoredObject;
  readonly warnings?: readonly string[];
}

/** One object in the form that the request accepts. */
export function objectReply(context: ApiContext, request: ApiRequest, answer: ObjectAnswer): WholeReply {
  const { code, resource, stored, warnings = [] } = answer;
  const form = answerForm(request.headers.accept, resource);
  const headers = warnings.length === 0 ? undefined : { warning: warningHeaders(warnings) };
  if (form.kind === 'plain') return jsonReply(code, servedJson(resource, stored), headers);
  if (form.kind === 'protobuf') return protobufReply(code, protobufObject(resource, stored), headers);
  if (form.kind === 'metadata') return jsonReply(code, partialMetadata(stored.object, form.version), headers);
  const metadata = { resourceVersion: stored.object.metadata.resourceVersion };
  const options = { version: form.version, include: includeOf(request.query), nowMs: context.clock.nowMs() };
  return jsonReply(code, tableOf(resource, [stored], { ...options, metadata, hasColumns: true }), headers);
}

export function listObjects(context: ApiContext, request: ApiRequest, target: Target): Reply {
  const { query } = request;
  checkRevision(context, query);
  const selection = selectionOf(target, query);
  const start = continueOf(query);
  const exact = start?.revision ?? exactRevisionOf(query);
  const all = listedAt(context, target, { revision: exact, namespace: selection.namespace });
  const rest = start === undefined ? all : all.slice(lowerBound(all, start.key));
  const chosen = selection.isEverything ? rest : rest.filter((stored) => selection.matches(stored));
  const limit = limitOf(query);
  // Of its own: a long list is written while others write objects.
  const items = chosen.slice(0, limit);
  const revision = exact ?? context.store.revision;
  const next = chosen[items.length];
  const metadata = {
    resourceVersion: String(revision),
    ...(next === undefined
      ? {}
      : {
          continue: Buffer.from(JSON.stringify({ revision, key: next.key })).toString('base64url'),
          remainingItemCount: chosen.length - items.length,
        }),
  };
  return listReply(context, request, { resource: target.resource, items, metadata });
}

interface ListAnswer {
  readonly resource: Resource;
  readonly items: readonly StoredObject[];
  readonly metadata: { readonly resourceVersion: string };
}

/** A list in the form that the request accepts. */
export function listReply(
  context: ApiContext,
  request: ApiRequest,
  { resource, items, metadata }: ListAnswer,
): Reply {
  const form: AnswerForm = answerForm(request.headers.accept, resource);
  if (form.kind === 'protobuf') return protobufListReply(resource, metadata, items);
  if (form.kind === 'table') {
    const options = {
      version: form.version,
      include: includeOf(request.query),
      nowMs: context.clock.nowMs(),
    };
    return jsonReply(200, tableOf(resource, items, { ...options, metadata, hasColumns: true }));
  }
  if (form.kind === 'metadata') {
    const list = items.map((stored) => partialMetadata(stored.object, form.version));
    const head = { kind: 'PartialObjectMetadataList', apiVersion: `meta.k8s.io/${form.version}`, metadata };
    return jsonReply(200, { ...head, items: list });
  }
  const kind = resource.custom?.listKind ?? `${resource.kind}List`;
  const head = { kind, apiVersion: apiVersionOf(resource), metadata };
  return joinedList(head, resource, items);
}

/** Longer lists are written part by part: the first octets go out before the last object is looked at, and others come in between. */
const PART_BYTES = 256 * 1024;

/** The list without encoding any object again: their bytes are put between the list's own. */
function joinedList(head: object, resource: Resource, items: readonly StoredObject[]): Reply {
  const start = Buffer.from(`${JSON.stringify(head).slice(0, -1)},"items":[`);
  const parts = listParts(start, resource, items);
  const bytes = items.reduce((sum, { json }) => sum + json.length, 0);
  if (bytes <= PART_BYTES) return jsonReply(200, Buffer.concat([...parts]));
  return { kind: 'stream', contentType: JSON_TYPE, run: (sink) => writeParts(parts, sink) };
}

function* listParts(start: Buffer, resource: Resource, items: readonly StoredObject[]): Generator<Buffer> {
  yield start;
  for (const [i, stored] of items.entries()) {
    if (i > 0) yield COMMA;
    yield servedJson(resource, stored);
  }
  yield END;
}

async function writeParts(parts: Generator<Buffer>, sink: ReplySink): Promise<void> {
  let bytes = 0;
  for (const part of parts) {
    sink.write(part);
    bytes += part.length;
    if (bytes < PART_BYTES) continue;
    bytes = 0;
    await sink.drained();
    if (sink.signal.aborted) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const COMMA = Buffer.from(',');
const END = Buffer.from(']}');

function limitOf(query: URLSearchParams): number {
  const text = query.get('limit') ?? '';
  if (text === '' || text === '0') return Number.MAX_SAFE_INTEGER;
  if (!/^\d{1,9}$/.test(text)) throw badRequest('limit must be a whole number');
  return Number(text);
}

interface Continuation {
  readonly revision: number;
  readonly key: string;
}

/** Where the last page ended: all pages show the state of the first one's revision. */
function continueOf(query: URLSearchParams): Continuation | undefined {
  const text = query.get('continue') ?? '';
  return text === '' ? undefined : parseContinue(text);
}

/** The revision that a list must be of, and no newer one. */
function exactRevisionOf(query: URLSearchParams): number | undefined {
  const match = query.get('resourceVersionMatch') ?? '';
  if (match === '' || match === 'NotOlderThan') return undefined;
  if (match !== 'Exact')
    throw badRequest(
      `invalid resourceVersionMatch "${match.slice(0, 40)}": supported values: "Exact", "NotOlderThan"`,
    );
  const revision = Number(query.get('resourceVersion') ?? '');
  if (!(revision > 0))
    throw badRequest('resourceVersionMatch "Exact" needs a resourceVersion other than "0"');
  return revision;
}

interface ListedAt {
  readonly revision: number | undefined;
  readonly namespace: string | undefined;
}

function listedAt(
  context: ApiContext,
  { resource }: Target,
  { revision, namespace }: ListedAt,
): readonly StoredObject[] {
  if (revision === undefined) return context.store.list(resource.storage, namespace);
  if (revision > context.store.revision) throw tooLargeRevision(revision, context.store.revision);
  try {
    return context.store.listAt(resource.storage, revision, namespace);
  } catch (error) {
    if (!hasCode(error, 'gone')) throw error;
    throw expired(
      'The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.',
    );
  }
}

function parseContinue(text: string): Continuation {
  try {
    const value = JSON.parse(Buffer.from(text, 'base64url').toString()) as Partial<Continuation> | null;
    if (typeof value?.revision === 'number' && typeof value.key === 'string') {
      return { revision: value.revision, key: value.key };
    }
  } catch {
    // Falls through to the refusal: what is no token of ours is malformed, whatever it is.
  }
  throw badRequest('continue key is not valid');
}

/** Refuses a revision that does not exist yet: the client saw another, newer server. */
function checkRevision(context: ApiContext, query: URLSearchParams): void {
  const text = query.get('resourceVersion') ?? '';
  if (text === '') return;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`invalid resource version "${text.slice(0, 40)}"`);
  if (Number(text) > context.store.revision) throw tooLargeRevision(Number(text), context.store.revision);
}

export function tooLargeRevision(asked: number, current: number): StatusError {
  const message = `Too large resource version: ${asked}, current: ${current}`;
  const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
  return new StatusError(504, 'Timeout', message, { causes, retryAfterSeconds: 1 });
}
