// Validation of roles and bindings (rbac.authorization.k8s.io), in upstream's words.

import { isSameJson, listOf, objectOf, textOf, type Draft } from '../json.ts';
import { forbiddenField, invalidValue, notSupported, required, type FieldError } from './field-error.ts';

type Before = Readonly<Draft> | undefined;

export function validateRole(object: Readonly<Draft>): readonly FieldError[] {
  return listOf(object['rules']).flatMap((it, i) =>
    validateRule(objectOf(it), { path: `rules[${i}]`, isNamespaced: true }),
  );
}

export function validateClusterRole(object: Readonly<Draft>): readonly FieldError[] {
  return listOf(object['rules']).flatMap((it, i) =>
    validateRule(objectOf(it), { path: `rules[${i}]`, isNamespaced: false }),
  );
}

interface RulePlace {
  readonly path: string;
  readonly isNamespaced: boolean;
}

function validateRule(rule: Readonly<Draft>, { path, isNamespaced }: RulePlace): readonly FieldError[] {
  const has = (field: string): boolean => listOf(rule[field]).length > 0;
  const errors: FieldError[] = [];
  if (!has('verbs')) errors.push(required(`${path}.verbs`, 'verbs must contain at least one value'));
  if (has('nonResourceURLs')) {
    const urls = rule['nonResourceURLs'];
    if (isNamespaced)
      errors.push(
        invalidValue(`${path}.nonResourceURLs`, urls, 'namespaced rules cannot apply to non-resource URLs'),
      );
    if (has('apiGroups') || has('resources') || has('resourceNames'))
      errors.push(
        invalidValue(
          `${path}.nonResourceURLs`,
          urls,
          'rules cannot apply to both regular resources and non-resource URLs',
        ),
      );
    return errors;
  }
  if (!has('apiGroups'))
    errors.push(required(`${path}.apiGroups`, 'resource rules must supply at least one api group'));
  if (!has('resources'))
    errors.push(required(`${path}.resources`, 'resource rules must supply at least one resource'));
  return errors;
}

export function validateRoleBinding(object: Readonly<Draft>, before: Before): readonly FieldError[] {
  return validateBinding(object, before, ['Role', 'ClusterRole']);
}

export function validateClusterRoleBinding(object: Readonly<Draft>, before: Before): readonly FieldError[] {
  return validateBinding(object, before, ['ClusterRole']);
}

const GROUP = 'rbac.authorization.k8s.io';

function validateBinding(
  object: Readonly<Draft>,
  before: Before,
  kinds: readonly string[],
): readonly FieldError[] {
  const ref = objectOf(object['roleRef']);
  const errors: FieldError[] = [];
  if (ref['apiGroup'] !== GROUP) errors.push(notSupported('roleRef.apiGroup', ref['apiGroup'], [GROUP]));
  if (!kinds.includes(String(ref['kind']))) errors.push(notSupported('roleRef.kind', ref['kind'], kinds));
  if (textOf(ref['name']) === undefined) errors.push(required('roleRef.name'));
  if (before !== undefined && !isSameJson(ref, before['roleRef']))
    errors.push(invalidValue('roleRef', ref, 'cannot change roleRef'));
  const subjects = listOf(object['subjects']).map(objectOf);
  return [...errors, ...subjects.flatMap((it, i) => validateSubject(it, `subjects[${i}]`, kinds.length > 1))];
}

const SUBJECT_KINDS = ['ServiceAccount', 'User', 'Group'];

function validateSubject(
  subject: Readonly<Draft>,
  path: string,
  isNamespaced: boolean,
): readonly FieldError[] {
  const { kind, name, namespace, apiGroup } = subject;
  const errors: FieldError[] = [];
  if (textOf(name) === undefined) errors.push(required(`${path}.name`));
  if (!SUBJECT_KINDS.includes(String(kind)))
    return [...errors, notSupported(`${path}.kind`, kind, SUBJECT_KINDS)];
  if (kind === 'ServiceAccount') {
    if ((apiGroup ?? '') !== '') errors.push(notSupported(`${path}.apiGroup`, apiGroup, ['']));
    if (!isNamespaced && textOf(namespace) === undefined) errors.push(required(`${path}.namespace`));
    return errors;
  }
  if (apiGroup !== GROUP) errors.push(notSupported(`${path}.apiGroup`, apiGroup, [GROUP]));
  if (textOf(namespace) !== undefined)
    errors.push(forbiddenField(`${path}.namespace`, `a ${String(kind)} has no namespace`));
  return errors;
}
