// Whose object is whose: an owner keeps what it controls and still selects, adopts orphans that it selects, releases the rest. Pure.

import type { ResourceRef } from '../../kube/resource.ts';
import {
  matchesSelector,
  selectorOf,
  type KubeObject,
  type LabelSelector,
  type OwnerReference,
} from '../../objects/meta.ts';
import type { TableChange } from '../../store/table.ts';
import { patchAction, type Action } from '../../controllers/action.ts';
import { source, type ClusterReader, type Source } from '../../controllers/controller.ts';

export interface Owned<T> {
  readonly objects: readonly T[];
  /** Adoptions and releases; while there are any, nothing else should be decided. */
  readonly actions: readonly Action[];
}

export interface Ownership {
  readonly owner: KubeObject;
  readonly ref: OwnerReference;
  readonly selector: LabelSelector | undefined;
}

/** What of a kind in the owner's namespace belongs to the owner. */
export function ownedObjects<T extends KubeObject>(
  resource: ResourceRef<T>,
  { owner, ref, selector }: Ownership,
  cluster: ClusterReader,
): Owned<T> {
  const wanted = selectorOf(selector ?? {});
  const matches = (object: T): boolean => matchesSelector(wanted, object.metadata.labels);
  const mine = [...cluster.of(resource).by('controller', owner.metadata.uid)];
  const objects = mine.filter(matches);
  if (owner.metadata.deletionTimestamp !== undefined || selector === undefined)
    return { objects: mine, actions: [] };
  const released = mine.filter(
    (object) => !matches(object) && object.metadata.deletionTimestamp === undefined,
  );
  const orphans = [...cluster.of(resource).by('namespace', owner.metadata.namespace ?? '')].filter(
    (object) =>
      controllerOf(object) === undefined &&
      object.metadata.deletionTimestamp === undefined &&
      matches(object),
  );
  const actions = [
    ...released.map((object) => setOwners(resource, object, othersThan(object, owner))),
    ...orphans.map((object) =>
      setOwners(resource, object, [...(object.metadata.ownerReferences ?? []), ref]),
    ),
  ];
  return { objects, actions };
}

export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** Changes of dependents concern their controller; orphans concern every owner of the kind in the namespace that may adopt them. */
export function dependentsOf<T extends KubeObject>(
  resource: ResourceRef<T>,
  owners: ResourceRef,
  ownerKind: string,
): Source {
  return source(resource, ({ before, after }: TableChange<T>, cluster) => {
    const keys = new Set<string>();
    for (const object of [before, after]) {
      if (object === undefined) continue;
      const controller = controllerOf(object);
      const { namespace = '' } = object.metadata;
      if (controller?.kind === ownerKind) keys.add(`${namespace}/${controller.name}`);
      if (controller !== undefined) continue;
      for (const owner of cluster.of(owners).by('namespace', namespace)) {
        if (selects(owner, object)) keys.add(`${namespace}/${owner.metadata.name}`);
      }
    }
    return keys;
  });
}

function selects(owner: KubeObject, object: KubeObject): boolean {
  const { selector } = (owner['spec'] ?? {}) as { readonly selector?: LabelSelector };
  return selector !== undefined && matchesSelector(selectorOf(selector), object.metadata.labels);
}

function othersThan(object: KubeObject, owner: KubeObject): readonly OwnerReference[] {
  return (object.metadata.ownerReferences ?? []).filter((ref) => ref.uid !== owner.metadata.uid);
}

function setOwners(resource: ResourceRef, object: KubeObject, owners: readonly OwnerReference[]): Action {
  return patchAction(resource, object, { metadata: { ownerReferences: owners } });
}
