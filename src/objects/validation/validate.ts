// Which checks belong to which kind: the one list. An object that passes may be stored.

import { objectOf, type Draft } from '../json.ts';
import type { FieldError } from './field-error.ts';
import { validateMetadata } from './metadata.ts';

/** Checks one object; the second argument is the object as stored, undefined at creation. */
export type Validator = (
  object: Readonly<Draft>,
  before: Readonly<Draft> | undefined,
) => readonly FieldError[];

const VALIDATORS: Readonly<Record<string, Validator>> = {};

/** Everything wrong with an object of `message` whose fields have their types and defaults. */
export function validateObject(
  message: string,
  object: Readonly<Draft>,
  before?: Readonly<Draft>,
): readonly FieldError[] {
  const own = VALIDATORS[message]?.(object, before) ?? [];
  return [...validateMetadata(message, objectOf(object['metadata'])), ...own];
}
