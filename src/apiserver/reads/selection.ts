// Which objects a list or watch is about: namespace, name, label and field selectors.

import { messageOf } from '../../base/errors.ts';
import { checkFieldPaths, matchesFields } from '../../objects/field-paths.ts';
import { matchesSelector, parseFieldSelector, parseLabelSelector } from '../../objects/meta.ts';
import type { Target } from '../http/request.ts';
import { badRequest } from '../http/status-error.ts';
import type { StoredObject } from '../store/stored-object.ts';

export interface Selection {
  readonly namespace: string | undefined;
  /** True where every object of the namespace is meant: nothing needs to be looked at. */
  readonly isEverything: boolean;
  readonly matches: (stored: StoredObject) => boolean;
}

/** The selection of a request; throws 400 for selectors that cannot be read. */
export function selectionOf(target: Target, query: URLSearchParams): Selection {
  const { namespace, name } = target;
  try {
    const labels = parseLabelSelector(query.get('labelSelector') ?? '');
    const fields = parseFieldSelector(query.get('fieldSelector') ?? '');
    checkFieldPaths(target.resource.message, fields, target.resource.custom?.selectableFields);
    const isHere = placeOf(namespace, name);
    return {
      namespace,
      isEverything: labels.length === 0 && fields.length === 0 && name === undefined,
      // In this order: what an object says is read only where its place and its labels fit.
      matches: (stored) =>
        isHere(stored.key) &&
        (labels.length === 0 || matchesSelector(labels, stored.labels)) &&
        (fields.length === 0 || matchesFields(fields, stored.object)),
    };
  } catch (error) {
    throw badRequest(messageOf(error));
  }
}

/** Whether a key is in the namespace and of the name that are asked for. */
function placeOf(namespace: string | undefined, name: string | undefined): (key: string) => boolean {
  if (namespace === undefined) return (key) => name === undefined || key === name;
  const start = `${namespace}/`;
  return (key) => (name === undefined ? key.startsWith(start) : key === `${start}${name}`);
}
