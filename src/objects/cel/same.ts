// Equality of values as CEL has it: numbers by what they count, values of our own by what they stand for.

import { getOwn, isObject } from '../json.ts';
import { isDuration, isUnsigned, type Unsigned } from './library-values.ts';

/** A value of one of our own types. */
export interface Comparable {
  isSame(other: unknown): boolean;
}

export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isNumber(a) && isNumber(b)) return numberOf(a) <= numberOf(b) && numberOf(a) >= numberOf(b);
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, i) => isSame(item, b[i]))
    );
  if (!isObject(a) || !isObject(b)) return false;
  if (isComparable(a)) return a.isSame(b);
  if (a instanceof Date) return b instanceof Date && a.getTime() === b.getTime();
  if (isDuration(a)) return isDuration(b) && a.seconds === b.seconds && a.nanos === b.nanos;
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  return areSameMaps(a, b);
}

function isNumber(value: unknown): value is bigint | number | Unsigned {
  return typeof value === 'bigint' || typeof value === 'number' || isUnsigned(value);
}

function numberOf(value: bigint | number | Unsigned): bigint | number {
  return isUnsigned(value) ? value.valueOf() : value;
}

function isComparable(value: object): value is Comparable {
  return 'isSame' in value && typeof value.isSame === 'function';
}

function areSameMaps(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  const [x, y] = [entriesOf(a), entriesOf(b)];
  return x.size === y.size && [...x].every(([key, value]) => y.has(key) && isSame(value, y.get(key)));
}

function entriesOf(value: Readonly<Record<string, unknown>>): ReadonlyMap<string, unknown> {
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [String(key), item]));
  return new Map(Object.keys(value).map((key) => [key, getOwn(value, key)]));
}
