// What labels lack for a selector, in words that say what to change.

import type { RawLabels, RawLabelSelector } from '../oracle/raw-policies.ts';

/** "label tier=api", "label app in (db, cache)", "no label debug": what is not so yet. Empty where the selector selects the labels. */
export function unmetRequirements(selector: RawLabelSelector, labels: RawLabels): readonly string[] {
  const valueOf = (key: string): string | undefined => (Object.hasOwn(labels, key) ? labels[key] : undefined);
  const equalities = Object.entries(selector.matchLabels ?? {})
    .filter(([key, value]) => valueOf(key) !== value)
    .map(([key, value]) => `label ${key}=${value}`);
  const others = (selector.matchExpressions ?? []).flatMap(({ key, operator, values }) => {
    const value = valueOf(key);
    const isOneOf = value !== undefined && (values ?? []).includes(value);
    if (operator === 'In') return isOneOf ? [] : [oneOf(key, values ?? [])];
    if (operator === 'NotIn') return isOneOf ? [`no label ${key}=${value}`] : [];
    if (operator === 'Exists') return value === undefined ? [`a label ${key}`] : [];
    return value === undefined ? [] : [`no label ${key}`];
  });
  return [...equalities, ...others];
}

function oneOf(key: string, values: readonly string[]): string {
  return values.length === 1 ? `label ${key}=${values[0]}` : `label ${key} in (${values.join(', ')})`;
}
