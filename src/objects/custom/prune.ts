// Fields that a schema does not name are dropped, and nulls where none may stand (pruning of apiextensions).

import { getOwn, isObject, type Draft } from '../json.ts';
import type { Schema } from './schema.ts';

const TYPE_META = ['apiVersion', 'kind', 'metadata'];

/** Drops them in place; gives the paths of unknown fields ("spec.foo"). What stands at the root beside the schema's fields is the type meta alone. */
export function pruneObject(schema: Schema, object: Draft): readonly string[] {
  const unknown: string[] = [];
  prune({ ...schema, isEmbedded: true }, object, { path: '', unknown });
  return unknown;
}

/** Where pruning is, and what it found unknown so far. */
interface Place {
  readonly path: string;
  readonly unknown: string[];
}

/** The same for any value inside of an object. */
export function prune(schema: Schema, value: unknown, place: Place): void {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return;
    for (const [i, item] of value.entries()) {
      prune(items, item, { ...place, path: `${place.path}[${i}]` });
    }
  } else if (isObject(value)) pruneFields(schema, value, place);
}

function pruneFields(schema: Schema, object: Draft, place: Place): void {
  for (const key of Object.keys(object)) {
    if (schema.isEmbedded && TYPE_META.includes(key)) continue;
    const path = place.path === '' ? key : `${place.path}.${key}`;
    const inner = schema.properties.get(key) ?? schema.additional;
    if (inner !== undefined) {
      const value = getOwn(object, key);
      // A null that a default replaces stays until then.
      if (value === null && !inner.isNullable && inner.defaultValue === undefined) delete object[key];
      else prune(inner, value, { ...place, path });
    } else if (!schema.preservesUnknown) {
      place.unknown.push(path);
      delete object[key];
    }
  }
}
