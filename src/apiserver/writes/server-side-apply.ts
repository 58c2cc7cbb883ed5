// Server-side apply: who applies says which fields he wants; the server joins them with the object and keeps who has which.

import { messageOf } from '../../base/errors.ts';
import {
  difference,
  isEmptySet,
  isEqualSet,
  NO_FIELDS,
  pathsOf,
  type FieldSet,
} from '../../objects/apply/field-set.ts';
import { pathText } from '../../objects/apply/fields-v1.ts';
import {
  managerKey,
  managerOfKey,
  readManagedFields,
  UNMANAGED,
  writtenManagedFields,
  type ManagedFields,
  type ManagerIdentity,
} from '../../objects/apply/managed-fields.ts';
import { applyFields, writeFields, type Applied, type Conflict } from '../../objects/apply/managers.ts';
import { appliedFields, changedFields, fieldChanges } from '../../objects/apply/owned-fields.ts';
import { isObject, objectOf, setOwn, textOf, type Draft } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';
import type { Resource } from '../../objects/resources.ts';
import { timestampOf, type ApiContext } from '../context.ts';
import { ownableBy, ownedTypeOfResource } from './field-managers.ts';
import { hasFlag } from '../http/request.ts';
import { badRequest, StatusError } from '../http/status-error.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

export interface ApplyRequest {
  readonly resource: Resource;
  readonly live: KubeObject | undefined;
  /** What is applied, in the stored form. */
  readonly config: Draft;
  readonly manager: ManagerIdentity;
  readonly isForced: boolean;
}

export interface ApplyResult {
  /** Undefined where nothing changes but, perhaps, who has which fields. */
  readonly draft: Draft | undefined;
  readonly managedFields: readonly Draft[];
}

/** Throws 409 naming every field that somebody else has, and 400 for a configuration whose lists cannot be told apart. */
export function applyConfig(context: ApiContext, request: ApplyRequest): ApplyResult {
  const { resource, live, manager, isForced } = request;
  const config = withoutNulls(request.config) as Draft; // An object stays one.
  if (objectOf(config['metadata'])['managedFields'] !== undefined)
    throw badRequest('metadata.managedFields must be nil');
  const known = knownOf(live, resource);
  const key = managerKey(manager);
  const applied = refusingBadLists(() =>
    applyFields({
      live,
      config,
      type: ownedTypeOfResource(resource),
      managers: known.managers,
      manager: key,
      ownable: ownableBy(manager, resource),
    }),
  );
  const fought = isForced ? [] : withoutLastApplied(applied, request);
  if (fought.length > 0) throw applyConflict(fought, known);
  const draft = applied.object && withLastApplied(applied.object, config, request);
  const { managers } = applied;
  const isNews = draft !== undefined || !isSameShare(known.managers.get(key), managers.get(key));
  const times = isNews ? new Map(known.times).set(key, timestampOf(context.clock.nowMs())) : known.times;
  return { draft, managedFields: writtenManagedFields({ managers, times }, known) };
}

function isSameShare(before: FieldSet | undefined, after: FieldSet | undefined): boolean {
  return isEqualSet(before ?? NO_FIELDS, after ?? NO_FIELDS);
}

/** An object that was made before anybody kept count belongs to nobody in particular: to who was there before the first to apply. */
function knownOf(live: KubeObject | undefined, resource: Resource): ManagedFields {
  const known = readManagedFields(live?.metadata.managedFields);
  if (live === undefined || known.managers.size > 0) return known;
  const before: ManagerIdentity = {
    manager: 'before-first-apply',
    operation: 'Update',
    apiVersion: live.apiVersion,
    subresource: undefined,
  };
  const { managers } = writeFields({
    before: undefined,
    after: live,
    type: ownedTypeOfResource(resource),
    managers: new Map(),
    manager: managerKey(before),
    ownable: ownableBy(before, resource),
  });
  return { ...UNMANAGED, managers };
}

