import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { aMap, MAPS, withPolicy } from '../../../test/support/admission.ts';
import { startTestServer } from '../../../test/support/api-server.ts';

const { client, stop } = await startTestServer();
after(stop);

const inForce = (spec: object, use: () => Promise<void>, binding?: object): Promise<void> =>
  withPolicy(client, spec, use, binding);

const PARAM_KIND = { apiVersion: 'v1', kind: 'ConfigMap' };
const BY_PARAMS = {
  paramKind: PARAM_KIND,
  matchConstraints: {
    resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['secrets'] }],
  },
  validations: [
    {
      expression: 'object.data.size() <= int(params.data.most)',
      messageExpression: '"at most " + params.data.most',
    },
  ],
};
const SECRETS = '/api/v1/namespaces/default/secrets';

function aSecret(count: number): object {
  const data = Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 'eA==']));
  return { apiVersion: 'v1', kind: 'Secret', metadata: { generateName: 's' }, data };
}

test('a binding gives its policy parameters by name', async () => {
  await client.post(MAPS, aMap('limits', { most: '1' }));
  await inForce(
    BY_PARAMS,
    async () => {
      assert.equal((await client.post(SECRETS, aSecret(1))).code, 201);
      assert.match((await client.post(SECRETS, aSecret(2))).json.message, /denied request: at most 1$/);
    },
    { paramRef: { name: 'limits', parameterNotFoundAction: 'Deny' } },
  );
});

test('a binding gives its policy parameters by labels: each of them is asked', async () => {
  await client.post(MAPS, aMap('one', { most: '5' }, { labels: { limits: 'yes' } }));
  await client.post(MAPS, aMap('two', { most: '2' }, { labels: { limits: 'yes' } }));
  await client.post(MAPS, aMap('other', { most: '0' }));
  await inForce(
    BY_PARAMS,
    async () => {
      assert.equal((await client.post(SECRETS, aSecret(2))).code, 201);
      assert.match((await client.post(SECRETS, aSecret(3))).json.message, /denied request: at most 2$/);
    },
    { paramRef: { selector: { matchLabels: { limits: 'yes' } }, namespace: 'default' } },
  );
});

const WITHOUT_PARAMS: readonly (readonly [
  name: string,
  spec: object,
  paramRef: object,
  message: string | undefined,
])[] = [
  ['pass where that is allowed', {}, { name: 'x', parameterNotFoundAction: 'Allow' }, undefined],
  [
    'are refused where it is not',
    {},
    { name: 'x' },
    'failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction',
  ],
  ['pass where failures are ignored', { failurePolicy: 'Ignore' }, { name: 'x' }, undefined],
  [
    'are refused where nobody has heard of the kind',
    { paramKind: { apiVersion: 'example.com/v1', kind: 'Limit' } },
    { name: 'x' },
    "failed to configure binding: failed to find resource referenced by paramKind: 'example.com/v1, Kind=Limit'",
  ],
  [
    'are refused where what is in no namespace is sought in one',
    { paramKind: { apiVersion: 'v1', kind: 'Node' } },
    { name: 'x', namespace: 'default' },
    'failed to configure binding: paramRef.namespace must not be provided for a cluster-scoped `paramKind`',
  ],
];

for (const [name, spec, paramRef, message] of WITHOUT_PARAMS)
  test(`requests for which there are no parameters ${name}`, async () => {
    await inForce(
      { ...BY_PARAMS, ...spec },
      async () => {
        const { code, json } = await client.post(SECRETS, aSecret(9));
        assert.equal(code, message === undefined ? 201 : 422);
        if (message !== undefined)
          assert.ok(json.message.endsWith(`denied request: ${message}`), json.message);
      },
      { paramRef },
    );
  });
