// Values as rules see them: by their schema, numbers as CEL has them, names as CEL can spell them.

import { evaluate, Optional } from '@marcbachmann/cel-js';
import { celMap } from '../../cel/map.ts';
import { getOwn, isObject, objectOf } from '../../json.ts';
import type { Schema } from '../schema.ts';

/** The value of `schema`; fields that the schema does not name are not seen. */
export function celValue(schema: Schema, value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? [] : value.map((item) => celValue(items, item));
  }
  if (isObject(value)) return celMap(fieldsOf(schema, value));
  if (typeof value === 'number' && (schema.type === 'integer' || schema.isIntOrString)) return BigInt(value);
  if (typeof value === 'string') return celText(schema.format, value);
  return value;
}

function* fieldsOf(schema: Schema, object: Readonly<Record<string, unknown>>): Iterable<[string, unknown]> {
  for (const [name, inner] of schema.properties) {
    const value = getOwn(object, name);
    if (value !== undefined) yield [celName(name), celValue(inner, value)];
  }
  if (schema.additional !== undefined)
    for (const [key, value] of Object.entries(object)) yield [key, celValue(schema.additional, value)];
  if (schema.isEmbedded) yield* typeMetaOf(object);
}

/** Every rule may read who the object is. */
function* typeMetaOf(object: Readonly<Record<string, unknown>>): Iterable<[string, unknown]> {
  const { name, generateName } = objectOf(object['metadata']);
  yield ['apiVersion', object['apiVersion']];
  yield ['kind', object['kind']];
  yield [
    'metadata',
    {
      ...(name === undefined ? {} : { name }),
      ...(generateName === undefined ? {} : { generateName }),
    },
  ];
}

function celText(format: string | undefined, text: string): unknown {
  if (format === 'date-time' || format === 'date') return new Date(text);
  if (format === 'duration') return celDuration(text);
  return format === 'byte' ? new Uint8Array(Buffer.from(text, 'base64')) : text;
}

/** Words such as "3 days", which the format allows and CEL does not, stay a text. */
function celDuration(text: string): unknown {
  try {
    return evaluate('duration(text)', { text }) as unknown;
  } catch {
    return text;
  }
}

const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/** A field's name as an expression spells it (x-kubernetes-validations, "escaping"). */
export function celName(name: string): string {
  if (RESERVED.has(name)) return `__${name}__`;
  return name
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__');
}

/** The type that the checker knows of values of `schema`. */
export function celType(schema: Schema): string {
  if (schema.isNullable || schema.isIntOrString) return 'dyn';
  switch (schema.type) {
    case 'integer':
      return 'int';
    case 'number':
      return 'double';
    case 'boolean':
      return 'bool';
    case 'array':
      return 'list';
    case 'string':
      return schema.format === undefined ? 'string' : 'dyn';
    default:
      return 'dyn';
  }
}

/** `oldSelf` of a rule that may be asked without one. */
export function optionalValue(value: unknown): unknown {
  return value === undefined ? Optional.none() : Optional.of(value);
}
