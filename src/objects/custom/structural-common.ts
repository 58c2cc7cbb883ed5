// What holds for schemas wherever they stand, inside of allOf, anyOf, oneOf and not too.

import { objectOf, type Draft } from '../json.ts';
import { forbiddenField, invalidValue, tooLong, type FieldError } from '../validation/field-error.ts';
import { patternError } from './pattern.ts';

/** In bytes of JSON; what is compared with every value has to be short. */
const MAX_ENUM_BYTES = 64 * 1024;

/** Parts of JSON Schema that no structural schema has. */
const UNSUPPORTED = [
  'id',
  '$schema',
  '$ref',
  'patternProperties',
  'dependencies',
  'additionalItems',
  'definitions',
] as const;

export function commonErrors(schema: Readonly<Draft>, at: string): readonly FieldError[] {
  const { additionalProperties, properties, uniqueItems, pattern } = schema;
  const errors: FieldError[] = UNSUPPORTED.filter((name) => schema[name] !== undefined).map((name) =>
    forbiddenField(`${at}.${name}`, `${name} is not supported`),
  );
  if (uniqueItems === true)
    errors.push(
      forbiddenField(
        `${at}.uniqueItems`,
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    );
  if (additionalProperties === false)
    errors.push(forbiddenField(`${at}.additionalProperties`, 'additionalProperties cannot be set to false'));
  if (additionalProperties !== undefined && Object.keys(objectOf(properties)).length > 0)
    errors.push(
      forbiddenField(
        `${at}.additionalProperties`,
        'additionalProperties and properties are mutual exclusive',
      ),
    );
  const wrong = typeof pattern === 'string' ? patternError(pattern) : undefined;
  if (wrong !== undefined) errors.push(invalidValue(`${at}.pattern`, pattern, wrong));
  return [...errors, ...enumErrors(schema, at)];
}

function enumErrors({ enum: values }: Readonly<Draft>, at: string): readonly FieldError[] {
  const isLong = Array.isArray(values) && JSON.stringify(values).length > MAX_ENUM_BYTES;
  return isLong ? [tooLong(`${at}.enum`, MAX_ENUM_BYTES)] : [];
}
