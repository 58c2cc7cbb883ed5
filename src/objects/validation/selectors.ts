// Validation of label selectors inside objects.

import { isObject, listOf, objectOf, type Draft } from '../json.ts';
import { matchesSelector, selectorOf } from '../meta.ts';
import { forbiddenField, invalidValue, notSupported, required, type FieldError } from './field-error.ts';
import { validateLabels } from './metadata.ts';
import { checkLabelValue, checkQualifiedName } from './names.ts';

const OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist'];

/** Checks a LabelSelector at `field`; an absent one is fine here. */
export function validateSelector(selector: unknown, field: string): FieldError[] {
  if (!isObject(selector)) return [];
  const errors = validateLabels(selector['matchLabels'], `${field}.matchLabels`);
  for (const [i, item] of listOf(selector['matchExpressions']).entries()) {
    errors.push(...validateExpression(objectOf(item), `${field}.matchExpressions[${i}]`));
  }
  return errors;
}

function validateExpression({ key, operator, values }: Readonly<Draft>, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const wrongKey = checkQualifiedName(String(key));
  if (wrongKey !== undefined) errors.push(invalidValue(`${field}.key`, key, wrongKey));
  const list = listOf(values);
  if (operator === 'In' || operator === 'NotIn') {
    if (list.length === 0)
      errors.push(required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (list.length > 0)
      errors.push(
        forbiddenField(
          `${field}.values`,
          "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        ),
      );
  } else errors.push(notSupported(`${field}.operator`, operator, OPERATORS));
  for (const [i, value] of list.entries()) {
    const wrong = checkLabelValue(String(value));
    if (wrong !== undefined) errors.push(invalidValue(`${field}.values[${i}]`, value, wrong));
  }
  return errors;
}

/** A workload's selector: there, not empty, and choosing the pods of its own template. */
export function validateOwnSelector(spec: Readonly<Draft>): FieldError[] {
  const { selector } = spec;
  if (!isObject(selector)) return [required('spec.selector')];
  const errors = validateSelector(selector, 'spec.selector');
  if (errors.length > 0) return errors;
  const isEmpty =
    Object.keys(objectOf(selector['matchLabels'])).length === 0 &&
    listOf(selector['matchExpressions']).length === 0;
  if (isEmpty) return [invalidValue('spec.selector', selector, 'empty selector is invalid for this kind')];
  const labels = objectOf(objectOf(objectOf(spec['template'])['metadata'])['labels']) as Readonly<
    Record<string, string>
  >; // Field types were checked at the door.
  if (matchesSelector(selectorOf(selector), labels)) return [];
  return [
    invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'),
  ];
}
