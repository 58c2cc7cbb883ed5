// Which ValidatingAdmissionPolicyBindings may be kept.

import { isObject, listOf, objectOf, textOf, type Draft } from '../json.ts';
import {
  duplicate,
  forbiddenField,
  invalidValue,
  notSupported,
  required,
  type FieldError,
} from '../validation/field-error.ts';
import { checkDnsSubdomain } from '../validation/names.ts';
import { validateSelector } from '../validation/selectors.ts';
import { validateMatchResources, wordErrors } from './validate-match.ts';

const ACTIONS = ['Audit', 'Deny', 'Warn'];
const NOT_FOUND_ACTIONS = ['Allow', 'Deny'];

export function validateAdmissionBinding(binding: Readonly<Draft>): readonly FieldError[] {
  const spec = objectOf(binding['spec']);
  const policyName = textOf(spec['policyName']);
  const wrong = policyName === undefined ? undefined : checkDnsSubdomain(policyName);
  const { paramRef, matchResources } = spec;
  return [
    ...(policyName === undefined ? [required('spec.policyName')] : []),
    ...(wrong === undefined ? [] : [invalidValue('spec.policyName', policyName, wrong)]),
    ...(isObject(paramRef) ? paramRefErrors(paramRef) : []),
    ...(isObject(matchResources) ? validateMatchResources(matchResources, 'spec.matchResources') : []),
    ...actionErrors(listOf(spec['validationActions']).map(String)),
  ];
}

function actionErrors(actions: readonly string[]): readonly FieldError[] {
  const field = 'spec.validationActions';
  if (actions.length === 0) return [required(field)];
  return [
    ...actions.flatMap((it, i) => [
      ...(ACTIONS.includes(it) ? [] : [notSupported(`${field}[${i}]`, it, ACTIONS)]),
      ...(actions.indexOf(it) < i ? [duplicate(`${field}[${i}]`, it)] : []),
    ]),
    ...(actions.includes('Deny') && actions.includes('Warn')
      ? [
          invalidValue(
            field,
            actions,
            'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
          ),
        ]
      : []),
  ];
}

function paramRefErrors(paramRef: Readonly<Draft>): readonly FieldError[] {
  const field = 'spec.paramRef';
  const { selector, parameterNotFoundAction: action } = paramRef;
  const name = textOf(paramRef['name']);
  const isChosen = isObject(selector);
  return [
    ...(name === undefined && !isChosen
      ? [required(`${field}.name`, 'one of name or selector must be specified')]
      : []),
    ...(name !== undefined && isChosen
      ? [forbiddenField(`${field}.name`, 'name and selector are mutually exclusive')]
      : []),
    ...validateSelector(selector, `${field}.selector`),
    ...wordErrors(action, NOT_FOUND_ACTIONS, `${field}.parameterNotFoundAction`),
  ];
}
