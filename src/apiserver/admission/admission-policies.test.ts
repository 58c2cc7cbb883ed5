import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  aBinding,
  aMap,
  aPolicy,
  BINDINGS,
  MAPS,
  POLICIES,
  ruleOn,
  withPolicy,
} from '../../../test/support/admission.ts';
import { startTestServer, type Answer } from '../../../test/support/api-server.ts';

const { client, stop } = await startTestServer();
after(stop);

const inForce = (spec: object, use: () => Promise<void>, binding?: object): Promise<void> =>
  withPolicy(client, spec, use, binding);

function refusal(name: string, message: string): string {
  return `configmaps "${name}" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: ${message}`;
}

test('a policy gets its defaults, and a binding its own', async () => {
  await inForce(
    {},
    async () => {
      const policy = (await client.get(`${POLICIES}/p`)).json;
      assert.equal(policy.spec.failurePolicy, 'Fail');
      assert.deepEqual(policy.spec.matchConstraints, {
        ...ruleOn(),
        matchPolicy: 'Equivalent',
        namespaceSelector: {},
        objectSelector: {},
        resourceRules: [{ ...ruleOn().resourceRules[0], scope: '*' }],
      });
      assert.equal(policy.metadata.generation, 1);
      const binding = (await client.get(`${BINDINGS}/p`)).json;
      assert.equal(binding.spec.paramRef.parameterNotFoundAction, 'Deny');
    },
    { paramRef: { name: 'x', namespace: 'default' } },
  );
});

test('what a policy refuses is answered as a Status says it, and is not stored', async () => {
  await inForce({ validations: [{ expression: 'object.data.size == "1"' }] }, async () => {
    const refused = await client.post(MAPS, aMap('a', { size: '2' }));
    const message = refusal('a', 'failed expression: object.data.size == "1"');
    assert.deepEqual(refused.json, {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason: 'Invalid',
      details: {
        name: 'a',
        kind: 'configmaps',
        causes: [{ message: message.replace(/^.*forbidden: /, '') }],
      },
      code: 422,
    });
    assert.equal((await client.get(`${MAPS}/a`)).code, 404);
    assert.equal((await client.post(MAPS, aMap('a', { size: '1' }))).code, 201);
    assert.equal((await client.put(`${MAPS}/a`, aMap('a', { size: '3' }))).code, 422);
    const patch = { data: { size: '4' } };
    assert.equal((await client.patch(`${MAPS}/a`, patch)).code, 422);
    const applied = await client.call(`${MAPS}/b?fieldManager=x`, {
      method: 'PATCH',
      body: aMap('b', { size: '5' }),
      type: 'application/apply-patch+yaml',
    });
    assert.equal(applied.code, 422);
    assert.equal((await client.post(`${MAPS}?dryRun=All`, aMap('c', { size: '6' }))).code, 422);
  });
});

test('a policy without a binding, and a binding without a policy, refuse nothing', async () => {
  assert.equal((await client.post(POLICIES, aPolicy('q', {}))).code, 201);
  assert.equal((await client.post(BINDINGS, aBinding('r'))).code, 201);
  assert.equal((await client.post(MAPS, aMap('a'))).code, 201);
  await client.delete(`${POLICIES}/q`);
  await client.delete(`${BINDINGS}/r`);
  await client.delete(MAPS);
});

test('a policy that changes holds at once in its new form', async () => {
  await inForce({}, async () => {
    assert.equal((await client.post(MAPS, aMap('a'))).code, 422);
    const changed = await client.patch(`${POLICIES}/p`, { spec: { validations: [{ expression: 'true' }] } });
    assert.equal(changed.code, 200, changed.text);
    assert.equal((await client.post(MAPS, aMap('a'))).code, 201);
  });
});

const MESSAGES: readonly (readonly [
  name: string,
  validation: object,
  code: number,
  reason: string,
  message: string,
])[] = [
  ['a message', { message: ' too much ' }, 422, 'Invalid', 'too much'],
  [
    'a computed message',
    { message: 'no', messageExpression: '"not " + object.data.size' },
    422,
    'Invalid',
    'not 2',
  ],
  [
    'a message where the computed one cannot be computed',
    { message: 'no', messageExpression: '"not " + object.data.nothing' },
    422,
    'Invalid',
    'no',
  ],
  ['a reason of its own', { reason: 'Forbidden' }, 403, 'Forbidden', 'failed expression: false'],
  [
    'what could not be evaluated',
    { expression: 'object.nothing.x == 1' },
    422,
    'Invalid',
    "expression 'object.nothing.x == 1' resulted in error: no such key: nothing",
  ],
  [
    'a result that is none',
    { expression: 'object.data.size' },
    422,
    'Invalid',
    "expression 'object.data.size' resulted in error: it is neither true nor false",
  ],
];

