// Which schemas a definition may have: structural ones (apiextensions.k8s.io/v1), bounded in depth and size. Each complaint names the place in the schema.

import { isObject, listOf, objectOf, textOf, type Draft } from '../json.ts';
import {
  forbiddenField,
  invalidValue,
  notSupported,
  required,
  tooLong,
  type FieldError,
} from '../validation/field-error.ts';
import { junctorErrors } from './junctors.ts';
import { commonErrors } from './structural-common.ts';

const MAX_DEPTH = 48;
/** As much as etcd would keep. */
const MAX_SCHEMA_BYTES = 1536 * 1024;

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const LIST_TYPES = ['atomic', 'set', 'map'];

/** What a schema is the schema of, which decides what it must say. */
type Role = 'root' | 'field' | 'items' | 'values';

const UNTYPED: Readonly<Record<Role, string>> = {
  root: 'must not be empty at the root',
  field: 'must not be empty for specified object fields',
  items: 'must not be empty for specified array items',
  values: 'must not be empty for additionalProperties',
};

/** Everything that keeps `schema`, at the field path `at`, from being structural. */
export function structuralErrors(schema: Readonly<Draft>, at: string): readonly FieldError[] {
  // Its JSON is measured before it is walked.
  if (JSON.stringify(schema).length > MAX_SCHEMA_BYTES) return [tooLong(at, MAX_SCHEMA_BYTES)];
  const type = textOf(schema['type']);
  const root =
    type === undefined || type === 'object'
      ? []
      : [invalidValue(`${at}.type`, type, 'must be object at the root')];
  return [...root, ...metadataErrors(schema, at), ...walk(schema, { at, role: 'root', depth: 0 })];
}

interface Place {
  readonly at: string;
  readonly role: Role;
  readonly depth: number;
}

function walk(schema: Readonly<Draft>, place: Place): readonly FieldError[] {
  const { at, depth } = place;
  if (depth > MAX_DEPTH) return [forbiddenField(at, `schemas are nested deeper than ${MAX_DEPTH} levels`)];
  return [
    ...typeErrors(schema, place),
    ...commonErrors(schema, at),
    ...listErrors(schema, at),
    ...junctorErrors(schema, at),
    ...childrenOf(schema, place).flatMap(([child, inner]) => walk(child, inner)),
  ];
}

function childrenOf(
  { properties, additionalProperties, items }: Readonly<Draft>,
  { at, depth }: Place,
): readonly (readonly [Readonly<Draft>, Place])[] {
  const fields = Object.entries(objectOf(properties)).map(
    ([name, schema]) =>
      [objectOf(schema), { at: `${at}.properties[${name}]`, role: 'field', depth: depth + 1 }] as const,
  );
  const values: Place = { at: `${at}.additionalProperties`, role: 'values', depth: depth + 1 };
  const elements: Place = { at: `${at}.items`, role: 'items', depth: depth + 1 };
  return [
    ...fields,
    ...(isObject(additionalProperties) ? [[additionalProperties, values] as const] : []),
    ...(isObject(items) ? [[items, elements] as const] : []),
  ];
}

function typeErrors(schema: Readonly<Draft>, { at, role }: Place): readonly FieldError[] {
  const type = textOf(schema['type']);
  const isIntOrString = schema['x-kubernetes-int-or-string'] === true;
  const isAny = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const isEmbedded = schema['x-kubernetes-embedded-resource'] === true;
  const field = `${at}.type`;
  if (type !== undefined && !TYPES.includes(type)) return [notSupported(field, type, TYPES)];
  if (isIntOrString && type !== undefined)
    return [forbiddenField(field, 'must be empty if x-kubernetes-int-or-string is true')];
  if (isEmbedded && type !== 'object')
    return [invalidValue(field, type ?? '', 'must be object if x-kubernetes-embedded-resource is true')];
  const mayBeUntyped = isIntOrString || (isAny && role !== 'root');
  return type === undefined && !mayBeUntyped ? [required(field, UNTYPED[role])] : [];
}

function listErrors(schema: Readonly<Draft>, at: string): readonly FieldError[] {
  const listType = textOf(schema['x-kubernetes-list-type']);
  const keys = listOf(schema['x-kubernetes-list-map-keys']);
  const field = `${at}.x-kubernetes-list-type`;
  const items = objectOf(schema['items']);
  if (schema['type'] === 'array' && !isObject(schema['items']))
    return [required(`${at}.items`, 'must be specified')];
  if (listType === undefined) return [];
  if (!LIST_TYPES.includes(listType)) return [notSupported(field, listType, LIST_TYPES)];
  if (schema['type'] !== 'array')
    return [
      invalidValue(
        `${at}.type`,
        schema['type'] ?? '',
        'must be array if x-kubernetes-list-type is specified',
      ),
    ];
  if (listType !== 'map') return [];
  if (keys.length === 0)
    return [
      required(`${at}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map'),
    ];
  const known = objectOf(items['properties']);
  return keys
    .filter((key) => !Object.hasOwn(known, String(key)))
    .map((key) =>
      invalidValue(`${at}.x-kubernetes-list-map-keys`, key, 'must be a field of the items of the list'),
    );
}

/** metadata is the server's; a schema may bound the name alone. */
function metadataErrors(schema: Readonly<Draft>, at: string): readonly FieldError[] {
  const metadata = objectOf(objectOf(schema['properties'])['metadata']);
  const names = Object.keys(objectOf(metadata['properties']));
  return names.every((name) => name === 'name' || name === 'generateName')
    ? []
    : [
        forbiddenField(
          `${at}.properties[metadata]`,
          'must not specify anything other than name and generateName, but metadata is implicitly specified',
        ),
      ];
}
