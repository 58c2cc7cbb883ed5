// What a request asks, for authorization and audit: its verb follows from method and path, as upstream's RequestInfo has it.

import type { RequestAttributes, ResourceAttributes } from '../../objects/access/attributes.ts';
import { parseFieldSelector } from '../../objects/meta.ts';
import { hasFlag, type ApiRequest, type Target } from './request.ts';

type Asked = Pick<ApiRequest, 'method' | 'path' | 'query'>;

const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** `target` is undefined for paths that are none of a resource. */
export function attributesOf(request: Asked, target: Target | undefined): RequestAttributes {
  if (target === undefined) return { kind: 'path', verb: request.method.toLowerCase(), path: request.path };
  return resourceAttributes(request, target);
}

export function resourceAttributes(request: Asked, target: Target): ResourceAttributes {
  const { resource, subresource = '' } = target;
  const verb = verbOf(request, target);
  const name = target.name ?? chosenName(verb, request.query);
  return {
    kind: 'resource',
    verb,
    group: resource.group,
    version: resource.version,
    resource: resource.plural,
    subresource,
    namespace: namespaceOf(target),
    name,
  };
}

function verbOf({ method, query }: Asked, { name, subresource }: Target): string {
  const verb = VERBS[method] ?? method.toLowerCase();
  // A watch of one object is served as well, and shows more than a get.
  if (verb === 'get' && subresource === undefined && hasFlag(query, 'watch')) return 'watch';
  if (name !== undefined) return verb;
  if (verb === 'get') return 'list';
  return verb === 'delete' ? 'deletecollection' : verb;
}

/** A namespace is in itself: who may do something to objects in it may be given it as well. */
function namespaceOf({ resource, namespace, name }: Target): string {
  return resource.message === 'core.Namespace' ? (name ?? '') : (namespace ?? '');
}

const NAMED_VERBS = ['list', 'watch'];

/** A list of the one object of a name is a question about that object. */
function chosenName(verb: string, query: URLSearchParams): string {
  if (!NAMED_VERBS.includes(verb)) return '';
  try {
    const fields = parseFieldSelector(query.get('fieldSelector') ?? '');
    return fields.find(({ path, isNegated }) => path === 'metadata.name' && !isNegated)?.value ?? '';
  } catch {
    // Whoever answers refuses it, in words: nothing is named by it.
    return '';
  }
}