for (const [name, validation, code, reason, message] of MESSAGES)
  test(`a refusal says ${name}`, async () => {
    await inForce({ validations: [{ expression: 'false', ...validation }] }, async () => {
      const { json } = await client.post(MAPS, aMap('a', { size: '2' }));
      assert.deepEqual([json.code, json.reason, json.message], [code, reason, refusal('a', message)]);
    });
  });

test('failurePolicy Ignore lets pass what cannot be evaluated', async () => {
  const spec = { failurePolicy: 'Ignore', validations: [{ expression: 'object.nothing.x == 1' }] };
  await inForce(spec, async () => {
    assert.equal((await client.post(MAPS, aMap('a'))).code, 201);
  });
});

/** Expressions over a ConfigMap that is made, changed and deleted; each has to hold for the operations it names. */
const SEEN: readonly (readonly [operation: string, expression: string])[] = [
  ['CREATE', 'oldObject == null && object.metadata.name == "a" && object.data.n == "1"'],
  [
    'CREATE',
    'has(object.metadata.uid) && object.kind == "ConfigMap" && object.metadata.namespace == "default"',
  ],
  ['UPDATE', 'oldObject.data.n == "1" && object.data.n == "2"'],
  ['DELETE', 'object == null && oldObject.data.n == "2"'],
  ['CREATE', 'request.name == "a" && request.namespace == "default" && !has(request.subResource)'],
  [
    'CREATE',
    'request.kind.kind == "ConfigMap" && request.resource.resource == "configmaps" && request.dryRun == false',
  ],
  ['CREATE', 'request.userInfo.username == "tester" && "testers" in request.userInfo.groups'],
  ['CREATE', 'namespaceObject.metadata.labels["kubernetes.io/metadata.name"] == "default"'],
];

for (const [operation, expression] of SEEN)
  test(`at ${operation}: ${expression}`, async () => {
    const validations = [{ expression: `request.operation != "${operation}" || (${expression})` }];
    await inForce({ validations }, async () => {
      const made = await client.post(MAPS, aMap('a', { n: '1' }));
      assert.equal(made.code, 201, made.text);
      const changed = await client.put(`${MAPS}/a`, aMap('a', { n: '2' }));
      assert.equal(changed.code, 200, changed.text);
      const deleted = await client.delete(`${MAPS}/a`);
      assert.equal(deleted.code, 200, deleted.text);
    });
  });

test('variables are evaluated when they are needed, each with those before it', async () => {
  const spec = {
    variables: [
      { name: 'size', expression: 'int(object.data.size)' },
      { name: 'twice', expression: 'variables.size * 2' },
      { name: 'broken', expression: 'object.nothing.x' },
    ],
    validations: [
      { expression: 'variables.twice < 5', messageExpression: '"twice is " + string(variables.twice)' },
    ],
  };
  await inForce(spec, async () => {
    assert.equal((await client.post(MAPS, aMap('a', { size: '2' }))).code, 201);
    const { json } = await client.post(MAPS, aMap('b', { size: '3' }));
    assert.equal(json.message, refusal('b', 'twice is 6'));
  });
});

test('conditions say which requests are judged', async () => {
  const spec = {
    matchConditions: [
      { name: 'marked', expression: 'has(object.data) && object.data.marked == "yes"' },
      { name: 'not-tester', expression: 'request.userInfo.username == "tester"' },
    ],
  };
  await inForce(spec, async () => {
    assert.equal((await client.post(MAPS, aMap('a', { marked: 'no' }))).code, 201);
    assert.equal((await client.post(MAPS, aMap('b', { marked: 'yes' }))).code, 422);
    const { json } = await client.post(MAPS, aMap('c', { other: 'x' }));
    assert.match(json.message, /expression 'has\(object\.data\).*' resulted in error: no such key: marked$/);
  });
});

