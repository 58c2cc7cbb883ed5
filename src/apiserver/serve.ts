// How stored objects stand in answers: in the resource's own version, sharing the encoded bytes wherever nothing changes.

import type { KubeObject } from '../objects/meta.ts';
import type { Resource } from '../objects/resources.ts';
import { toEventsGroup } from './event-conversion.ts';
import type { StoredObject } from './object-store.ts';

/** The object in the form of `resource`. */
export function servedObject(resource: Resource, stored: StoredObject): KubeObject {
  return isConverted(resource) ? toEventsGroup(stored.object) : stored.object;
}

/** The same as bytes of JSON. */
export function servedJson(resource: Resource, stored: StoredObject): Buffer {
  return isConverted(resource) ? Buffer.from(JSON.stringify(toEventsGroup(stored.object))) : stored.json;
}

/** True where the stored form is not the one that the resource serves. */
export function isConverted(resource: Resource): boolean {
  return resource.message === 'events.Event';
}

/** metadata alone, as clients that need no more ask for (PartialObjectMetadata). */
export function partialMetadata(object: KubeObject, version: string): object {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata };
}
