// Defaults of ValidatingAdmissionPolicy and its binding (k8s.io/kubernetes/pkg/apis/admissionregistration/v1).

import { isObject, listOf, type Draft } from '../json.ts';

export function defaultAdmissionPolicy({ spec }: Draft): void {
  if (!isObject(spec)) return;
  spec['failurePolicy'] ??= 'Fail';
  if (isObject(spec['matchConstraints'])) defaultMatchResources(spec['matchConstraints']);
}

export function defaultAdmissionBinding({ spec }: Draft): void {
  if (!isObject(spec)) return;
  if (isObject(spec['paramRef'])) spec['paramRef']['parameterNotFoundAction'] ??= 'Deny';
  if (isObject(spec['matchResources'])) defaultMatchResources(spec['matchResources']);
}

function defaultMatchResources(match: Draft): void {
  match['matchPolicy'] ??= 'Equivalent';
  match['namespaceSelector'] ??= {};
  match['objectSelector'] ??= {};
  for (const rule of [...listOf(match['resourceRules']), ...listOf(match['excludeResourceRules'])])
    if (isObject(rule)) rule['scope'] ??= '*';
}
