// Validation of PriorityClass (scheduling.k8s.io/v1).

import { getOwn, objectOf, textOf, type Draft } from '../json.ts';
import { SYSTEM_PRIORITY_CLASSES } from '../system-priority-classes.ts';
import { forbiddenField, invalidValue, type FieldError } from './field-error.ts';

/** Above it are the system's own. */
const HIGHEST = 1_000_000_000;

export function validatePriorityClass(
  object: Readonly<Draft>,
  before: Readonly<Draft> | undefined,
): readonly FieldError[] {
  const name = textOf(objectOf(object['metadata'])['name']) ?? '';
  return [
    ...(name.startsWith('system-') ? reserved(name, object) : tooHigh(object)),
    ...(before === undefined ? [] : unchanged(object, before)),
  ];
}

function reserved(name: string, { value, globalDefault }: Readonly<Draft>): readonly FieldError[] {
  const own = objectOf(getOwn(SYSTEM_PRIORITY_CLASSES, name));
  if (own['value'] === value && globalDefault !== true) return [];
  const because = `${name} is not a known system priority class, or has another value`;
  const detail = `priority class names with 'system-' prefix are reserved for system use only. error: ${because}`;
  return [forbiddenField('metadata.name', detail)];
}

function tooHigh({ value }: Readonly<Draft>): readonly FieldError[] {
  return typeof value === 'number' && value > HIGHEST
    ? [forbiddenField('value', `maximum allowed value of a user defined priority is ${HIGHEST}`)]
    : [];
}

function unchanged(object: Readonly<Draft>, before: Readonly<Draft>): readonly FieldError[] {
  const errors: FieldError[] = [];
  if ((object['value'] ?? 0) !== (before['value'] ?? 0))
    errors.push(forbiddenField('value', 'may not be changed in an update.'));
  if (object['preemptionPolicy'] !== before['preemptionPolicy'])
    errors.push(invalidValue('preemptionPolicy', object['preemptionPolicy'], 'field is immutable'));
  return errors;
}
