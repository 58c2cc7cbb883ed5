// Deletion: preconditions, grace of pods, finalizers and what the propagation policy adds to them.

import { CLEANUP, DEFINITION_MESSAGE } from '../../objects/custom/definition.ts';
import { objectOf, textOf, type Draft } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';
import type { Resource } from '../../objects/resources.ts';
import { timestampOf, type ApiContext } from '../context.ts';
import { hasFlag } from '../http/request.ts';
import type { StoredObject } from '../store/stored-object.ts';
import { badRequest, conflict } from '../http/status-error.ts';
import { graceOfPod, hasFinalizers } from '../kinds/strategy.ts';

export interface DeleteOptions {
  readonly gracePeriodSeconds: number | undefined;
  readonly propagation: 'Background' | 'Foreground' | 'Orphan' | undefined;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly isDryRun: boolean;
}

/** Options from the body (a DeleteOptions object) and the query, which both may carry them. */
export function deleteOptionsOf(body: Readonly<Draft>, query: URLSearchParams): DeleteOptions {
  const preconditions = objectOf(body['preconditions']);
  const dryRun = body['dryRun'] ?? query.getAll('dryRun');
  return {
    gracePeriodSeconds: graceOf(body['gracePeriodSeconds'] ?? query.get('gracePeriodSeconds') ?? undefined),
    propagation: propagationOf(body, query),
    uid: textOf(preconditions['uid']),
    resourceVersion: textOf(preconditions['resourceVersion']),
    isDryRun: Array.isArray(dryRun) && dryRun.includes('All'),
  };
}

function graceOf(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const seconds = Number(value);
  if (!Number.isInteger(seconds)) throw badRequest('gracePeriodSeconds must be an integer');
  return seconds < 0 ? 1 : seconds;
}

function propagationOf(body: Readonly<Draft>, query: URLSearchParams): DeleteOptions['propagation'] {
  const policy = textOf(body['propagationPolicy']) ?? textOf(query.get('propagationPolicy'));
  if (policy === undefined) {
    const orphan = body['orphanDependents'];
    if (orphan === undefined && !query.has('orphanDependents')) return undefined;
    return orphan === true || hasFlag(query, 'orphanDependents') ? 'Orphan' : 'Background';
  }
  if (policy === 'Background' || policy === 'Foreground' || policy === 'Orphan') return policy;
  throw badRequest(
    `invalid propagationPolicy "${policy.slice(0, 40)}": it must be Orphan, Background or Foreground`,
  );
}

/** What a deletion came to: gone, or marked and waiting. */
export interface Deletion {
  readonly isGone: boolean;
  readonly stored: StoredObject;
}

/** Deletes or marks `stored`; throws 409 where a precondition fails. */
export function deleteObject(
  context: ApiContext,
  resource: Resource,
  stored: StoredObject,
  options: DeleteOptions,
): Deletion {
  checkPreconditions(resource, stored.object, options);
  const marked = markedObject(context, resource, stored.object, options);
  const isGone = (marked.metadata.deletionGracePeriodSeconds ?? 0) === 0 && !hasFinalizers(marked);
  if (options.isDryRun) return { isGone, stored };
  if (isGone) return { isGone, stored: context.store.remove(resource.storage, stored, marked) };
  if (isSameMark(marked, stored.object)) return { isGone, stored };
  return { isGone, stored: context.store.put(resource.storage, marked, stored) };
}

function checkPreconditions(resource: Resource, { metadata }: KubeObject, options: DeleteOptions): void {
  const { uid, resourceVersion } = options;
  if (uid !== undefined && uid !== metadata.uid) {
    const because = `Precondition failed: UID in precondition: ${uid.slice(0, 64)}, UID in object meta: ${metadata.uid}`;
    throw conflict(resource, metadata.name, because);
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const because = `Precondition failed: ResourceVersion in precondition: ${resourceVersion.slice(0, 64)}, ResourceVersion in object meta: ${metadata.resourceVersion}`;
    throw conflict(resource, metadata.name, because);
  }
}

function markedObject(
  context: ApiContext,
  resource: Resource,
  object: KubeObject,
  options: DeleteOptions,
): KubeObject {
  const { metadata } = object;
  const asked = resource.message === 'core.Pod' ? graceOfPod(object, options.gracePeriodSeconds) : 0;
  const finalizers = [
    ...finalizersFor(metadata.finalizers ?? [], options.propagation),
    ...cleanupOf(resource, metadata),
  ];
  // A second deletion may shorten the grace, never prolong it.
  const before =
    metadata.deletionTimestamp === undefined ? undefined : (metadata.deletionGracePeriodSeconds ?? 0);
  const isShorter = before === undefined || asked < before;
  const grace = isShorter ? asked : before;
  const endMs = context.clock.nowMs() + grace * 1000;
  const deletionTimestamp = isShorter ? timestampOf(endMs) : metadata.deletionTimestamp;
  const generation =
    resource.hasGeneration && before === undefined ? (metadata.generation ?? 0) + 1 : metadata.generation;
  const { finalizers: _old, ...rest } = metadata;
  return {
    ...object,
    metadata: {
      ...rest,
      ...(generation === undefined ? {} : { generation }),
      ...(finalizers.length === 0 ? {} : { finalizers }),
      deletionGracePeriodSeconds: grace,
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    },
    ...(resource.message === 'core.Namespace'
      ? { status: { ...objectOf(object['status']), phase: 'Terminating' } }
      : {}),
  };
}

const FOREGROUND = 'foregroundDeletion';
const ORPHAN = 'orphan';

/** The garbage collector reads the policy from these finalizers and takes them away when its work is done. */
function finalizersFor(
  finalizers: readonly string[],
  propagation: DeleteOptions['propagation'],
): readonly string[] {
  if (propagation === undefined) return finalizers;
  const others = finalizers.filter((it) => it !== FOREGROUND && it !== ORPHAN);
  if (propagation === 'Foreground') return [...others, FOREGROUND];
  return propagation === 'Orphan' ? [...others, ORPHAN] : others;
}

/** The first request to delete a definition: its objects go before it. */
function cleanupOf(resource: Resource, metadata: KubeObject['metadata']): readonly string[] {
  const isFirst = resource.message === DEFINITION_MESSAGE && metadata.deletionTimestamp === undefined;
  return isFirst && metadata.finalizers?.includes(CLEANUP) !== true ? [CLEANUP] : [];
}

function isSameMark(a: KubeObject, b: KubeObject): boolean {
  return (
    a.metadata.deletionTimestamp === b.metadata.deletionTimestamp &&
    a.metadata.deletionGracePeriodSeconds === b.metadata.deletionGracePeriodSeconds &&
    JSON.stringify(a.metadata.finalizers) === JSON.stringify(b.metadata.finalizers)
  );
}
