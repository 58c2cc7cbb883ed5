// The verbs on objects and collections: create, get, list, watch, update, patch, delete.

import { isObject, textOf, type Draft } from '../objects/json.ts';
import { keyOf, type KubeObject } from '../objects/meta.ts';
import type { Resource } from '../objects/resources.ts';
import { KUBERNETES_PROTOBUF } from '../wire/kubernetes-protobuf.ts';
import { admitWrite, type AdmittedWrite } from './admission/admit-write.ts';
import { duplicatesIn, mediaTypeOf, parseObject } from './http/body.ts';
import type { ApiContext } from './context.ts';
import { deleteObject, deleteOptionsOf, type DeleteOptions } from './writes/delete.ts';
import {
  acceptConfig,
  acceptDraft,
  fieldValidationOf,
  metadataOf,
  type AcceptedDraft,
} from './writes/draft.ts';
import { checkEscalation } from './access/escalation.ts';
import { managedAfterWrite, managerOf } from './writes/field-managers.ts';
import { CUSTOM_TYPES, hasProtobuf } from './http/negotiate.ts';
import { applyPatch, isApply, ownDraft, parseApplyBody, parsePatch } from './writes/patch.ts';
import { listObjects, listReply, objectReply, readObject, storedOf } from './reads/read.ts';
import {
  hasFlag,
  jsonReply,
  type ApiRequest,
  type ObjectTarget,
  type Reply,
  type Target,
} from './http/request.ts';
import { resourceAttributes } from './http/request-attributes.ts';
import { selectionOf } from './reads/selection.ts';
import { servedObject } from './reads/serve.ts';
import type { StoredObject } from './store/stored-object.ts';
import { applyConfig, checkApplyOptions } from './writes/server-side-apply.ts';
import { badRequest, methodNotAllowed, notFound, unsupportedMediaType } from './http/status-error.ts';
import { watchObjects } from './reads/watch.ts';
import { createObject, updateObject, type WriteOptions } from './writes/write.ts';

/** Answers a request on a collection. */
export function handleCollection(
  context: ApiContext,
  request: ApiRequest,
  target: Target,
): Promise<Reply> | Reply {
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      return hasFlag(request.query, 'watch')
        ? watchObjects(context, request, target)
        : listInTurn(context, request, target);
    case 'POST':
      return create(context, request, target);
    case 'DELETE':
      return deleteCollection(context, request, target);
    default:
      throw methodNotAllowed();
  }
}

async function listInTurn(context: ApiContext, request: ApiRequest, target: Target): Promise<Reply> {
  const [program = ''] = (request.headers['user-agent'] ?? '').split('/');
  await context.turns.turn(`${request.user.name} ${program.slice(0, 64)}`);
  return listObjects(context, request, target);
}

/** Answers a request on one object. */
export function handleObject(
  context: ApiContext,
  request: ApiRequest,
  target: ObjectTarget,
): Promise<Reply> | Reply {
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      return hasFlag(request.query, 'watch')
        ? watchObjects(context, request, target)
        : readObject(context, request, target);
    case 'PUT':
      return replace(context, request, target, updateObject);
    case 'PATCH':
      return patch(context, request, target, updateObject);
    case 'DELETE':
      return remove(context, request, target);
    default:
      throw methodNotAllowed();
  }
}

/** What answers requests on a part of an object that is written apart: its status, a pod's ephemeral containers. */
export function handlePart(
  update: Update,
): (context: ApiContext, request: ApiRequest, target: ObjectTarget) => Promise<Reply> | Reply {
  return (context, request, target) => {
    switch (request.method) {
      case 'GET':
        return readObject(context, request, target);
      case 'PUT':
        return replace(context, request, target, update);
      case 'PATCH':
        return patch(context, request, target, update);
      default:
        throw methodNotAllowed();
    }
  };
}

async function create(context: ApiContext, request: ApiRequest, target: Target): Promise<Reply> {
  const { resource } = target;
  if (resource.isNamespaced && target.namespace === undefined) throw methodNotAllowed();
  const { draft, warnings } = await readDraft(request, resource);
  await context.schemas.load(resource.message);
  placeInNamespace(draft, target);
  const stored = createObject(context, resource, draft, writeOptions(context, request, target));
  request.onCreated?.(stored.object);
  return objectReply(context, request, { code: 201, resource, stored, warnings });
}

