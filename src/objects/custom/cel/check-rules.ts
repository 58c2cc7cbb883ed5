// Whether the rules of a schema can be: they compile, come to true or false, and ask for nothing that the schema does not have.

import { messageOf } from '../../../base/errors.ts';
import {
  invalidValue,
  notSupported,
  required,
  tooMany,
  type FieldError,
} from '../../validation/field-error.ts';
import type { Expression } from '../../cel/expression.ts';
import { checkLiterals } from '../../cel/literals.ts';
import { isSimplePath } from '../json-path.ts';
import type { Schema, SchemaRule } from '../schema.ts';
import { ruleTypes } from './fields.ts';
import { expressionsOf } from './rules.ts';

const REASONS = ['FieldValueInvalid', 'FieldValueForbidden', 'FieldValueRequired', 'FieldValueDuplicate'];
const MAX_RULES = 2000;

interface Place {
  readonly at: string;
  /** Elements before and after can be told to be the same. */
  readonly isCorrelatable: boolean;
}

/** Everything wrong with the rules of `schema`, which stands at the field path `at`. */
export function checkRules(schema: Schema, at: string): readonly FieldError[] {
  const count = countRules(schema);
  if (count > MAX_RULES) return [tooMany(`${at}.x-kubernetes-validations`, count, MAX_RULES)];
  return check({ ...schema, isEmbedded: true }, { at, isCorrelatable: true });
}

function countRules({ rules, properties, additional, items }: Schema): number {
  const inner = [...properties.values(), additional, items];
  return inner.reduce((sum, it) => sum + (it === undefined ? 0 : countRules(it)), rules.length);
}

function check(schema: Schema, { at, isCorrelatable }: Place): readonly FieldError[] {
  const { rules, properties, additional, items, listType } = schema;
  return [
    ...rules.flatMap((rule, i) =>
      checkRule(rule, schema, { at: `${at}.x-kubernetes-validations[${i}]`, isCorrelatable }),
    ),
    ...[...properties].flatMap(([name, it]) =>
      check(it, { at: `${at}.properties[${name}]`, isCorrelatable }),
    ),
    ...(additional === undefined
      ? []
      : check(additional, { at: `${at}.additionalProperties`, isCorrelatable })),
    ...(items === undefined
      ? []
      : check(items, { at: `${at}.items`, isCorrelatable: isCorrelatable && listType === 'map' })),
  ];
}

function checkRule(rule: SchemaRule, schema: Schema, { at, isCorrelatable }: Place): readonly FieldError[] {
  if (rule.rule.trim() === '') return [required(`${at}.rule`, 'rule is not specified')];
  return [...partErrors(rule, at), ...expressionErrors(rule, schema, { at, isCorrelatable })];
}

function expressionErrors(
  rule: SchemaRule,
  schema: Schema,
  { at, isCorrelatable }: Place,
): readonly FieldError[] {
  const ofRule = (text: string): readonly FieldError[] => [invalidValue(`${at}.rule`, rule.rule, text)];
  try {
    const { expression, message } = expressionsOf(rule, schema);
    const wrong = typeError(expression, 'bool', rule, schema);
    if (wrong !== undefined) return ofRule(wrong);
    const wrongMessage = message === undefined ? undefined : typeError(message, 'string', rule, schema);
    if (wrongMessage !== undefined)
      return [invalidValue(`${at}.messageExpression`, rule.messageExpression, wrongMessage)];
    return expression.names.has('oldSelf') && !isCorrelatable
      ? ofRule('oldSelf cannot be used on the uncorrelatable portion of the schema')
      : [];
  } catch (error) {
    return ofRule(`compilation failed: ${messageOf(error)}`);
  }
}

/** What the schema says against an expression that is to come to `wanted`; throws `invalid` for literals that can never be. */
function typeError(
  { ast, type }: Expression,
  wanted: 'bool' | 'string',
  { hasOptionalOldSelf }: SchemaRule,
  schema: Schema,
): string | undefined {
  checkLiterals(ast);
  const known = ruleTypes(ast, schema, hasOptionalOldSelf);
  if (known.error !== undefined) return `compilation failed: ${known.error}`;
  const isFit = type === 'dyn' || type === wanted;
  return isFit && (known.type === undefined || known.type === wanted)
    ? undefined
    : `must evaluate to a ${wanted}`;
}

function partErrors({ reason, fieldPath }: SchemaRule, at: string): readonly FieldError[] {
  return [
    ...(reason === undefined || REASONS.includes(reason)
      ? []
      : [notSupported(`${at}.reason`, reason, REASONS)]),
    ...(fieldPath === undefined || isSimplePath(fieldPath)
      ? []
      : [invalidValue(`${at}.fieldPath`, fieldPath, 'must be a simple path of fields, such as .spec.size')]),
  ];
}
