// A label selector as a slim object keeps it.

import { selectorOf, type Selector } from './meta.ts';
import type { Field } from './slim-field.ts';

/** Reads a LabelSelector that is there; throws `invalid` naming the field. What selects everything is empty. */
export function readSelector(field: Field): Selector {
  const matchLabels = Object.fromEntries(field.at('matchLabels').textMap());
  const matchExpressions = field
    .at('matchExpressions')
    .list()
    .map((it) => ({
      key: it.at('key').text(),
      operator: it.at('operator').text(),
      values: it
        .at('values')
        .list()
        .map((value) => value.text()),
    }));
  return field.parse(() => selectorOf({ matchLabels, matchExpressions }));
}

/** The label keys that a selector asks for. */
export function keysOfSelector(selector: Selector): readonly string[] {
  return selector.map(({ key }) => key);
}