/** null says nothing here: a field that is not wanted is left out. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  const kept: Draft = {};
  for (const [key, inner] of Object.entries(value))
    if (inner !== null) setOwn(kept, key, withoutNulls(inner));
  return kept;
}

function refusingBadLists(apply: () => Applied): Applied {
  try {
    return apply();
  } catch (error) {
    throw badRequest(`failed to create typed patch object: ${messageOf(error)}`);
  }
}

/**
 * kubectl may take over what it applied itself from the client's side before: fields that stand as the annotation of then has them are its own
 * (KEP-555, "upgrade from client-side apply").
 */
function withoutLastApplied(
  { conflicts }: Applied,
  { resource, live, manager }: ApplyRequest,
): readonly Conflict[] {
  if (conflicts.length === 0 || manager.manager !== 'kubectl' || live === undefined) return conflicts;
  const own = lastAppliedFields(live, resource);
  const left = conflicts.map((it) => ({ ...it, fields: difference(it.fields, own) }));
  return left.some(({ fields }) => !isEmptySet(fields)) ? left.filter((it) => !isEmptySet(it.fields)) : [];
}

function lastAppliedFields(live: KubeObject, resource: Resource): FieldSet {
  const text = live.metadata.annotations?.[LAST_APPLIED];
  if (text === undefined) return NO_FIELDS;
  try {
    const last: unknown = JSON.parse(text);
    const type = ownedTypeOfResource(resource);
    // Whoever changed a field since then has it now.
    return difference(appliedFields(last, type), changedFields(fieldChanges(live, last, type)));
  } catch {
    // Anybody may write an annotation: what cannot be read gives no right to anything.
    return NO_FIELDS;
  }
}

/** Where an object has the annotation it stays true, so that a client that applies by itself sees what was wanted last. */
function withLastApplied(draft: Draft, config: Draft, { live, manager }: ApplyRequest): Draft {
  if (manager.manager !== 'kubectl' || live?.metadata.annotations?.[LAST_APPLIED] === undefined) return draft;
  const metadata = objectOf(draft['metadata']);
  const annotations = { ...objectOf(metadata['annotations']), [LAST_APPLIED]: `${JSON.stringify(config)}\n` };
  return { ...draft, metadata: { ...metadata, annotations } };
}

function applyConflict(conflicts: readonly Conflict[], { times }: ManagedFields): StatusError {
  const all = conflicts.flatMap(({ manager, fields }) =>
    [...pathsOf(fields)].map((path) => ({
      manager: managerText(manager, times.get(manager)),
      path: pathText(path),
    })),
  );
  const causes = all.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${manager}`,
    field: path,
  }));
  return new StatusError(409, 'Conflict', conflictText(all), { causes });
}

function conflictText(all: readonly { readonly manager: string; readonly path: string }[]): string {
  const [first] = all;
  if (all.length === 1 && first !== undefined)
    return `Apply failed with 1 conflict: conflict with ${first.manager}: ${first.path}`;
  const byManager = Map.groupBy(all, ({ manager }) => manager);
  const lines = [...byManager.keys()]
    .sort()
    .flatMap((manager) => [
      `conflicts with ${manager}:`,
      ...(byManager.get(manager) ?? []).map(({ path }) => `- ${path}`),
    ]);
  return `Apply failed with ${all.length} conflicts: ${lines.join('\n')}`;
}

function managerText(key: string, time: string | undefined): string {
  const { manager, operation, apiVersion, subresource } = managerOfKey(key);
  const name = `${JSON.stringify(manager)}${subresource === undefined ? '' : ` with subresource "${subresource}"`}`;
  if (operation === 'Apply') return name;
  return `${name} using ${apiVersion}${time === undefined ? '' : ` at ${time}`}`;
}

/** Who applies must say who he is. */
export function checkApplyOptions(query: URLSearchParams): { readonly isForced: boolean } {
  if (textOf(query.get('fieldManager')) === undefined)
    throw new StatusError(
      422,
      'Invalid',
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
      {
        causes: [
          {
            reason: 'FieldValueRequired',
            message: 'Required value: is required for apply patch',
            field: 'fieldManager',
          },
        ],
      },
    );
  return { isForced: hasFlag(query, 'force') };
}
