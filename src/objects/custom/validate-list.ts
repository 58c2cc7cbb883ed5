// Lists against their bounds, and the elements of sets and maps against each other.

import { getOwn, isObject } from '../json.ts';
import { duplicate, invalidValue, tooMany, type FieldError } from '../validation/field-error.ts';
import type { Schema } from './schema.ts';

export function listErrors(schema: Schema, list: readonly unknown[], at: string): readonly FieldError[] {
  const { min, max } = schema.itemCount;
  if (max !== undefined && list.length > max) return [tooMany(at, list.length, max)];
  const few =
    min !== undefined && list.length < min
      ? [invalidValue(at, list.length, `${at} in body should have at least ${min} items`)]
      : [];
  return [...few, ...repetitions(schema, list, at)];
}

function repetitions(
  { listType, listMapKeys }: Schema,
  list: readonly unknown[],
  at: string,
): readonly FieldError[] {
  if (listType === 'atomic') return [];
  const identityOf = (item: unknown): unknown =>
    listType === 'set'
      ? item
      : Object.fromEntries(listMapKeys.map((key) => [key, isObject(item) ? getOwn(item, key) : undefined]));
  const seen = new Set<string>();
  return list.flatMap((item, i) => {
    const identity = identityOf(item);
    const text = JSON.stringify(identity);
    if (seen.has(text)) return [duplicate(`${at}[${i}]`, identity)];
    seen.add(text);
    return [];
  });
}
