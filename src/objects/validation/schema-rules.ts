// What schemas of custom resources demand beyond types: rules at paths, each with the words in which an API server refuses what breaks it.

import { getOwn, isObject, isSameJson, objectOf, scalarText, type Draft } from '../json.ts';
import { duplicate, invalidValue, notSupported, tooLong, tooMany, type FieldError } from './field-error.ts';

/** Everything that is wrong with an object by one rule. */
export type SchemaRule = (object: Readonly<Draft>) => readonly FieldError[];

interface Place {
  readonly field: string;
  readonly value: unknown;
}

/** Every value at a path such as "spec.rules[].filters[]"; what is absent is nowhere. */
export function placesAt(object: unknown, path: string): readonly Place[] {
  let places: readonly Place[] = [{ field: '', value: object }];
  for (const step of path.split('.')) {
    const isEach = step.endsWith('[]');
    const name = isEach ? step.slice(0, -2) : step;
    const members = places.flatMap((it) => memberOf(it, name));
    places = isEach ? members.flatMap(elementsOf) : members;
  }
  return places;
}

function memberOf({ field, value }: Place, name: string): readonly Place[] {
  const member = isObject(value) ? getOwn(value, name) : undefined;
  return member === undefined ? [] : [{ field: field === '' ? name : `${field}.${name}`, value: member }];
}

function elementsOf({ field, value }: Place): readonly Place[] {
  return Array.isArray(value)
    ? value.map((item: unknown, i) => ({ field: `${field}[${i}]`, value: item }))
    : [];
}

/** For each object at `at`: what `message` says must hold. */
export function onObject(at: string, message: string, holds: (self: Readonly<Draft>) => boolean): SchemaRule {
  return (object) =>
    placesAt(object, at).flatMap(({ field, value }) =>
      isObject(value) && !holds(value) ? [invalidValue(field, 'object', message)] : [],
    );
}

/** The same for each list. */
export function onList(
  at: string,
  message: string,
  holds: (self: readonly unknown[]) => boolean,
): SchemaRule {
  return (object) =>
    placesAt(object, at).flatMap(({ field, value }) =>
      Array.isArray(value) && !holds(value) ? [invalidValue(field, 'array', message)] : [],
    );
}

/** Elements of the lists at `at` are told apart by `key`: no two have it the same. */
export function keyedBy(at: string, key: string): SchemaRule {
  return repeated(at, (item) => ({ [key]: isObject(item) ? getOwn(item, key) : undefined }));
}

/** No two elements of the lists at `at` are the same. */
export function isSet(at: string): SchemaRule {
  return repeated(at, (item) => item);
}

function repeated(at: string, identityOf: (item: unknown) => unknown): SchemaRule {
  return (object) =>
    placesAt(object, at).flatMap((list) => {
      const seen = new Set<string>();
      return elementsOf(list).flatMap(({ field, value }) => {
        const identity = identityOf(value);
        const text = JSON.stringify(identity);
        if (seen.has(text)) return [duplicate(field, identity)];
        seen.add(text);
        return [];
      });
    });
}

/** Of a list or of a map. */
export function atMost(at: string, items: number): SchemaRule {
  return (object) =>
    placesAt(object, at).flatMap(({ field, value }) => {
      const count = Array.isArray(value) ? value.length : Object.keys(objectOf(value)).length;
      return count > items ? [tooMany(field, count, items)] : [];
    });
}

export function atMostLong(at: string, characters: number): SchemaRule {
  return (object) =>
    placesAt(object, at).flatMap(({ field, value }) =>
      Array.from(scalarText(value)).length > characters ? [tooLong(field, characters)] : [],
    );
}

export function oneOf(at: string, words: readonly string[]): SchemaRule {
  return (object) =>
    placesAt(object, at).flatMap(({ field, value }) =>
      words.includes(scalarText(value)) ? [] : [notSupported(field, value, words)],
    );
}

export function atLeast(at: string, minimum: number): SchemaRule {
  return (object) =>
    placesAt(object, at).flatMap(({ field, value }) =>
      typeof value === 'number' && value < minimum
        ? [invalidValue(field, value, `${field} in body should be greater than or equal to ${minimum}`)]
        : [],
    );
}

/** `shown` is the pattern as the schema has it, where that one takes too long to try. */
export function matching(at: string, pattern: RegExp, shown = pattern.source): SchemaRule {
  return (object) =>
    placesAt(object, at).flatMap(({ field, value }) =>
      typeof value === 'string' && !pattern.test(value)
        ? [invalidValue(field, value, `${field} in body should match '${shown}'`)]
        : [],
    );
}

/** True where no other element of `items` is `isSame` as `item`. */
export function isOnly<T>(items: readonly T[], item: T, isSame: (a: T, b: T) => boolean): boolean {
  return items.filter((other) => isSame(item, other)).length === 1;
}

/** Both values are there and the same, or neither is: absent and `empty` count as the same. */
export function isSameOrEmpty(a: unknown, b: unknown, empty: unknown = ''): boolean {
  return isSameJson(a ?? empty, b ?? empty);
}
