// The class of a new Ingress that names none, as the admission of a Kubernetes API server chooses it: the newest of the default ones.

import { CLASS_ANNOTATION, DEFAULT_CLASS_ANNOTATION } from '../../objects/ingress.ts';
import { objectOf, type Draft } from '../../objects/json.ts';
import type { ObjectMeta } from '../../objects/meta.ts';
import type { ApiContext } from '../context.ts';
import { metadataOf, partOf } from '../writes/draft.ts';

/** Completes the draft of an Ingress. One that names a class by the older annotation has it already. */
export function admitIngressClass(context: ApiContext, draft: Draft): void {
  const spec = partOf(draft, 'spec');
  const isNamed = Object.hasOwn(objectOf(metadataOf(draft)['annotations']), CLASS_ANNOTATION);
  if (spec['ingressClassName'] !== undefined || isNamed) return;
  const classes = context.store.list('ingressclasses.networking.k8s.io').map(({ object }) => object.metadata);
  const newest = defaultClassOf(classes);
  if (newest !== undefined) spec['ingressClassName'] = newest;
}

/** The newest of those that are marked; of one second the first by name. */
export function defaultClassOf(classes: readonly ObjectMeta[]): string | undefined {
  const marked = classes.filter(({ annotations }) => annotations?.[DEFAULT_CLASS_ANNOTATION] === 'true');
  return marked.toSorted(byAge)[0]?.name;
}

function byAge(a: ObjectMeta, b: ObjectMeta): number {
  const order = Date.parse(b.creationTimestamp) - Date.parse(a.creationTimestamp);
  return order === 0 ? (a.name < b.name ? -1 : 1) : order;
}
