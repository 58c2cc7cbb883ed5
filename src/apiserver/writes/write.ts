// Creating and replacing objects, once their drafts are accepted: identity, defaults, allocation, validation, commit.
// Everything from reading the current object to the commit is synchronous: no other write can come between.

import { applyDefaults } from '../../objects/defaults/defaults.ts';
import { isSameJson, listOf, objectOf, textOf, type Draft } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';
import type { Resource } from '../../objects/resources.ts';
import type { FieldError } from '../../objects/validation/field-error.ts';
import { forbiddenField } from '../../objects/validation/field-error.ts';
import { validatePodForDebugging } from '../../objects/validation/pod.ts';
import { validateObject } from '../../objects/validation/validate.ts';
import { timestampOf, type ApiContext } from '../context.ts';
import { admitIngressClass } from '../kinds/default-ingress-class.ts';
import { metadataOf, partOf } from './draft.ts';
import { admitPriority } from '../kinds/priority.ts';
import { randomSuffix } from '../random-suffix.ts';
import { storedMessage } from '../reads/serve.ts';
import { admitServiceAccount } from '../kinds/service-account-volume.ts';
import { StoredObject } from '../store/stored-object.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  forbidden,
  invalid,
  notFound,
  staleRevision,
} from '../http/status-error.ts';
import { hasFinalizers, prepareCreate, prepareUpdate } from '../kinds/strategy.ts';

export interface WriteOptions {
  readonly isDryRun: boolean;
  /** The managedFields of what is written; without it they stay as they are. */
  readonly managedFields?: (written: FinishedWrite) => readonly Draft[];
  /** Refuses what the writer may not write, whole as it will be stored. */
  readonly check?: (written: FinishedWrite) => void;
  /** Refuses what admission policies do not want, as the last before it is stored; also of parts that are written apart. */
  readonly admit?: (written: FinishedWrite) => void;
}

/** An object as it will be stored, defaults and all. */
export interface FinishedWrite {
  readonly before: KubeObject | undefined;
  readonly after: Readonly<Draft>;
  /** The managedFields that came with the request. */
  readonly sent: unknown;
}

const NAMESPACES: Pick<Resource, 'group' | 'plural'> = { group: '', plural: 'namespaces' };

/** Stores a new object; throws 409 where the name is taken, 422 where it is invalid, 404 or 403 for its namespace. */
export function createObject(
  context: ApiContext,
  resource: Resource,
  draft: Draft,
  options: WriteOptions,
): StoredObject {
  const metadata = metadataOf(draft);
  if (textOf(metadata['resourceVersion']) !== undefined) {
    throw badRequest('resourceVersion should not be set on objects to be created');
  }
  nameObject(context, resource, metadata);
  const name = textOf(metadata['name']) ?? '';
  const namespace = textOf(metadata['namespace']);
  if (namespace !== undefined) admitNamespace(context, resource, namespace, name);
  if (context.store.get(resource.storage, storeKey(namespace, name)) !== undefined)
    throw alreadyExists(resource, name);
  const sent = metadata['managedFields'];
  stampNew(context, resource, metadata);
  const message = storedMessage(resource);
  // The pod's own words on its priority are judged, not defaults.
  if (message === 'core.Pod') admitPriority(context, resource, draft);
  applyDefaults(message, draft);
  if (message === 'core.Pod') admitServiceAccount(context, resource, draft, options);
  if (message === 'networking.Ingress') admitIngressClass(context, draft);
  const shape = validateObject(message, draft, { schemas: context.schemas, custom: resource.custom });
  refuse(resource, name, shape);
  refuse(resource, name, prepareCreate(context, resource, draft));
  options.check?.({ before: undefined, after: draft, sent });
  options.admit?.({ before: undefined, after: draft, sent });
  setManagedFields(options, { before: undefined, after: draft, sent });
  return commit(context, resource, draft, { options, previous: undefined });
}

