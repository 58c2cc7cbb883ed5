// How fields of custom objects may be owned one by one, as their schema says.

import { DEDUCED, LEAF, ownedTypeOf, type ListElements, type OwnedType } from '../apply/field-type.ts';
import type { Schema } from './schema.ts';

const METADATA = ownedTypeOf('meta.ObjectMeta');

/** Of a whole object; metadata is what it is everywhere. */
export function customOwnedType(schema: Schema): OwnedType {
  const own = ownedTypeOfSchema(schema);
  if (own.kind !== 'object') return DEDUCED;
  return { ...own, childOf: (key) => (key === 'metadata' ? METADATA : own.childOf(key)) };
}

const KNOWN = new WeakMap<Schema, OwnedType>();

function ownedTypeOfSchema(schema: Schema): OwnedType {
  let type = KNOWN.get(schema);
  if (type === undefined) {
    type = makeType(schema);
    KNOWN.set(schema, type);
  }
  return type;
}

function makeType(schema: Schema): OwnedType {
  if (schema.isIntOrString || schema.isAtomicMap) return LEAF;
  switch (schema.type) {
    case 'object':
      return objectType(schema);
    case 'array':
      return listType(schema);
    case '':
      return DEDUCED;
    default:
      return LEAF;
  }
}

function objectType({ properties, additional, isEmbedded }: Schema): OwnedType {
  return {
    kind: 'object',
    isMap: properties.size === 0 && additional !== undefined,
    childOf: (key) => {
      const child = properties.get(key) ?? additional;
      if (child !== undefined) return ownedTypeOfSchema(child);
      return isEmbedded && key === 'metadata' ? METADATA : DEDUCED;
    },
  };
}

function listType({ items, listType: type, listMapKeys }: Schema): OwnedType {
  const element = (): OwnedType => (items === undefined ? DEDUCED : ownedTypeOfSchema(items));
  return { kind: 'list', elements: elementsOf(type, { items, listMapKeys }), element };
}

function elementsOf(
  type: string,
  { items, listMapKeys }: Pick<Schema, 'items' | 'listMapKeys'>,
): ListElements {
  if (type === 'set') return 'set';
  if (type !== 'map' || listMapKeys.length === 0) return 'atomic';
  const defaults = listMapKeys.flatMap((key) => {
    const value = items?.properties.get(key)?.defaultValue;
    return value === undefined ? [] : [[key, value] as const];
  });
  return { keys: [...listMapKeys].sort(), defaults: Object.fromEntries(defaults) };
}
