// All kinds that can be listed and deleted, for what concerns every object: garbage collection and the end of a namespace.

import type { ResourceRef } from '../../kube/resource.ts';
import { apiVersionOf, resourceOfKind, RESOURCES } from '../../objects/resources.ts';

/** Events have no dependents and expire by themselves; the second name or version of a kind is not a second kind. */
export const COLLECTED_KINDS: readonly ResourceRef[] = RESOURCES.filter(
  (it) =>
    it.verbs.includes('watch') &&
    it.verbs.includes('delete') &&
    it.kind !== 'Event' &&
    it.storedVersion === apiVersionOf(it),
);

export const NAMESPACED_KINDS: readonly ResourceRef[] = COLLECTED_KINDS.filter(
  ({ isNamespaced }) => isNamespaced,
);

/** The kind of an owner reference, whichever of its versions that names; undefined for kinds that this server does not have. */
export function kindOfReference(apiVersion: string, kind: string): ResourceRef | undefined {
  const stored = resourceOfKind(apiVersion, kind)?.storedVersion;
  return COLLECTED_KINDS.find((resource) => resource.kind === kind && apiVersionOf(resource) === stored);
}