const MATCHES: readonly (readonly [name: string, constraints: object, isJudged: boolean])[] = [
  ['its operations', ruleOn({ operations: ['DELETE', 'UPDATE'] }), false],
  ['its group', ruleOn({ apiGroups: ['apps'] }), false],
  ['its version', ruleOn({ apiVersions: ['v2'] }), false],
  ['its resource', ruleOn({ resources: ['secrets'] }), false],
  ['all resources', ruleOn({ resources: ['*'], apiGroups: ['*'], apiVersions: ['*'] }), true],
  ['all resources and their parts', ruleOn({ resources: ['*/*'] }), true],
  ['a part of it', ruleOn({ resources: ['configmaps/status'] }), false],
  ['it and its parts', ruleOn({ resources: ['configmaps/*'] }), true],
  ['its scope', ruleOn({ scope: 'Cluster' }), false],
  ['its own scope', ruleOn({ scope: 'Namespaced' }), true],
  ['its name', ruleOn({ resourceNames: ['b'] }), false],
  ['its own name', ruleOn({ resourceNames: ['a'] }), true],
  ['what is excluded', { ...ruleOn(), excludeResourceRules: ruleOn().resourceRules }, false],
  ['its labels', { ...ruleOn(), objectSelector: { matchLabels: { app: 'x' } } }, false],
  ['its own labels', { ...ruleOn(), objectSelector: { matchLabels: { app: 'a' } } }, true],
  ['labels of its namespace', { ...ruleOn(), namespaceSelector: { matchLabels: { a: 'b' } } }, false],
  [
    'its own namespace',
    { ...ruleOn(), namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'default' } } },
    true,
  ],
];

for (const [name, matchConstraints, isJudged] of MATCHES)
  test(`constraints say by ${name} whether an object is judged`, async () => {
    const made = aMap('a', {}, { labels: { app: 'a' } });
    await inForce({ matchConstraints }, async () => {
      assert.equal((await client.post(MAPS, made)).code, isJudged ? 422 : 201);
    });
    // A binding has constraints of the same form beside those of its policy.
    await inForce(
      {},
      async () => {
        assert.equal((await client.post(MAPS, made)).code, isJudged ? 422 : 201);
      },
      { matchResources: matchConstraints },
    );
  });

test('a rule for one version means the others too, unless it says Exact', async () => {
  const resourceRules = [
    {
      apiGroups: ['gateway.networking.k8s.io'],
      apiVersions: ['v1beta1'],
      operations: ['CREATE'],
      resources: ['gatewayclasses'],
    },
  ];
  const url = '/apis/gateway.networking.k8s.io/v1/gatewayclasses';
  const object = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GatewayClass',
    metadata: { name: 'c' },
    spec: { controllerName: 'example.com/c' },
  };
  const validations = [{ expression: 'false', messageExpression: '"it is " + object.apiVersion' }];
  await inForce({ matchConstraints: { resourceRules }, validations }, async () => {
    const { json } = await client.post(url, object);
    assert.match(json.message, /denied request: it is gateway\.networking\.k8s\.io\/v1beta1$/);
  });
  await inForce({ matchConstraints: { resourceRules, matchPolicy: 'Exact' }, validations }, async () => {
    assert.equal((await client.post(url, object)).code, 201);
  });
  await client.delete(`${url}/c`);
});

test('a binding may warn instead', async () => {
  await inForce(
    { validations: [{ expression: 'false', message: 'think again' }] },
    async () => {
      const { code, headers } = await client.post(MAPS, aMap('a'));
      assert.deepEqual(
        [code, headers['warning']],
        [201, "299 - \"Validation failed for ValidatingAdmissionPolicy 'p' with binding 'p': think again\""],
      );
      const deleted = await client.delete(`${MAPS}/a`);
      assert.match(String(deleted.headers['warning']), /think again/);
    },
    { validationActions: ['Warn'] },
  );
});

test('a deletion that is refused leaves everything, alone and of a collection', async () => {
  const matchConstraints = ruleOn({ operations: ['DELETE'] });
  await client.post(MAPS, aMap('a'));
  await client.post(MAPS, aMap('b'));
  const validations = [{ expression: 'oldObject.metadata.name != "b"' }];
  await inForce({ matchConstraints, validations }, async () => {
    assert.equal((await client.delete(`${MAPS}/b`)).code, 422);
    const { json } = await client.delete(MAPS);
    assert.equal(json.message, refusal('b', 'failed expression: oldObject.metadata.name != "b"'));
    assert.equal((await client.get(`${MAPS}/a`)).code, 200);
  });
});