async function readDraft(request: ApiRequest, resource: Resource): Promise<AcceptedDraft> {
  const bytes = await request.readBody();
  const type = request.headers['content-type'];
  if (mediaTypeOf(type) === KUBERNETES_PROTOBUF && !hasProtobuf(resource))
    throw unsupportedMediaType(KUBERNETES_PROTOBUF, CUSTOM_TYPES);
  const body = parseObject(bytes, type);
  const validation = fieldValidationOf(request.query);
  const duplicates = validation === 'Ignore' ? [] : duplicatesIn(bytes, type);
  return acceptDraft(resource, body, validation, duplicates);
}

/** The path's namespace counts; a body that names another one is refused. */
function placeInNamespace(draft: Draft, { namespace }: Target): void {
  const metadata = metadataOf(draft);
  const given = textOf(metadata['namespace']);
  if (namespace === undefined) {
    delete metadata['namespace'];
    return;
  }
  if (given !== undefined && given !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  metadata['namespace'] = namespace;
}

function checkName(draft: Draft, { name }: ObjectTarget): void {
  const given = textOf(metadataOf(draft)['name']);
  if (given === undefined) metadataOf(draft)['name'] = name;
  else if (given !== name) {
    throw badRequest(
      `the name of the object (${given.slice(0, 253)}) does not match the name on the URL (${name})`,
    );
  }
}

type Update = typeof updateObject;

async function replace(
  context: ApiContext,
  request: ApiRequest,
  target: ObjectTarget,
  update: Update,
): Promise<Reply> {
  const { resource } = target;
  const { draft, warnings } = await readDraft(request, resource);
  await context.schemas.load(resource.message);
  placeInNamespace(draft, target);
  checkName(draft, target);
  const previous = storedOf(context, target);
  const stored = update(context, resource, draft, { previous, ...writeOptions(context, request, target) });
  return objectReply(context, request, { code: 200, resource, stored, warnings });
}

async function patch(
  context: ApiContext,
  request: ApiRequest,
  target: ObjectTarget,
  update: Update,
): Promise<Reply> {
  const { resource } = target;
  if (isApply(request.headers['content-type'])) return apply(context, request, target, update);
  if (hasFlag(request.query, 'force'))
    throw badRequest('force: Forbidden: may not be specified for non-apply patch');
  const change = parsePatch(await request.readBody(), request.headers['content-type']);
  await context.schemas.load(resource.message);
  const previous = storedOf(context, target);
  const patched = applyPatch(resource.message, servedObject(resource, previous), change);
  const { draft, warnings } = acceptDraft(resource, patched, fieldValidationOf(request.query));
  const metadata = metadataOf(draft);
  if (metadata['name'] !== target.name || textOf(metadata['namespace']) !== target.namespace) {
    throw badRequest('the patch must not change the name or the namespace of the object');
  }
  const stored = update(context, resource, draft, { previous, ...writeOptions(context, request, target) });
  return objectReply(context, request, { code: 200, resource, stored, warnings });
}

/** Who writes has what he changes. */
function writeOptions(context: ApiContext, request: ApiRequest, target: Target): WriteOptions {
  const manager = managerOf(request, target, 'Update');
  const { resource } = target;
  return {
    ...judgesOf(context, request, target),
    managedFields: (written) => managedAfterWrite(context, { resource, manager, ...written }),
  };
}

/** Who may refuse a write that is valid. */
function judgesOf(
  context: ApiContext,
  request: ApiRequest,
  target: Target,
): Pick<WriteOptions, 'isDryRun' | 'check' | 'admit'> {
  const dryRun = isDryRun(request.query);
  return {
    isDryRun: dryRun,
    check: (written) => checkEscalation(context, request.user, target, written),
    admit: ({ before, after }) => {
      const operation = before === undefined ? 'CREATE' : 'UPDATE';
      admitWrite(context, request, target, { operation, object: after, oldObject: before, isDryRun: dryRun });
    },
  };
}

/** PATCH with a configuration: who has which fields decides what comes of it. An object that is not there is made. */
async function apply(
  context: ApiContext,
  request: ApiRequest,
  target: ObjectTarget,
  update: Update,
): Promise<Reply> {
  const { resource, name } = target;
  const { isForced } = checkApplyOptions(request.query);
  const body = parseApplyBody(await request.readBody());
  const { draft: config, warnings } = acceptConfig(resource, body, fieldValidationOf(request.query));
  await context.schemas.load(resource.message);
  placeInNamespace(config, target);
  checkName(config, target);
  const live = context.store.get(resource.storage, keyOf({ metadata: { name, ...namespaceOf(target) } }));
  if (live === undefined && target.subresource !== undefined) throw notFound(resource, name);
  const manager = managerOf(request, target, 'Apply');
  const { draft, managedFields } = applyConfig(context, {
    resource,
    live: live?.object,
    config,
    manager,
    isForced,
  });
  const options: WriteOptions = {
    ...judgesOf(context, request, target),
    managedFields: () => managedFields,
  };
  const next = ownDraft(draft ?? { ...(live?.object ?? config) });
  resource.custom?.fill(next);
  if (live === undefined) {
    context.authorizer.require(request.user, { ...resourceAttributes(request, target), verb: 'create' });
    const stored = createObject(context, resource, next, options);
    request.onCreated?.(stored.object);
    return objectReply(context, request, { code: 201, resource, stored, warnings });
  }
  const stored = update(context, resource, next, { previous: live, ...options });
  return objectReply(context, request, { code: 200, resource, stored, warnings });
}

function namespaceOf({ namespace }: Target): { readonly namespace?: string } {
  return namespace === undefined ? {} : { namespace };
}

function isDryRun(query: URLSearchParams): boolean {
  const asked = query.getAll('dryRun');
  if (asked.some((it) => it !== 'All')) throw badRequest('invalid dryRun: supported values: "All"');
  return asked.length > 0;
}

async function remove(context: ApiContext, request: ApiRequest, target: ObjectTarget): Promise<Reply> {
  const options = await readDeleteOptions(request);
  const { resource } = target;
  const standing = storedOf(context, target);
  admitWrite(context, request, target, deletionOf(standing.object, options));
  const { isGone, stored } = deleteObject(context, resource, standing, options);
  // Pods come back whole, as clients expect; for the rest the news is that they are gone.
  if (!isGone || resource.message === 'core.Pod')
    return objectReply(context, request, { code: 200, resource, stored });
  return jsonReply(200, goneStatus(resource, stored.object.metadata.name, stored.object.metadata.uid));
}

function deletionOf(oldObject: KubeObject, { isDryRun: isDry }: DeleteOptions): AdmittedWrite {
  return { operation: 'DELETE', object: undefined, oldObject, isDryRun: isDry };
}

function goneStatus(resource: Resource, name: string, uid: string): object {
  const group = resource.group === '' ? {} : { group: resource.group };
  const details = { name, ...group, kind: resource.plural, uid };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
}

export async function readDeleteOptions(request: ApiRequest): Promise<DeleteOptions> {
  const bytes = await request.readBody();
  const body: Draft = bytes.length === 0 ? {} : parseObject(bytes, request.headers['content-type']);
  return deleteOptionsOf(body, request.query);
}

/** Of a collection, in one turn of the event loop. */
const DELETED_AT_ONCE = 100;

async function deleteCollection(context: ApiContext, request: ApiRequest, target: Target): Promise<Reply> {
  const { resource } = target;
  if (resource.isNamespaced && target.namespace === undefined) throw methodNotAllowed();
  if (resource.message === 'core.Namespace') throw methodNotAllowed();
  const options = await readDeleteOptions(request);
  const selection = selectionOf(target, request.query);
  const chosen = context.store
    .list(resource.storage, selection.namespace)
    .filter((stored) => selection.matches(stored));
  const admit = ({ object }: StoredObject): void =>
    admitWrite(context, request, { ...target, name: object.metadata.name }, deletionOf(object, options));
  // One that must stay keeps the others: nothing goes by halves.
  for (const stored of chosen) admit(stored);
  const items: StoredObject[] = [];
  for (const [i, { key, object, revision }] of chosen.entries()) {
    // Others come in between: a thousand deletions take a tenth of a second.
    if (i > 0 && i % DELETED_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
    const stored = context.store.get(resource.storage, key);
    if (stored?.object.metadata.uid !== object.metadata.uid) continue;
    // Of what became another meanwhile nobody has said yet that it may go.
    if (stored.revision !== revision) admit(stored);
    items.push(deleteObject(context, resource, stored, options).stored);
  }
  return listReply(context, request, {
    resource,
    items,
    metadata: { resourceVersion: String(context.store.revision) },
  });
}

/** Body of a subresource request as an object, whatever its kind. */
export async function readBodyObject(request: ApiRequest): Promise<Draft> {
  const bytes = await request.readBody();
  if (bytes.length === 0 && mediaTypeOf(request.headers['content-type']) === 'application/json') return {};
  const body = parseObject(bytes, request.headers['content-type']);
  return isObject(body) ? body : {};
}
