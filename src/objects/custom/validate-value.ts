// A value against its schema, in the words of an API server. What a field was before and still is, is not judged again.

import { getOwn, isObject, isSameJson, type Draft } from '../json.ts';
import { invalidValue, notSupported, required, type FieldError } from '../validation/field-error.ts';
import { listErrors } from './validate-list.ts';
import { numberErrors, objectSizeErrors, stringErrors } from './validate-scalar.ts';
import type { Schema } from './schema.ts';

export interface ValuePlace {
  /** Path of the value: "spec.ports[0]"; '' for the object itself. */
  readonly at: string;
  /** The stored value, undefined where there was none. */
  readonly before?: unknown;
}

/** Everything wrong with `value`. */
export function valueErrors(schema: Schema, value: unknown, place: ValuePlace): readonly FieldError[] {
  if (place.before !== undefined && isSameJson(value, place.before)) return [];
  const wrongType = typeError(schema, value, place.at);
  if (wrongType !== undefined) return [wrongType];
  if (value === null) return [];
  return [
    ...enumErrors(schema, value, place.at),
    ...partErrors(schema, value, place),
    ...junctionErrors(schema, value, place.at),
  ];
}

function typeError(schema: Schema, value: unknown, at: string): FieldError | undefined {
  if (value === null && schema.isNullable) return undefined;
  if (schema.isIntOrString)
    return Number.isInteger(value) || typeof value === 'string'
      ? undefined
      : wrongType(at, 'integer,string', value);
  return schema.type === '' || isOfType(schema.type, value) ? undefined : wrongType(at, schema.type, value);
}

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case 'object':
      return isObject(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function wrongType(field: string, type: string, value: unknown): FieldError {
  const found = JSON.stringify(typeNameOf(value));
  const message = `Invalid value: ${found}: ${field} in body must be of type ${type}: ${found}`;
  return { reason: 'FieldValueTypeInvalid', field, message };
}

function typeNameOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function enumErrors({ enumeration }: Schema, value: unknown, at: string): readonly FieldError[] {
  if (enumeration === undefined || enumeration.some((it) => isSameJson(it, value))) return [];
  const words = enumeration.map((it) => (typeof it === 'string' ? it : JSON.stringify(it)));
  return [notSupported(at, value, words)];
}

function partErrors(schema: Schema, value: unknown, place: ValuePlace): readonly FieldError[] {
  if (typeof value === 'string') return stringErrors(schema, value, place.at);
  if (typeof value === 'number') return numberErrors(schema, value, place.at);
  if (Array.isArray(value)) {
    const { items } = schema;
    const elements = items === undefined ? [] : elementErrors(items, value, schema, place);
    return [...listErrors(schema, value, place.at), ...elements];
  }
  return isObject(value) ? objectErrors(schema, value, place) : [];
}

/** Elements are told apart by the keys of the list where it has such, else nothing is known of them before. */
function elementErrors(
  items: Schema,
  list: readonly unknown[],
  { listType, listMapKeys }: Schema,
  { at, before }: ValuePlace,
): readonly FieldError[] {
  const identityOf = (item: unknown): string =>
    JSON.stringify(listMapKeys.map((key) => (isObject(item) ? getOwn(item, key) : null)));
  const isMap = listType === 'map' && Array.isArray(before);
  const known = new Map(isMap ? before.map((item: unknown) => [identityOf(item), item]) : []);
  return list.flatMap((item, i) =>
    valueErrors(items, item, { at: `${at}[${i}]`, before: isMap ? known.get(identityOf(item)) : undefined }),
  );
}

function objectErrors(
  schema: Schema,
  object: Readonly<Draft>,
  { at, before }: ValuePlace,
): readonly FieldError[] {
  const pathOf = (name: string): string => (at === '' ? name : `${at}.${name}`);
  const absent = schema.required.filter((name) => !Object.hasOwn(object, name));
  const fields = Object.entries(object).flatMap(([name, value]) => {
    const inner = schema.properties.get(name) ?? schema.additional;
    const old = isObject(before) ? getOwn(before, name) : undefined;
    return inner === undefined ? [] : valueErrors(inner, value, { at: pathOf(name), before: old });
  });
  return [
    ...absent.map((name) => required(pathOf(name))),
    ...(schema.isEmbedded ? embeddedErrors(object, pathOf) : []),
    ...objectSizeErrors(schema, object, at),
    ...fields,
  ];
}

function embeddedErrors(object: Readonly<Draft>, pathOf: (name: string) => string): readonly FieldError[] {
  return ['apiVersion', 'kind']
    .filter((name) => typeof object[name] !== 'string' || object[name] === '')
    .map((name) => required(pathOf(name), 'must not be empty'));
}

function junctionErrors(schema: Schema, value: unknown, at: string): readonly FieldError[] {
  const judge = (alternative: Schema): readonly FieldError[] => valueErrors(alternative, value, { at });
  const say = (text: string): FieldError => invalidValue(at, '', `${JSON.stringify(at)} ${text}`);
  const all = schema.allOf.flatMap(judge);
  const any = schema.anyOf.map(judge);
  const one = schema.oneOf.map(judge);
  const valid = one.filter((errors) => errors.length === 0).length;
  const isForbidden = schema.not !== undefined && judge(schema.not).length === 0;
  return [
    ...(all.length > 0 ? [say('must validate all the schemas (allOf)'), ...all] : []),
    ...(any.length > 0 && any.every((errors) => errors.length > 0)
      ? [say('must validate at least one schema (anyOf)'), ...nearest(any)]
      : []),
    ...(one.length > 0 && valid === 0
      ? [say('must validate one and only one schema (oneOf). Found none valid'), ...nearest(one)]
      : []),
    ...(valid > 1
      ? [say(`must validate one and only one schema (oneOf). Found ${valid} valid alternatives`)]
      : []),
    ...(isForbidden ? [say('must not validate the schema (not)')] : []),
  ];
}

/** Of the alternatives the one that lacks least: what its author meant. */
function nearest(alternatives: readonly (readonly FieldError[])[]): readonly FieldError[] {
  return alternatives.reduce((best, errors) => (errors.length < best.length ? errors : best));
}
