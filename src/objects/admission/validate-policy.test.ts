import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validateAdmissionBinding } from './validate-binding.ts';
import { validateAdmissionPolicy } from './validate-policy.ts';

const RULE = { apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['configmaps'] };
const POLICY = {
  matchConstraints: { resourceRules: [RULE] },
  validations: [{ expression: 'object.data.size == "1"' }],
};
const BINDING = { policyName: 'p', validationActions: ['Deny'] };

function rule(changes: object): object {
  return { resourceRules: [{ ...RULE, ...changes }] };
}

test('a policy and a binding with everything that there is are accepted', () => {
  const spec = {
    ...POLICY,
    failurePolicy: 'Ignore',
    paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
    matchConditions: [{ name: 'example.com/a', expression: 'has(params.data) && request.name != "x"' }],
    variables: [
      { name: 'a', expression: 'object.data.size()' },
      { name: 'b', expression: 'variables.a + 1' },
    ],
    validations: [
      { expression: 'variables.b > 1', messageExpression: '"%d".format([variables.b])', reason: 'Forbidden' },
    ],
    auditAnnotations: [{ key: 'a', valueExpression: 'variables.a > 1 ? "many" : "few"' }],
  };
  assert.deepEqual(validateAdmissionPolicy({ spec }, undefined), []);
  const binding = {
    ...BINDING,
    paramRef: { selector: { matchLabels: { a: 'b' } }, parameterNotFoundAction: 'Allow' },
    matchResources: { ...rule({ resources: ['pods', 'pods/status'] }), matchPolicy: 'Exact' },
    validationActions: ['Warn', 'Audit'],
  };
  assert.deepEqual(validateAdmissionBinding({ spec: binding }), []);
});

test('what a policy said before it may go on saying', () => {
  const policy = { spec: { ...POLICY, validations: [{ expression: '1' }] } };
  assert.deepEqual(validateAdmissionPolicy(policy, policy), []);
  assert.notDeepEqual(validateAdmissionPolicy(policy, { spec: POLICY }), []);
});

const REFUSED: readonly (readonly [name: string, spec: object, field: string, message: RegExp])[] = [
  ['nothing to check', { validations: [] }, 'spec.validations', /at least one item/],
  ['no constraints', { matchConstraints: undefined }, 'spec.matchConstraints', /Required value/],
  ['no rules', { matchConstraints: {} }, 'spec.matchConstraints.resourceRules', /Required value/],
  [
    'an operation of its own',
    { matchConstraints: rule({ operations: ['READ'] }) },
    'spec.matchConstraints.resourceRules[0].operations[0]',
    /Unsupported value: "READ"/,
  ],
  [
    'a star among others',
    { matchConstraints: rule({ apiGroups: ['*', 'apps'] }) },
    'spec.matchConstraints.resourceRules[0].apiGroups',
    /if '\*' is present/,
  ],
  [
    'no expression',
    { validations: [{ expression: ' ' }] },
    'spec.validations[0].expression',
    /Required value/,
  ],
  [
    'what is no expression',
    { validations: [{ expression: 'object.' }] },
    'spec.validations[0].expression',
    /compilation failed: /,
  ],
  [
    'a pattern that is none',
    { validations: [{ expression: 'object.data.a.matches("(")' }] },
    'spec.validations[0].expression',
    /compilation failed: invalid matches argument/,
  ],
  [
    'a number',
    { validations: [{ expression: '1 + 1' }] },
    'spec.validations[0].expression',
    /must evaluate to bool/,
  ],
  [
    'parameters without a kind of them',
    { validations: [{ expression: 'params == 1' }] },
    'spec.validations[0].expression',
    /Unknown variable: params/,
  ],
  [
    'questions about access',
    { validations: [{ expression: 'authorizer.group("").resource("pods").check("get").allowed()' }] },
    'spec.validations[0].expression',
    /authorizer is not there on this server/,
  ],
  [
    'a variable that is nowhere',
    { validations: [{ expression: 'variables.x' }] },
    'spec.validations[0].expression',
    /undefined field 'x'/,
  ],
  [
    'a variable of a later one',
    {
      variables: [
        { name: 'a', expression: 'variables.b' },
        { name: 'b', expression: '1' },
      ],
    },
    'spec.variables[0].expression',
    /undefined field 'b'/,
  ],
  [
    'a variable by no name',
    { variables: [{ name: 'a-b', expression: '1' }] },
    'spec.variables[0].name',
    /not a valid CEL identifier/,
  ],
  [
    'a condition twice',
    {
      matchConditions: [
        { name: 'a', expression: 'true' },
        { name: 'a', expression: 'true' },
      ],
    },
    'spec.matchConditions[1].name',
    /Duplicate value/,
  ],
  [
    'a condition with variables',
    {
      variables: [{ name: 'a', expression: 'true' }],
      matchConditions: [{ name: 'a', expression: 'variables.a' }],
    },
    'spec.matchConditions[0].expression',
    /Unknown variable: variables/,
  ],
  [
    'a message of a number',
    { validations: [{ expression: 'true', messageExpression: '1' }] },
    'spec.validations[0].messageExpression',
    /must evaluate to string/,
  ],
  [
    'a message of two lines',
    { validations: [{ expression: 'true', message: 'a\nb' }] },
    'spec.validations[0].message',
    /line breaks/,
  ],
  [
    'a reason of its own',
    { validations: [{ expression: 'true', reason: 'Because' }] },
    'spec.validations[0].reason',
    /Unsupported value: "Because"/,
  ],
  [
    'an annotation of a number',
    { auditAnnotations: [{ key: 'a', valueExpression: '1' }] },
    'spec.auditAnnotations[0].valueExpression',
    /must evaluate to string or null/,
  ],
];

for (const [name, spec, field, message] of REFUSED)
  test(`a policy is refused for ${name}`, () => {
    const [first] = validateAdmissionPolicy({ spec: { ...POLICY, ...spec } }, undefined);
    assert.equal(first?.field, field);
    assert.match(first.message, message);
  });

const REFUSED_BINDINGS: readonly (readonly [name: string, spec: object, field: string, message: RegExp])[] = [
  ['no policy', { policyName: '' }, 'spec.policyName', /Required value/],
  ['no action', { validationActions: [] }, 'spec.validationActions', /Required value/],
  [
    'an action of its own',
    { validationActions: ['Shout'] },
    'spec.validationActions[0]',
    /Unsupported value: "Shout"/,
  ],
  [
    'an action twice',
    { validationActions: ['Audit', 'Audit'] },
    'spec.validationActions[1]',
    /Duplicate value/,
  ],
  [
    'Deny and Warn',
    { validationActions: ['Deny', 'Warn'] },
    'spec.validationActions',
    /must not contain both Deny and Warn/,
  ],
  ['parameters by nothing', { paramRef: {} }, 'spec.paramRef.name', /one of name or selector/],
  [
    'parameters by both',
    { paramRef: { name: 'a', selector: {} } },
    'spec.paramRef.name',
    /mutually exclusive/,
  ],
];

for (const [name, spec, field, message] of REFUSED_BINDINGS)
  test(`a binding is refused for ${name}`, () => {
    const [first] = validateAdmissionBinding({ spec: { ...BINDING, ...spec } });
    assert.equal(first?.field, field);
    assert.match(first.message, message);
  });
