// All kinds that can be listed and deleted, for what concerns every object: garbage collection and the end of a namespace.

import type { ResourceRef } from '../../kube/resource.ts';
import { apiVersionOf, RESOURCES } from '../../objects/resources.ts';

/** Events have no dependents and expire by themselves; the second name of a kind is not a second kind. */
export const COLLECTED_KINDS: readonly ResourceRef[] = RESOURCES.filter(
  ({ verbs, kind }) => verbs.includes('watch') && verbs.includes('delete') && kind !== 'Event',
);

export const NAMESPACED_KINDS: readonly ResourceRef[] = COLLECTED_KINDS.filter(
  ({ isNamespaced }) => isNamespaced,
);

/** The kind of an owner reference; undefined for kinds that this server does not have. */
export function kindOfReference(apiVersion: string, kind: string): ResourceRef | undefined {
  return COLLECTED_KINDS.find((resource) => resource.kind === kind && apiVersionOf(resource) === apiVersion);
}
