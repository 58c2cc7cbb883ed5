// How stored objects stand in answers: in the resource's own version, sharing the encoded bytes wherever nothing changes.

import type { Draft } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { apiVersionOf, resourceOfKind, type Resource } from '../../objects/resources.ts';
import { fromEventsGroup, toEventsGroup } from './event-conversion.ts';
import type { StoredObject } from '../store/stored-object.ts';

/** The object in the form of `resource`. */
export function servedObject(resource: Resource, stored: StoredObject): KubeObject {
  if (resource.custom !== undefined) return resource.custom.served(stored.object);
  return isConverted(resource) ? converted(resource, stored.object) : stored.object;
}

/** The same as bytes of JSON. */
export function servedJson(resource: Resource, stored: StoredObject): Buffer {
  const served = servedObject(resource, stored);
  return served === stored.object ? stored.json : Buffer.from(JSON.stringify(served));
}

/** The inverse: an object of `resource` as it is stored. */
export function storedDraft(resource: Resource, served: Draft): Draft {
  if (!isConverted(resource)) return served;
  if (isEvent(resource)) return fromEventsGroup(served);
  return { ...served, apiVersion: resource.storedVersion };
}

/** The message of what is stored for `resource`. */
export function storedMessage(resource: Resource): string {
  return resourceOfKind(resource.storedVersion, resource.kind)?.message ?? resource.message;
}

/** metadata alone, as clients that need no more ask for (PartialObjectMetadata). */
export function partialMetadata(object: KubeObject, version: string): object {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata };
}

/** True where the stored form is not the one that the resource serves. */
function isConverted(resource: Resource): boolean {
  return resource.storedVersion !== apiVersionOf(resource);
}

/** Versions of other kinds differ in their name alone. */
function converted(resource: Resource, object: KubeObject): KubeObject {
  return isEvent(resource) ? toEventsGroup(object) : { ...object, apiVersion: apiVersionOf(resource) };
}

function isEvent(resource: Resource): boolean {
  return resource.kind === 'Event';
}
