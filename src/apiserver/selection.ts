// Which objects a list or watch is about: namespace, name, label and field selectors.

import { messageOf } from '../base/errors.ts';
import { checkFieldPaths, matchesFields } from '../objects/field-paths.ts';
import { matchesSelector, parseFieldSelector, parseLabelSelector, type KubeObject } from '../objects/meta.ts';
import type { Target } from './request.ts';
import { badRequest } from './status-error.ts';

export interface Selection {
  readonly namespace: string | undefined;
  /** True where every object of the namespace is meant: nothing needs to be looked at. */
  readonly isEverything: boolean;
  readonly matches: (object: KubeObject) => boolean;
}

/** The selection of a request; throws 400 for selectors that cannot be read. */
export function selectionOf(target: Target, query: URLSearchParams): Selection {
  const { namespace, name } = target;
  try {
    const labels = parseLabelSelector(query.get('labelSelector') ?? '');
    const fields = parseFieldSelector(query.get('fieldSelector') ?? '');
    checkFieldPaths(target.resource.message, fields, target.resource.custom?.selectableFields);
    const isNamed = (object: KubeObject): boolean => name === undefined || object.metadata.name === name;
    const isHere = (object: KubeObject): boolean =>
      namespace === undefined || object.metadata.namespace === namespace;
    return {
      namespace,
      isEverything: labels.length === 0 && fields.length === 0 && name === undefined,
      matches: (object) =>
        isHere(object) &&
        isNamed(object) &&
        matchesSelector(labels, object.metadata.labels) &&
        matchesFields(fields, object),
    };
  } catch (error) {
    throw badRequest(messageOf(error));
  }
}
