// How a kind is named in the paths of the Kubernetes API, and what every object of it has. Knows no single kind.

import type { ObjectMeta } from 'kubernetes-types/meta/v1.d.ts';

/** The part that every object shares; the rest belongs to its kind. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata?: ObjectMeta;
}

/** Metadata as the server returns it: these fields are never absent there. */
export interface LiveMeta extends ObjectMeta {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** An object that came from the server. */
export type Live<T> = T & { readonly metadata: LiveMeta };

/** One kind of the API. `object` never has a value: it only carries the type that the client's methods return. */
export interface ResourceRef<T extends KubeObject = KubeObject> {
  /** Empty for core/v1. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly object?: T;
}

/** Names one object; `namespace` is undefined for kinds without one. */
export interface ObjectName {
  readonly namespace?: string | undefined;
  readonly name: string;
}

export function apiVersionOf(resource: Pick<ResourceRef, 'group' | 'version'>): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** The key under which caches hold an object: "namespace/name", or "name" where there is no namespace. */
export function keyOf(name: ObjectName): string {
  return name.namespace === undefined || name.namespace === '' ? name.name : `${name.namespace}/${name.name}`;
}

/** The inverse of `keyOf`. */
export function nameOfKey(key: string): ObjectName {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** "/api/v1/namespaces/shop/pods/web-1/status"; without `name` the collection, without `namespace` that of all namespaces. */
export function resourcePath(
  resource: ResourceRef,
  at: { readonly namespace?: string | undefined; readonly name?: string | undefined } = {},
  subresource?: string,
): string {
  const parts =
    resource.group === '' ? ['api', resource.version] : ['apis', resource.group, resource.version];
  if (resource.namespaced && at.namespace !== undefined) parts.push('namespaces', at.namespace);
  parts.push(resource.plural);
  if (at.name !== undefined) parts.push(at.name);
  if (subresource !== undefined) parts.push(subresource);
  return `/${parts.map(encodeURIComponent).join('/')}`;
}
