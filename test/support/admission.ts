// Admission policies of tests: made, in force while a test runs, gone after it.

import assert from 'node:assert/strict';
import type { ApiClient } from './api-server.ts';

const API_VERSION = 'admissionregistration.k8s.io/v1';
export const POLICIES = `/apis/${API_VERSION}/validatingadmissionpolicies`;
export const BINDINGS = `/apis/${API_VERSION}/validatingadmissionpolicybindings`;
export const MAPS = '/api/v1/namespaces/default/configmaps';

/** Constraints of a policy on config maps, with changes of their rule. */
export function ruleOn(changes: object = {}): { readonly resourceRules: readonly object[] } {
  const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['configmaps'] };
  return { resourceRules: [{ ...rule, ...changes }] };
}

/** A policy on config maps that refuses all of them, where `spec` says nothing else. */
export function aPolicy(name: string, spec: object): object {
  return {
    apiVersion: API_VERSION,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name },
    spec: { matchConstraints: ruleOn(), validations: [{ expression: 'false' }], ...spec },
  };
}

export function aBinding(name: string, spec: object = {}): object {
  return {
    apiVersion: API_VERSION,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { policyName: name, validationActions: ['Deny'], ...spec },
  };
}

export function aMap(name: string, data: object = {}, metadata: object = {}): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data };
}

/** Runs `use` with the policy p in force, and takes away all config maps after it. */
export async function withPolicy(
  client: ApiClient,
  spec: object,
  use: () => Promise<void>,
  binding: object = {},
): Promise<void> {
  const made = await client.post(POLICIES, aPolicy('p', spec));
  assert.equal(made.code, 201, made.text);
  const bound = await client.post(BINDINGS, aBinding('p', binding));
  assert.equal(bound.code, 201, bound.text);
  try {
    await use();
  } finally {
    await client.delete(`${BINDINGS}/p`);
    await client.delete(`${POLICIES}/p`);
    await client.delete(MAPS);
  }
}
