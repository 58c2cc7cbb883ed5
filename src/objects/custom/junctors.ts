// allOf, anyOf, oneOf and not of a structural schema: they judge values and declare nothing. What they name must be declared outside of them.

import { getOwn, isObject, listOf, objectOf, type Draft } from '../json.ts';
import { forbiddenField, required, type FieldError } from '../validation/field-error.ts';
import { commonErrors } from './structural-common.ts';

/** What declares, and so stands outside. */
const DECLARING = [
  'type',
  'default',
  'title',
  'description',
  'nullable',
  'additionalProperties',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-validations',
] as const;

export function junctorErrors(schema: Readonly<Draft>, at: string): readonly FieldError[] {
  return junctorsOf(schema, at).flatMap(({ inner, at: innerAt }) =>
    nestedErrors({ inner, at: innerAt }, { outer: schema, at }),
  );
}

interface Nested {
  readonly inner: Readonly<Draft>;
  readonly at: string;
}

function junctorsOf(schema: Readonly<Draft>, at: string): readonly Nested[] {
  const lists = ['allOf', 'anyOf', 'oneOf'].flatMap((name) =>
    listOf(schema[name]).map((inner, i) => ({ inner: objectOf(inner), at: `${at}.${name}[${i}]` })),
  );
  return isObject(schema['not']) ? [...lists, { inner: schema['not'], at: `${at}.not` }] : lists;
}

/** `outer` is the structural schema that speaks of the same value. */
function nestedErrors(
  nested: Nested,
  declared: { readonly outer: Readonly<Draft> | undefined; readonly at: string },
): readonly FieldError[] {
  const { inner, at } = nested;
  const { outer } = declared;
  const isEither = outer?.['x-kubernetes-int-or-string'] === true;
  const missing = outer === undefined ? [required(declared.at, `because it is defined in ${at}`)] : [];
  const declaring = DECLARING.filter(
    (name) => inner[name] !== undefined && !(isEither && name === 'type'),
  ).map((name) => forbiddenField(`${at}.${name}`, 'must be empty to be structural'));
  // Of what is declared nowhere, one complaint is enough.
  if (missing.length > 0) return missing;
  return [
    ...declaring,
    ...commonErrors(inner, at),
    ...innerErrors(nested, { outer: outer ?? {}, at: declared.at }),
  ];
}

function innerErrors(
  { inner, at }: Nested,
  declared: { readonly outer: Readonly<Draft>; readonly at: string },
): readonly FieldError[] {
  const { outer } = declared;
  const fields = Object.entries(objectOf(inner['properties'])).flatMap(([name, schema]) =>
    nestedErrors(
      { inner: objectOf(schema), at: `${at}.properties[${name}]` },
      { outer: declaredField(outer, name), at: `${declared.at}.properties[${name}]` },
    ),
  );
  const items = isObject(inner['items'])
    ? nestedErrors(
        { inner: inner['items'], at: `${at}.items` },
        {
          outer: isObject(outer['items']) ? outer['items'] : undefined,
          at: `${declared.at}.items`,
        },
      )
    : [];
  const deeper = junctorsOf(inner, at).flatMap((it) => nestedErrors(it, declared));
  return [...fields, ...items, ...deeper];
}

function declaredField(outer: Readonly<Draft>, name: string): Readonly<Draft> | undefined {
  const own = getOwn(objectOf(outer['properties']), name);
  if (isObject(own)) return own;
  return isObject(outer['additionalProperties']) ? outer['additionalProperties'] : undefined;
}
