// Label selectors, written from the text of meta/v1 LabelSelector.

import { FairleadError } from '../base/errors.ts';
import type { RawLabels, RawLabelSelector, RawNamespace } from './raw-policies.ts';

/** All requirements must hold; a selector without any selects everything. Throws `invalid` at an operator that the API has not. */
export function selects(selector: RawLabelSelector, labels: RawLabels): boolean {
  const has = (key: string): boolean => Object.hasOwn(labels, key);
  for (const [key, value] of Object.entries(selector.matchLabels ?? {}))
    if (!has(key) || labels[key] !== value) return false;
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const isOneOf = has(key) && (values ?? []).includes(labels[key] ?? '');
    switch (operator) {
      case 'In':
        if (!isOneOf) return false;
        break;
      case 'NotIn':
        // Also true of what has no such label.
        if (isOneOf) return false;
        break;
      case 'Exists':
        if (!has(key)) return false;
        break;
      case 'DoesNotExist':
        if (has(key)) return false;
        break;
      default:
        throw new FairleadError('invalid', `Cannot read label selector: unknown operator "${operator}"`);
    }
  }
  return true;
}

/**
 * The labels of a namespace; every one has its name as `kubernetes.io/metadata.name`, whatever was written (the API server sees to it), even
 * one of which no object is known.
 */
export function labelsOfNamespace(namespaces: readonly RawNamespace[], name: string): RawLabels {
  const labels = namespaces.find((it) => it.metadata.name === name)?.metadata.labels ?? {};
  return { ...labels, 'kubernetes.io/metadata.name': name };
}