/** Replaces an object's specification and metadata; a draft without resourceVersion wins over whatever is stored. */
export function updateObject(
  context: ApiContext,
  resource: Resource,
  draft: Draft,
  options: WriteOptions & { readonly previous: StoredObject },
): StoredObject {
  const { previous } = options;
  const current = previous.object;
  const sent = metadataOf(draft)['managedFields'];
  stampUpdate(resource, draft, current);
  const message = storedMessage(resource);
  applyDefaults(message, draft);
  const prepared = prepareUpdate(context, resource, draft, current);
  refuse(resource, current.metadata.name, [
    ...validateObject(message, draft, { schemas: context.schemas, before: current, custom: resource.custom }),
    ...prepared,
  ]);
  countGeneration(resource, draft, current);
  options.check?.({ before: current, after: draft, sent });
  options.admit?.({ before: current, after: draft, sent });
  setManagedFields(options, { before: current, after: draft, sent });
  return commit(context, resource, draft, { options, previous });
}

/** Replaces the status alone: specification and metadata stay as they are stored. */
export function updateStatus(
  context: ApiContext,
  resource: Resource,
  draft: Draft,
  options: WriteOptions & { readonly previous: StoredObject },
): StoredObject {
  const { current, next, finish } = partUpdate(context, resource, draft, options);
  if (draft['status'] === undefined) delete next['status'];
  else next['status'] = draft['status'];
  refuse(resource, current.metadata.name, resource.custom?.validate(next, current) ?? []);
  return finish();
}

/** Replaces the ephemeral containers of a pod alone: further ones may come, those that are there stay as they are. */
export function updateEphemeralContainers(
  context: ApiContext,
  resource: Resource,
  draft: Draft,
  options: WriteOptions & { readonly previous: StoredObject },
): StoredObject {
  const { current, next, finish } = partUpdate(context, resource, draft, options);
  const { ephemeralContainers } = objectOf(draft['spec']);
  next['spec'] = { ...objectOf(current['spec']), ephemeralContainers };
  if (listOf(ephemeralContainers).length === 0) delete partOf(next, 'spec')['ephemeralContainers'];
  applyDefaults(resource.message, next);
  refuse(resource, current.metadata.name, [
    ...validatePodForDebugging(next, current),
    ...context.schemas.check(resource.message, next),
  ]);
  return finish();
}

interface PartUpdate {
  readonly current: KubeObject;
  /** As stored; whoever replaces a part puts it there. */
  readonly next: Draft;
  /** Stores `next`, with whose fields are whose. */
  readonly finish: () => StoredObject;
}

/** What replacing one part of an object begins and ends with: `draft` is checked as any other, and all but the part stays as it is stored. */
function partUpdate(
  context: ApiContext,
  resource: Resource,
  draft: Draft,
  options: WriteOptions & { readonly previous: StoredObject },
): PartUpdate {
  const current = options.previous.object;
  const sent = metadataOf(draft)['managedFields'];
  stampUpdate(resource, draft, current);
  const next: Draft = { ...current, metadata: { ...current.metadata } };
  const finish = (): StoredObject => {
    options.admit?.({ before: current, after: next, sent });
    setManagedFields(options, { before: current, after: next, sent });
    return commit(context, resource, next, { options, previous: options.previous });
  };
  return { current, next, finish };
}

/** Replaces whole parts of an object as they are given, for subresources that know what they do. */
export function replaceObject(
  context: ApiContext,
  resource: Resource,
  next: Draft,
  options: WriteOptions & { readonly previous: StoredObject },
): StoredObject {
  return commit(context, resource, next, { options, previous: options.previous });
}

function setManagedFields(
  { managedFields }: WriteOptions,
  written: FinishedWrite & { readonly after: Draft },
): void {
  const metadata = metadataOf(written.after);
  const entries =
    managedFields === undefined ? written.before?.metadata.managedFields : managedFields(written);
  if (entries === undefined || entries.length === 0) delete metadata['managedFields'];
  else metadata['managedFields'] = entries;
}

/** Five characters are soon the same twice among thousands of objects. */
const NAME_TRIES = 8;

function nameObject(context: ApiContext, resource: Resource, metadata: Draft): void {
  const prefix = textOf(metadata['generateName']);
  if (textOf(metadata['name']) !== undefined || prefix === undefined) return;
  const namespace = textOf(metadata['namespace']);
  for (let i = 0; i < NAME_TRIES; i++) {
    const name = `${prefix.slice(0, 58)}${randomSuffix(context.random)}`;
    metadata['name'] = name;
    if (context.store.get(resource.storage, storeKey(namespace, name)) === undefined) return;
  }
}

