// Deletes what has lost its owners, and carries out the two other ways to delete an owner: foreground and orphan.

import type { ResourceRef } from '../../kube/resource.ts';
import type { KubeObject, OwnerReference } from '../../objects/meta.ts';
import type { TableChange } from '../../store/table.ts';
import { deleteAction, nameOf, patchAction, type Action } from '../../controllers/action.ts';
import { source, type ClusterReader, type Controller } from '../../controllers/controller.ts';
import type { EveryKind } from './every-kind.ts';

const FOREGROUND = 'foregroundDeletion';
const ORPHAN = 'orphan';
/** An owner that the server has but the cache not yet is there soon. */
const RECHECK_MS = 2000;

export function garbageCollector(kinds: EveryKind): Controller {
  return {
    name: 'garbage-collector',
    sources: kinds.collected.map((resource) =>
      source(resource, (change, cluster) => keysOf(resource, change, { cluster, kinds })),
    ),
    reconcile: (key, { cluster }) => collect(key, { cluster, kinds }),
  };
}

/** The objects of all kinds. */
interface World {
  readonly cluster: ClusterReader;
  readonly kinds: EveryKind;
}

/** A dependent of an object, with its kind. */
interface Dependent {
  readonly resource: ResourceRef;
  readonly object: KubeObject;
}

export function collect(key: string, world: World): readonly Action[] {
  const found = objectOfKey(key, world);
  if (found === undefined) return [];
  const { resource, object } = found;
  if (object.metadata.deletionTimestamp === undefined) return collectByOwners(resource, object, world);
  const finalizers = object.metadata.finalizers ?? [];
  if (finalizers.includes(FOREGROUND)) return deleteDependents(resource, object, world);
  return finalizers.includes(ORPHAN) ? releaseDependents(resource, object, world) : [];
}

function collectByOwners(resource: ResourceRef, object: KubeObject, world: World): readonly Action[] {
  const owners = (object.metadata.ownerReferences ?? []).map((ref) => ({
    ref,
    ...ownerOf(ref, object, world),
  }));
  const absent = owners.filter(({ state }) => state === 'absent');
  const ending = owners.filter(({ state }) => state === 'ending');
  if (absent.length === 0 && ending.length === 0) return [];
  const action = owners.some(({ state }) => state === 'solid')
    ? dropOwners(resource, object, new Set([...absent, ...ending].map(({ ref }) => ref.uid)))
    : remove(resource, object, ending.length > 0, world);
  if (absent.length === 0) return [action];
  const lookups = absent.flatMap(({ ref, kind }) =>
    kind === undefined ? [] : [{ resource: kind, at: nameOfOwner(ref, kind, object), uid: ref.uid }],
  );
  return [
    { kind: 'if-absent', absent: lookups, action },
    { kind: 'later', afterMs: RECHECK_MS },
  ];
}

function remove(resource: ResourceRef, object: KubeObject, isForeground: boolean, world: World): Action {
  const hasDependents = isForeground && dependentsOf(object, world).length > 0;
  return deleteAction(resource, object, {
    options: { propagationPolicy: hasDependents ? 'Foreground' : 'Background' },
  });
}

/** Foreground: the owner stays until those dependents are gone that say they block it. */
function deleteDependents(resource: ResourceRef, owner: KubeObject, world: World): readonly Action[] {
  const blocking = blockingDependentsOf(owner, world).filter(({ object }) => !waitsFor(object, owner, world));
  if (blocking.length === 0) return [dropFinalizer(resource, owner, FOREGROUND)];
  return blocking
    .filter(({ object }) => object.metadata.deletionTimestamp === undefined)
    .flatMap((dependent) => collectByOwners(dependent.resource, dependent.object, world));
}

function blockingDependentsOf(owner: KubeObject, world: World): readonly Dependent[] {
  return dependentsOf(owner, world).filter(({ object }) =>
    object.metadata.ownerReferences?.some(
      (ref) => ref.uid === owner.metadata.uid && ref.blockOwnerDeletion === true,
    ),
  );
}

/** Whether a dependent waits in the foreground for its owner itself, over others that do: in a circle nobody would ever go. */
function waitsFor(dependent: KubeObject, owner: KubeObject, world: World): boolean {
  const seen = new Set<string>();
  const rest = [dependent];
  for (let object = rest.pop(); object !== undefined; object = rest.pop()) {
    if (object.metadata.uid === owner.metadata.uid) return true;
    if (seen.has(object.metadata.uid) || !isEndingInForeground(object)) continue;
    seen.add(object.metadata.uid);
    rest.push(...blockingDependentsOf(object, world).map((it) => it.object));
  }
  return false;
}

