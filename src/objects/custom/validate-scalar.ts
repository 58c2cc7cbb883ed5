// Texts, numbers and sizes against their bounds.

import type { Draft } from '../json.ts';
import { invalidValue, tooLong, tooMany, type FieldError } from '../validation/field-error.ts';
import { isOfFormat } from './formats.ts';
import type { Schema } from './schema.ts';

export function stringErrors(schema: Schema, value: string, at: string): readonly FieldError[] {
  const { lengths, pattern, format } = schema;
  const errors: FieldError[] = [];
  // The length of a text is that of its code points.
  const length = lengths.max === undefined && lengths.min === undefined ? 0 : Array.from(value).length;
  if (lengths.max !== undefined && length > lengths.max) return [tooLong(at, lengths.max)];
  if (lengths.min !== undefined && length < lengths.min)
    errors.push(invalidValue(at, value, `${at} in body should be at least ${lengths.min} chars long`));
  if (pattern !== undefined && !pattern.isIn(value))
    errors.push(invalidValue(at, value, `${at} in body should match '${pattern.source}'`));
  if (format !== undefined && !isOfFormat(format, value))
    errors.push(invalidValue(at, value, `${at} in body must be of type ${format}: ${JSON.stringify(value)}`));
  return errors;
}

export function numberErrors({ bounds, format }: Schema, value: number, at: string): readonly FieldError[] {
  const { minimum, maximum, isAbove, isBelow, multipleOf } = bounds;
  const errors: FieldError[] = [];
  const say = (text: string): void => void errors.push(invalidValue(at, value, `${at} in body ${text}`));
  if (maximum !== undefined && (isBelow ? value >= maximum : value > maximum))
    say(`should be less than ${isBelow ? '' : 'or equal to '}${maximum}`);
  if (minimum !== undefined && (isAbove ? value <= minimum : value < minimum))
    say(`should be greater than ${isAbove ? '' : 'or equal to '}${minimum}`);
  if (multipleOf !== undefined && multipleOf > 0 && !Number.isInteger(value / multipleOf))
    say(`should be a multiple of ${multipleOf}`);
  if (format === 'int32' && (value < -(2 ** 31) || value >= 2 ** 31)) say('must be of type int32');
  return errors;
}

export function objectSizeErrors(
  { propertyCount }: Schema,
  object: Readonly<Draft>,
  at: string,
): readonly FieldError[] {
  const count = Object.keys(object).length;
  const { min, max } = propertyCount;
  if (max !== undefined && count > max) return [tooMany(at, count, max)];
  if (min === undefined || count >= min) return [];
  return [invalidValue(at, count, `${at} in body should have at least ${min} properties`)];
}