test('parts of an object are judged by rules that name them', async () => {
  const deployments = '/apis/apps/v1/namespaces/default/deployments';
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  await client.post(deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd' },
    spec: { replicas: 1, selector: { matchLabels: { a: 'b' } }, template },
  });
  const scale = { matchConstraints: partRule('deployments/scale') };
  const validations = [
    {
      expression: 'object.spec.replicas <= 3',
      messageExpression:
        '"%s %d of %d by %s".format([object.kind, oldObject.spec.replicas, object.spec.replicas, request.subResource])',
    },
  ];
  await inForce({ ...scale, validations }, async () => {
    const refused = await client.patch(`${deployments}/d/scale`, { spec: { replicas: 4 } });
    assert.match(refused.json.message, /denied request: Scale 1 of 4 by scale$/);
    assert.equal((await client.patch(`${deployments}/d/scale`, { spec: { replicas: 3 } })).code, 200);
    // The object itself is another resource.
    assert.equal((await client.patch(`${deployments}/d`, { spec: { replicas: 9 } })).code, 200);
  });
  const status = { matchConstraints: partRule('deployments/status') };
  await inForce({ ...status, validations: [{ expression: 'object.status.replicas == 1' }] }, async () => {
    assert.equal((await client.patch(`${deployments}/d/status`, { status: { replicas: 2 } })).code, 422);
    assert.equal((await client.patch(`${deployments}/d/status`, { status: { replicas: 1 } })).code, 200);
  });
  await client.delete(`${deployments}/d`);
});

function partRule(resource: string): object {
  return {
    resourceRules: [
      { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['UPDATE'], resources: [resource] },
    ],
  };
}

test('what is made of a part of an object is judged: tokens, evictions, bindings', async () => {
  const accounts = '/api/v1/namespaces/default/serviceaccounts';
  const pods = '/api/v1/namespaces/default/pods';
  await client.post(accounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'a' } });
  const spec = { containers: [{ name: 'c', image: 'i' }], serviceAccountName: 'a' };
  await client.post(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec });
  const parts = ['serviceaccounts/token', 'pods/eviction', 'pods/binding'];
  const matchConstraints = ruleOn({ resources: parts, operations: ['CREATE'] });
  const validations = [
    { expression: 'false', messageExpression: '"%s of %s".format([request.kind.kind, request.name])' },
  ];
  await inForce({ matchConstraints, validations }, async () => {
    const token = await client.post(`${accounts}/a/token`, { spec: {} });
    assert.match(token.json.message, /denied request: TokenRequest of a$/);
    const eviction = await client.post(`${pods}/p/eviction`, { metadata: { name: 'p' } });
    assert.match(eviction.json.message, /denied request: Eviction of p$/);
    const binding = await client.post(`${pods}/p/binding`, { target: { name: 'n' } });
    assert.match(binding.json.message, /denied request: Binding of p$/);
  });
  assert.equal((await client.post(`${pods}/p/binding`, { target: { name: 'n' } })).code, 201);
  await client.delete(`${pods}/p`, { gracePeriodSeconds: 0 });
});

test('the end of a namespace is judged by rules that name it', async () => {
  await client.post('/api/v1/namespaces', { metadata: { name: 'n' } });
  const finalize = (): Promise<Answer> =>
    client.put('/api/v1/namespaces/n/finalize', { metadata: { name: 'n' }, spec: { finalizers: [] } });
  const matchConstraints = ruleOn({ resources: ['namespaces/finalize'] });
  const validations = [{ expression: 'object.spec.finalizers.size() > 0 && namespaceObject == null' }];
  await inForce({ matchConstraints, validations }, async () => {
    assert.equal((await finalize()).code, 422);
  });
  assert.equal((await finalize()).code, 200);
  await client.delete('/api/v1/namespaces/n');
});

test('policies say nothing of policies: one that refuses everything can be taken away', async () => {
  const matchConstraints = ruleOn({ apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] });
  await inForce({ matchConstraints }, async () => {
    assert.equal((await client.post(MAPS, aMap('a'))).code, 422);
    assert.equal((await client.delete(`${BINDINGS}/p`)).code, 200);
    assert.equal((await client.post(MAPS, aMap('a'))).code, 201);
  });
});

test('what takes too long counts as what cannot be evaluated', async () => {
  const list = `[${Array.from({ length: 200 }, (_, i) => i).join(', ')}]`;
  const expression = `${list}.all(a, ${list}.all(b, ${list}.all(c, ${list}.all(d, a + b + c + d >= 0))))`;
  await inForce({ validations: [{ expression }] }, async () => {
    const { code, json } = await client.post(MAPS, aMap('a'));
    assert.equal(code, 422);
    assert.match(json.message, /its expressions cannot be evaluated: it takes longer than 1000 ms$/);
  });
});
