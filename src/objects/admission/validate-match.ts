// Which rules on resources may be (matchConstraints, matchResources).

import { listOf, objectOf, type Draft } from '../json.ts';
import { invalidValue, notSupported, required, tooMany, type FieldError } from '../validation/field-error.ts';
import { validateSelector } from '../validation/selectors.ts';

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const SCOPES = ['*', 'Cluster', 'Namespaced'];
const MATCH_POLICIES = ['Equivalent', 'Exact'];
const MAX_RULES = 1000;

/** What is wrong with `match` at `field`. */
export function validateMatchResources(match: Readonly<Draft>, field: string): readonly FieldError[] {
  const { matchPolicy } = match;
  return [
    ...validateSelector(match['namespaceSelector'], `${field}.namespaceSelector`),
    ...validateSelector(match['objectSelector'], `${field}.objectSelector`),
    ...wordErrors(matchPolicy, MATCH_POLICIES, `${field}.matchPolicy`),
    ...['resourceRules', 'excludeResourceRules'].flatMap((name) =>
      validateRules(listOf(match[name]), `${field}.${name}`),
    ),
  ];
}

/** A word that may be left out, but be no other than `supported`. */
export function wordErrors(
  word: unknown,
  supported: readonly string[],
  field: string,
): readonly FieldError[] {
  return word === undefined || supported.some((it) => it === word)
    ? []
    : [notSupported(field, word, supported)];
}

function validateRules(rules: readonly unknown[], field: string): readonly FieldError[] {
  if (rules.length > MAX_RULES) return [tooMany(field, rules.length, MAX_RULES)];
  return rules.flatMap((it, i) => validateRule(objectOf(it), `${field}[${i}]`));
}

function validateRule(rule: Readonly<Draft>, field: string): readonly FieldError[] {
  const { scope } = rule;
  const operations = listOf(rule['operations']).map(String);
  return [
    ...validateWords(operations, `${field}.operations`),
    ...operations.flatMap((it, i) =>
      OPERATIONS.includes(it) ? [] : [notSupported(`${field}.operations[${i}]`, it, OPERATIONS)],
    ),
    ...['apiGroups', 'apiVersions'].flatMap((name) =>
      validateWords(listOf(rule[name]).map(String), `${field}.${name}`),
    ),
    ...listOf(rule['apiVersions']).flatMap((it, i) =>
      it === '' ? [required(`${field}.apiVersions[${i}]`)] : [],
    ),
    ...validateResources(listOf(rule['resources']).map(String), `${field}.resources`),
    ...wordErrors(scope, SCOPES, `${field}.scope`),
  ];
}

/** The star says all there is to say. */
function validateWords(words: readonly string[], field: string): readonly FieldError[] {
  if (words.length === 0) return [required(field)];
  return words.length > 1 && words.includes('*')
    ? [invalidValue(field, words, "if '*' is present, must not specify other values")]
    : [];
}

function validateResources(resources: readonly string[], field: string): readonly FieldError[] {
  if (resources.length === 0) return [required(field)];
  const empty = resources.flatMap((it, i) => (it === '' ? [required(`${field}[${i}]`)] : []));
  if (resources.length > 1 && resources.includes('*/*'))
    return [
      ...empty,
      invalidValue(field, resources, "if '*/*' is present, must not specify other resources"),
    ];
  const mains = resources.filter((it) => !it.includes('/'));
  return mains.length > 1 && mains.includes('*')
    ? [
        ...empty,
        invalidValue(
          field,
          resources,
          "if '*' is present, must not specify other resources without subresources",
        ),
      ]
    : empty;
}
