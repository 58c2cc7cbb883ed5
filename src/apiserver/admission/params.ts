// What a binding gives its policy to judge by (paramKind, paramRef).

import type { AdmissionBinding, AdmissionPolicy } from '../../objects/admission/policy.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { matchesSelector } from '../../objects/meta.ts';
import { apiVersionOf, type Resource } from '../../objects/resources.ts';
import type { ApiContext } from '../context.ts';
import { servedObject } from '../reads/serve.ts';
import type { StoredObject } from '../store/stored-object.ts';

/** The policy is asked once for each; undefined stands for none where it needs none. */
export type Params =
  | { readonly kind: 'found'; readonly objects: readonly (KubeObject | undefined)[] }
  | { readonly kind: 'failed'; readonly message: string };

type Lookup = Pick<ApiContext, 'kinds' | 'store'>;

/** `namespace` is that of the request, '' for what is in none. */
export function paramsOf(
  context: Lookup,
  { paramKind }: AdmissionPolicy,
  { paramRef }: AdmissionBinding,
  namespace: string,
): Params {
  if (paramKind === undefined || paramRef === undefined) return { kind: 'found', objects: [undefined] };
  const resource = context.kinds
    .all()
    .find((it) => it.kind === paramKind.kind && apiVersionOf(it) === paramKind.apiVersion);
  if (resource === undefined)
    return failed(
      `failed to find resource referenced by paramKind: '${paramKind.apiVersion}, Kind=${paramKind.kind}'`,
    );
  const place = placeOf(resource, paramRef.namespace, namespace);
  if (typeof place !== 'string') return place;
  const { name, selector, allowsNone } = paramRef;
  const found =
    name !== undefined
      ? [context.store.get(resource.storage, place === '' ? name : `${place}/${name}`)]
      : context.store
          .list(resource.storage, place === '' ? undefined : place)
          .filter(({ labels }) => matchesSelector(selector ?? [], labels));
  const objects = found.flatMap((stored) => (stored === undefined ? [] : [objectOf(resource, stored)]));
  if (objects.length === 0 && !allowsNone)
    return failed('no params found for policy binding with `Deny` parameterNotFoundAction');
  return { kind: 'found', objects };
}

function objectOf(resource: Resource, stored: StoredObject): KubeObject {
  return servedObject(resource, stored);
}

/** The namespace of the parameters. */
function placeOf(resource: Resource, named: string | undefined, requested: string): string | Params {
  if (!resource.isNamespaced)
    return named === undefined
      ? ''
      : failed('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
  const place = named ?? requested;
  return place === ''
    ? failed('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources')
    : place;
}

function failed(message: string): Params {
  return { kind: 'failed', message };
}
