// Defaults of a schema: what is absent, or null where null may not stand, gets its value; inside of what is there it goes on.

import { getOwn, isObject, setOwn, type Draft } from '../json.ts';
import type { Schema } from './schema.ts';

/** Fills `value` in place. */
export function applySchemaDefaults(schema: Schema, value: unknown): void {
  if (Array.isArray(value)) fillItems(schema, value);
  else if (isObject(value)) fillFields(schema, value);
}

function fillItems({ items }: Schema, list: unknown[]): void {
  if (items === undefined) return;
  for (const [i, item] of list.entries()) {
    if (item === null && takesDefault(items)) list[i] = structuredClone(items.defaultValue);
    applySchemaDefaults(items, list[i]);
  }
}

function fillFields({ properties, additional }: Schema, object: Draft): void {
  for (const [name, schema] of properties) {
    const value = getOwn(object, name);
    if (value === undefined || (value === null && takesDefault(schema))) {
      if (schema.defaultValue === undefined) continue;
      setOwn(object, name, structuredClone(schema.defaultValue));
    }
    applySchemaDefaults(schema, getOwn(object, name));
  }
  if (additional === undefined) return;
  for (const key of Object.keys(object)) {
    if (properties.has(key)) continue;
    if (object[key] === null && takesDefault(additional))
      setOwn(object, key, structuredClone(additional.defaultValue));
    applySchemaDefaults(additional, getOwn(object, key));
  }
}

function takesDefault(schema: Schema): boolean {
  return schema.defaultValue !== undefined && !schema.isNullable;
}
