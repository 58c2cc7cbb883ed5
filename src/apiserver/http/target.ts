// URL paths to resources: /api/v1/..., /apis/GROUP/VERSION/... and nothing else.

import { whyUnserved } from '../../objects/unserved-kinds.ts';
import type { Kinds } from '../custom/kinds.ts';
import { badRequest, pathNotFound, StatusError } from './status-error.ts';
import type { ApiRequest, Target } from './request.ts';

/** The target of a path below /api or /apis; undefined where the path is none of a resource, throws 404 for unknown ones. */
export function targetOf(path: string, kinds: Kinds): Target | undefined {
  const parts = decodedParts(path);
  const [root, ...rest] = parts;
  if (root === 'api' && rest.length >= 2) return targetIn(kinds, ['', rest[0] ?? ''], rest.slice(1));
  if (root === 'apis' && rest.length >= 3)
    return targetIn(kinds, [rest[0] ?? '', rest[1] ?? ''], rest.slice(2));
  return undefined;
}

const OLD_WATCH = /^\/(api\/[^/]+|apis\/[^/]+\/[^/]+)\/watch(?=\/)/;

/** A watch by its path of old (`/api/v1/watch/pods`) as one by the path of the list. Ruby's client knows no other. */
export function withoutOldWatch(request: ApiRequest): ApiRequest {
  const { method, path } = request;
  if (method !== 'GET' || !OLD_WATCH.test(path)) return request;
  const query = new URLSearchParams(request.query);
  query.set('watch', 'true');
  return { ...request, path: path.replace(OLD_WATCH, '/$1'), query };
}

function decodedParts(path: string): readonly string[] {
  try {
    return path
      .split('/')
      .filter((part) => part !== '')
      .map((part) => decodeURIComponent(part));
  } catch {
    throw badRequest('the path is not percent-encoded correctly');
  }
}

/** Parts of a namespace itself, everything else behind its name is a resource within it. */
const NAMESPACE_SUBRESOURCES = ['status', 'finalize'];

function targetIn(
  kinds: Kinds,
  [group, version]: readonly [group: string, version: string],
  parts: readonly string[],
): Target {
  const [first, second, third] = parts;
  const isWithinNamespace =
    first === 'namespaces' && second !== undefined && third !== undefined && !isNamespacePart(group, parts);
  const namespace = isWithinNamespace ? second : undefined;
  const [plural = '', name, subresource, ...more] = isWithinNamespace ? parts.slice(2) : parts;
  const resource = kinds.find(group, version, plural);
  if (resource === undefined || more.length > 0) throw unknownResource(group, plural);
  if (namespace !== undefined && !resource.isNamespaced) throw pathNotFound();
  if (name !== undefined && resource.isNamespaced && namespace === undefined) throw pathNotFound();
  if (subresource !== undefined && !resource.subresources.some((it) => it.name === subresource)) {
    throw pathNotFound();
  }
  return { resource, namespace, name, subresource };
}

function unknownResource(group: string, plural: string): StatusError {
  const because = whyUnserved(group, plural);
  return because === undefined ? pathNotFound() : new StatusError(404, 'NotFound', because, {});
}

function isNamespacePart(group: string, parts: readonly string[]): boolean {
  return group === '' && parts.length === 3 && NAMESPACE_SUBRESOURCES.includes(parts[2] ?? '');
}
