// Which ValidatingAdmissionPolicies may be kept: their expressions compile and come to what they have to.

import { hasCode } from '../../base/errors.ts';
import { withinBounds } from '../custom/within-bounds.ts';
import { isObject, isSameJson, listOf, objectOf, textOf, type Draft } from '../json.ts';
import {
  duplicate,
  forbiddenField,
  invalidValue,
  required,
  tooMany,
  type FieldError,
} from '../validation/field-error.ts';
import { checkQualifiedName } from '../validation/names.ts';
import { compilePolicy } from './compile.ts';
import { parsePolicy } from './policy.ts';
import { validateMatchResources, wordErrors } from './validate-match.ts';

const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized'];
const FAILURE_POLICIES = ['Fail', 'Ignore'];
const MAX_CONDITIONS = 64;
const MAX_EXPRESSIONS = 1000;
const MAX_JUDGING_MS = 5000;
const VARIABLE = /^[_a-zA-Z][_a-zA-Z0-9]*$/;
/** Words of the language, and names that every object has. */
const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while constructor __proto__'.split(
    ' ',
  ),
);

export function validateAdmissionPolicy(
  policy: Readonly<Draft>,
  before: Readonly<Draft> | undefined,
): readonly FieldError[] {
  const spec = objectOf(policy['spec']);
  if (before !== undefined && isSameJson(spec, before['spec'])) return [];
  const shape = shapeErrors(spec);
  return shape.length > 0 ? shape : expressionErrors(policy);
}

function expressionErrors(policy: Readonly<Draft>): readonly FieldError[] {
  try {
    const { errors } = withinBounds(MAX_JUDGING_MS, () => compilePolicy(parsePolicy(policy)));
    return errors.map(({ field, text, because }) => invalidValue(field, text, because));
  } catch (error) {
    if (!hasCode(error, 'exhausted')) throw error;
    return [forbiddenField('spec', `its expressions cannot be judged: ${error.message}`)];
  }
}

function shapeErrors(spec: Readonly<Draft>): readonly FieldError[] {
  const { failurePolicy, matchConstraints } = spec;
  const validations = listOf(spec['validations']);
  const audits = listOf(spec['auditAnnotations']);
  return [
    ...(validations.length + audits.length > 0
      ? []
      : [required('spec.validations', 'validations or auditAnnotations must contain at least one item')]),
    ...wordErrors(failurePolicy, FAILURE_POLICIES, 'spec.failurePolicy'),
    ...paramKindErrors(spec['paramKind']),
    ...constraintErrors(matchConstraints),
    ...countErrors(spec),
    ...validations.flatMap((it, i) => validationErrors(objectOf(it), `spec.validations[${i}]`)),
    ...namedErrors(listOf(spec['matchConditions']), 'spec.matchConditions', {
      name: 'name',
      expression: 'expression',
      check: checkQualifiedName,
    }),
    ...namedErrors(listOf(spec['variables']), 'spec.variables', {
      name: 'name',
      expression: 'expression',
      check: checkVariable,
    }),
    ...namedErrors(audits, 'spec.auditAnnotations', {
      name: 'key',
      expression: 'valueExpression',
      check: checkQualifiedName,
    }),
  ];
}

function paramKindErrors(paramKind: unknown): readonly FieldError[] {
  if (!isObject(paramKind)) return [];
  return ['apiVersion', 'kind'].flatMap((name) =>
    textOf(paramKind[name]) === undefined ? [required(`spec.paramKind.${name}`)] : [],
  );
}

function constraintErrors(constraints: unknown): readonly FieldError[] {
  const field = 'spec.matchConstraints';
  if (!isObject(constraints)) return [required(field)];
  return [
    ...(listOf(constraints['resourceRules']).length > 0 ? [] : [required(`${field}.resourceRules`)]),
    ...validateMatchResources(constraints, field),
  ];
}

function countErrors(spec: Readonly<Draft>): readonly FieldError[] {
  const most: Readonly<Record<string, number>> = {
    matchConditions: MAX_CONDITIONS,
    validations: MAX_EXPRESSIONS,
    variables: MAX_EXPRESSIONS,
    auditAnnotations: 20,
  };
  return Object.entries(most).flatMap(([name, limit]) => {
    const count = listOf(spec[name]).length;
    return count > limit ? [tooMany(`spec.${name}`, count, limit)] : [];
  });
}

function validationErrors(validation: Readonly<Draft>, field: string): readonly FieldError[] {
  const { expression, message, messageExpression, reason } = validation;
  return [
    ...(isBlank(expression) ? [required(`${field}.expression`, 'expression is not specified')] : []),
    ...(message !== undefined && isBlank(message)
      ? [invalidValue(`${field}.message`, message, 'message must be non-empty if specified')]
      : []),
    ...(String(message).includes('\n')
      ? [invalidValue(`${field}.message`, message, 'message must not contain line breaks')]
      : []),
    ...(messageExpression !== undefined && isBlank(messageExpression)
      ? [invalidValue(`${field}.messageExpression`, messageExpression, 'must be non-empty if specified')]
      : []),
    ...wordErrors(reason, REASONS, `${field}.reason`),
  ];
}

interface NamedForm {
  readonly name: string;
  readonly expression: string;
  readonly check: (name: string) => string | undefined;
}

function namedErrors(
  list: readonly unknown[],
  field: string,
  { name, expression, check }: NamedForm,
): readonly FieldError[] {
  const names = list.map((it) => textOf(objectOf(it)[name]) ?? '');
  return list.flatMap((it, i) => {
    const at = `${field}[${i}]`;
    const own = names[i] ?? '';
    const wrong = own === '' ? undefined : check(own);
    return [
      ...(own === '' ? [required(`${at}.${name}`)] : []),
      ...(wrong === undefined ? [] : [invalidValue(`${at}.${name}`, own, wrong)]),
      ...(own !== '' && names.indexOf(own) < i ? [duplicate(`${at}.${name}`, own)] : []),
      ...(isBlank(objectOf(it)[expression]) ? [required(`${at}.${expression}`)] : []),
    ];
  });
}

function checkVariable(name: string): string | undefined {
  return VARIABLE.test(name) && !RESERVED.has(name) ? undefined : 'name is not a valid CEL identifier';
}

function isBlank(value: unknown): boolean {
  return typeof value !== 'string' || value.trim() === '';
}
