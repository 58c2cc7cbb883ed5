// Checks of numbers, ports and percentages.

import { isPort } from '../../base/port.ts';
import { invalidValue, type FieldError } from './field-error.ts';
import { checkPortName } from './names.ts';

/** An integer field that may be absent. */
export function atLeast(field: string, value: unknown, minimum: number): FieldError[] {
  if (typeof value !== 'number' || value >= minimum) return [];
  return [invalidValue(field, value, `must be greater than or equal to ${minimum}`)];
}

export function portNumber(field: string, value: unknown): FieldError[] {
  return isPort(value) ? [] : [invalidValue(field, value, 'must be between 1 and 65535, inclusive')];
}

/** A port by its number or by the name that a container gives it. */
export function portReference(field: string, value: unknown): FieldError[] {
  if (typeof value !== 'string') return portNumber(field, value);
  const wrong = checkPortName(value);
  return wrong === undefined ? [] : [invalidValue(field, value, wrong)];
}

/** A count or a percentage ("25%"). */
export function countOrPercent(field: string, value: unknown): FieldError[] {
  if (value === undefined) return [];
  if (typeof value === 'number') return atLeast(field, value, 0);
  if (typeof value === 'string' && /^\d{1,3}%$/.test(value)) return [];
  return [invalidValue(field, value, "must be an integer or percentage (e.g '5%')")];
}
