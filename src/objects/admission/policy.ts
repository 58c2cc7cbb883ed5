// ValidatingAdmissionPolicy and its binding (admissionregistration.k8s.io/v1) as they are worked with: absent fields have their meaning.

import { isObject, listOf, objectOf, textOf, type Draft } from '../json.ts';
import { selectorOf, type Selector } from '../meta.ts';

export interface NamedExpression {
  readonly name: string;
  readonly expression: string;
}

export interface Validation {
  readonly expression: string;
  readonly message: string | undefined;
  readonly messageExpression: string | undefined;
  readonly reason: string | undefined;
}

/** What a rule says of requests: `*` stands for everything. */
export interface ResourceRule {
  readonly operations: readonly string[];
  readonly groups: readonly string[];
  readonly versions: readonly string[];
  /** "pods", "pods/status", "*", "pods/*". */
  readonly resources: readonly string[];
  readonly names: readonly string[];
  /** "Cluster", "Namespaced" or "*". */
  readonly scope: string;
}

export interface MatchResources {
  /** None means all. */
  readonly rules: readonly ResourceRule[];
  readonly excluded: readonly ResourceRule[];
  readonly namespaceSelector: Selector;
  readonly objectSelector: Selector;
  /** A rule for one version of a kind means its other versions too. */
  readonly isEquivalent: boolean;
}

export interface AdmissionPolicy {
  readonly name: string;
  readonly paramKind: { readonly apiVersion: string; readonly kind: string } | undefined;
  readonly constraints: MatchResources;
  /** What cannot be evaluated refuses the request. */
  readonly failsClosed: boolean;
  readonly conditions: readonly NamedExpression[];
  readonly variables: readonly NamedExpression[];
  readonly validations: readonly Validation[];
  readonly audits: readonly NamedExpression[];
}

export interface ParamRef {
  readonly name: string | undefined;
  readonly namespace: string | undefined;
  readonly selector: Selector | undefined;
  /** Where there are no parameters the policy says nothing. */
  readonly allowsNone: boolean;
}

export interface AdmissionBinding {
  readonly name: string;
  readonly policyName: string;
  readonly paramRef: ParamRef | undefined;
  readonly constraints: MatchResources | undefined;
  /** "Deny", "Warn", "Audit". */
  readonly actions: readonly string[];
}

/** The policy of an object that was accepted; throws nothing for any other. */
export function parsePolicy(object: Readonly<Draft>): AdmissionPolicy {
  const spec = objectOf(object['spec']);
  const { paramKind } = spec;
  return {
    name: nameOf(object),
    paramKind: isObject(paramKind)
      ? { apiVersion: textOf(paramKind['apiVersion']) ?? '', kind: textOf(paramKind['kind']) ?? '' }
      : undefined,
    constraints: constraintsOf(objectOf(spec['matchConstraints'])),
    failsClosed: spec['failurePolicy'] !== 'Ignore',
    conditions: listOf(spec['matchConditions']).map((it) => namedOf(objectOf(it), 'name', 'expression')),
    variables: listOf(spec['variables']).map((it) => namedOf(objectOf(it), 'name', 'expression')),
    validations: listOf(spec['validations']).map((it) => validationOf(objectOf(it))),
    audits: listOf(spec['auditAnnotations']).map((it) => namedOf(objectOf(it), 'key', 'valueExpression')),
  };
}

export function parseBinding(object: Readonly<Draft>): AdmissionBinding {
  const spec = objectOf(object['spec']);
  const { matchResources, paramRef } = spec;
  return {
    name: nameOf(object),
    policyName: textOf(spec['policyName']) ?? '',
    paramRef: isObject(paramRef) ? paramRefOf(paramRef) : undefined,
    constraints: isObject(matchResources) ? constraintsOf(matchResources) : undefined,
    actions: textsOf(spec['validationActions']),
  };
}

function nameOf(object: Readonly<Draft>): string {
  return textOf(objectOf(object['metadata'])['name']) ?? '';
}

function namedOf(raw: Readonly<Draft>, name: string, expression: string): NamedExpression {
  return { name: textOf(raw[name]) ?? '', expression: textOf(raw[expression]) ?? '' };
}

function validationOf(raw: Readonly<Draft>): Validation {
  return {
    expression: textOf(raw['expression']) ?? '',
    message: textOf(raw['message']),
    messageExpression: textOf(raw['messageExpression']),
    reason: textOf(raw['reason']),
  };
}

function constraintsOf(raw: Readonly<Draft>): MatchResources {
  return {
    rules: listOf(raw['resourceRules']).map((it) => ruleOf(objectOf(it))),
    excluded: listOf(raw['excludeResourceRules']).map((it) => ruleOf(objectOf(it))),
    namespaceSelector: selectorIn(raw['namespaceSelector']) ?? [],
    objectSelector: selectorIn(raw['objectSelector']) ?? [],
    isEquivalent: raw['matchPolicy'] !== 'Exact',
  };
}

function ruleOf(raw: Readonly<Draft>): ResourceRule {
  return {
    operations: textsOf(raw['operations']),
    groups: textsOf(raw['apiGroups']),
    versions: textsOf(raw['apiVersions']),
    resources: textsOf(raw['resources']),
    names: textsOf(raw['resourceNames']),
    scope: textOf(raw['scope']) ?? '*',
  };
}

function paramRefOf(raw: Readonly<Draft>): ParamRef {
  return {
    name: textOf(raw['name']),
    namespace: textOf(raw['namespace']),
    selector: selectorIn(raw['selector']),
    allowsNone: raw['parameterNotFoundAction'] === 'Allow',
  };
}

function selectorIn(value: unknown): Selector | undefined {
  // The validation of the object looked at its parts.
  return isObject(value) ? selectorOf(value) : undefined;
}

function textsOf(value: unknown): readonly string[] {
  return listOf(value).map(String);
}