function storeKey(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function admitNamespace(context: ApiContext, resource: Resource, namespace: string, name: string): void {
  const stored = context.store.get('namespaces', namespace);
  if (stored === undefined) throw notFound(NAMESPACES, namespace);
  if (stored.object.metadata.deletionTimestamp === undefined) return;
  const because = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${namespace} is being terminated`,
    field: 'metadata.namespace',
  };
  throw forbidden(resource, name, because, [cause]);
}

/** What only the server sets. */
const SERVER_FIELDS = [
  'selfLink',
  'managedFields',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'resourceVersion',
  'generation',
];

function stampNew(context: ApiContext, resource: Resource, metadata: Draft): void {
  for (const field of SERVER_FIELDS) delete metadata[field];
  metadata['uid'] = context.random.uuid();
  metadata['creationTimestamp'] = timestampOf(context.clock.nowMs());
  if (resource.hasGeneration) metadata['generation'] = 1;
}

const KEPT_FIELDS = [
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'resourceVersion',
  'generateName',
];

function stampUpdate(resource: Resource, draft: Draft, current: KubeObject): void {
  const metadata = metadataOf(draft);
  const name = current.metadata.name;
  const revision = textOf(metadata['resourceVersion']);
  if (revision !== undefined && revision !== '0' && revision !== current.metadata.resourceVersion) {
    throw staleRevision(resource, name);
  }
  const uid = textOf(metadata['uid']);
  if (uid !== undefined && uid !== current.metadata.uid) {
    throw conflict(
      resource,
      name,
      `Precondition failed: UID in precondition: ${uid.slice(0, 64)}, UID in object meta: ${current.metadata.uid}`,
    );
  }
  for (const field of ['managedFields', 'selfLink']) delete metadata[field];
  const before: Readonly<Draft> = { ...current.metadata };
  for (const field of KEPT_FIELDS) {
    if (before[field] === undefined) delete metadata[field];
    else metadata[field] = before[field];
  }
  refuse(resource, name, newFinalizers(metadata, current));
}

function newFinalizers(metadata: Readonly<Draft>, { metadata: before }: KubeObject): readonly FieldError[] {
  if (before.deletionTimestamp === undefined) return [];
  const known = before.finalizers ?? [];
  const added = listOf(metadata['finalizers']).filter((it) => !known.includes(String(it)));
  if (added.length === 0) return [];
  const detail = `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`;
  return [forbiddenField('metadata.finalizers', detail)];
}

/** Counts every change but those of metadata and of a status that is written apart. */
function countGeneration(resource: Resource, draft: Draft, current: KubeObject): void {
  if (!resource.hasGeneration) return;
  const { metadata: _new, status: newStatus, ...next } = draft;
  const { metadata: _old, status: oldStatus, ...before } = current;
  const isStatusApart = resource.custom === undefined || hasSubresource(resource, 'status');
  if (!isSameJson(next, before) || (!isStatusApart && !isSameJson(newStatus, oldStatus)))
    metadataOf(draft)['generation'] = (current.metadata.generation ?? 0) + 1;
}

function hasSubresource({ subresources }: Resource, name: string): boolean {
  return subresources.some((it) => it.name === name);
}

function commit(
  context: ApiContext,
  resource: Resource,
  draft: Draft,
  { options, previous }: { readonly options: WriteOptions; readonly previous: StoredObject | undefined },
): StoredObject {
  // `draft` has been completed: apiVersion, kind and whole metadata are there.
  const object = draft as unknown as KubeObject;
  // A write that changes nothing is none: it must not wake every watcher.
  if (previous !== undefined && isSameJson(object, previous.object)) return previous;
  if (options.isDryRun) return dryRunOf(object);
  const isGone = previous !== undefined && isEnding(object) && !hasFinalizers(draft);
  if (isGone) return context.store.remove(resource.storage, previous, object);
  return context.store.put(resource.storage, object, previous);
}

/** A deletion was asked for and nothing but finalizers holds it up. */
function isEnding({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined && (metadata.deletionGracePeriodSeconds ?? 0) === 0;
}

function dryRunOf(object: KubeObject): StoredObject {
  const key = object.metadata.name;
  return StoredObject.of(0, key, object, Buffer.from(JSON.stringify(object)));
}

function refuse(resource: Resource, name: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(resource, name, errors);
}