function isEndingInForeground({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(FOREGROUND) === true;
}

function releaseDependents(resource: ResourceRef, owner: KubeObject, world: World): readonly Action[] {
  const dependents = dependentsOf(owner, world);
  if (dependents.length === 0) return [dropFinalizer(resource, owner, ORPHAN)];
  const uids = new Set([owner.metadata.uid]);
  return dependents.map((dependent) => dropOwners(dependent.resource, dependent.object, uids));
}

function dropOwners(resource: ResourceRef, object: KubeObject, uids: ReadonlySet<string>): Action {
  const ownerReferences = (object.metadata.ownerReferences ?? []).filter((ref) => !uids.has(ref.uid));
  return patchAction(resource, object, { metadata: { ownerReferences } });
}

function dropFinalizer(resource: ResourceRef, object: KubeObject, name: string): Action {
  const finalizers = (object.metadata.finalizers ?? []).filter((each) => each !== name);
  return patchAction(resource, object, { metadata: { finalizers } });
}

function ownerOf(
  ref: OwnerReference,
  object: KubeObject,
  world: World,
): { readonly state: 'solid' | 'absent' | 'ending'; readonly kind: ResourceRef | undefined } {
  const kind = world.kinds.ofReference(ref.apiVersion, ref.kind);
  // What this server cannot know it must not delete for.
  if (kind === undefined) return { state: 'solid', kind };
  const { namespace, name } = nameOfOwner(ref, kind, object);
  const owner = world.cluster.of(kind).get(namespace === undefined ? name : `${namespace}/${name}`);
  if (owner?.metadata.uid !== ref.uid) return { state: 'absent', kind };
  return { state: isEndingInForeground(owner) ? 'ending' : 'solid', kind };
}

/** An owner is in the dependent's namespace, or in none. */
function nameOfOwner(ref: OwnerReference, kind: ResourceRef, object: KubeObject) {
  const { namespace } = nameOf(object);
  return kind.isNamespaced ? { namespace, name: ref.name } : { namespace: undefined, name: ref.name };
}

function dependentsOf(owner: KubeObject, world: World): readonly Dependent[] {
  return world.kinds.collected.flatMap((resource) =>
    [...world.cluster.of(resource).by('owner', owner.metadata.uid)].map((object) => ({ resource, object })),
  );
}

/** "apps/replicasets|shop/web-1": names an object of any kind. */
function keyOfObject(resource: ResourceRef, key: string): string {
  return `${resource.group}/${resource.plural}|${key}`;
}

function objectOfKey(key: string, world: World): Dependent | undefined {
  const bar = key.indexOf('|');
  const resource = world.kinds.collected.find((each) => `${each.group}/${each.plural}` === key.slice(0, bar));
  const object = resource === undefined ? undefined : world.cluster.of(resource).get(key.slice(bar + 1));
  return resource === undefined || object === undefined ? undefined : { resource, object };
}

function keysOf(resource: ResourceRef, change: TableChange<KubeObject>, world: World): readonly string[] {
  const { before, after } = change;
  if (after !== undefined) return isOfConcern(before, after) ? [keyOfObject(resource, change.key)] : [];
  if (before === undefined) return [];
  const dependents = dependentsOf(before, world).map((each) =>
    keyOfObject(each.resource, keyIn(each.object)),
  );
  return [...dependents, ...ownersOf(before, world)];
}

/** An owner that waits for its dependents has to hear of each one's end. */
function ownersOf(object: KubeObject, world: World): readonly string[] {
  return (object.metadata.ownerReferences ?? []).flatMap((ref) => {
    const kind = world.kinds.ofReference(ref.apiVersion, ref.kind);
    if (kind === undefined) return [];
    const { namespace, name } = nameOfOwner(ref, kind, object);
    return [keyOfObject(kind, namespace === undefined ? name : `${namespace}/${name}`)];
  });
}

/** Most changes are of a status, and none of ours. */
function isOfConcern(before: KubeObject | undefined, after: KubeObject): boolean {
  const { ownerReferences = [], deletionTimestamp } = after.metadata;
  if (before === undefined) return ownerReferences.length > 0 || deletionTimestamp !== undefined;
  return (
    deletionTimestamp !== undefined ||
    JSON.stringify(before.metadata.ownerReferences ?? []) !== JSON.stringify(ownerReferences)
  );
}

function keyIn(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}
