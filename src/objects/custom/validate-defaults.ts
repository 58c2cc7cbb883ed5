// Defaults of a schema have to be what the schema itself accepts.

import { invalidValue, type FieldError } from '../validation/field-error.ts';
import { applySchemaDefaults } from './defaults.ts';
import { prune } from './prune.ts';
import type { Schema } from './schema.ts';
import { valueErrors } from './validate-value.ts';

/** Everything wrong with the defaults of `schema`, which stands at the field path `at`. */
export function defaultErrors(schema: Schema, at: string): readonly FieldError[] {
  const inner = [
    ...[...schema.properties].map(([name, it]) => [it, `${at}.properties[${name}]`] as const),
    ...(schema.items === undefined ? [] : [[schema.items, `${at}.items`] as const]),
    ...(schema.additional === undefined ? [] : [[schema.additional, `${at}.additionalProperties`] as const]),
  ].flatMap(([it, place]) => defaultErrors(it, place));
  return [...ownErrors(schema, `${at}.default`), ...inner];
}

function ownErrors(schema: Schema, at: string): readonly FieldError[] {
  if (schema.defaultValue === undefined) return [];
  const value = structuredClone(schema.defaultValue);
  const unknown: string[] = [];
  prune(schema, value, { path: at, unknown });
  if (unknown.length > 0)
    return [invalidValue(at, schema.defaultValue, `has unknown field "${unknown[0] ?? ''}"`)];
  applySchemaDefaults(schema, value);
  return valueErrors(schema, value, { at });
}
