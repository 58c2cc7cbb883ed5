// All kinds that can be listed and deleted, for what concerns every object: garbage collection and the end of a namespace.

import type { ResourceRef } from '../../kube/resource.ts';
import { apiVersionOf, RESOURCES, type Resource } from '../../objects/resources.ts';

export interface EveryKind {
  /** Events have no dependents and expire by themselves; the second name or version of a kind is not a second kind. */
  readonly collected: readonly ResourceRef[];
  readonly namespaced: readonly ResourceRef[];
  /** The kind of an owner reference, whichever of its versions that names; undefined for kinds that this server does not have. */
  readonly ofReference: (apiVersion: string, kind: string) => ResourceRef | undefined;
}

/** The kinds that are built in, and `custom` ones: every version of each that is served, the preferred one first. */
export function everyKind(custom: readonly Resource[] = []): EveryKind {
  const builtIn = RESOURCES.filter(
    (it) =>
      it.verbs.includes('watch') &&
      it.verbs.includes('delete') &&
      it.kind !== 'Event' &&
      it.storedVersion === apiVersionOf(it),
  );
  const byStorage = new Map([...custom.toReversed(), ...builtIn].map((it) => [it.storage, it]));
  const collected = [...builtIn, ...custom.filter((it) => byStorage.get(it.storage) === it)];
  const all = [...RESOURCES, ...custom];
  return {
    collected,
    namespaced: collected.filter(({ isNamespaced }) => isNamespaced),
    ofReference: (apiVersion, kind) => {
      const named = all.find((it) => it.kind === kind && apiVersionOf(it) === apiVersion);
      return named === undefined ? undefined : byStorage.get(named.storage);
    },
  };
}
