// Black box: our own kind LoadBalancerPool, served like any other.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer, type ApiClient } from '../../../test/support/api-server.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
});
after(() => stop());

const GROUP = '/apis/fairlead.dev/v1alpha1';
const URL = `${GROUP}/loadbalancerpools`;

test('the group is discovered with its kinds, their short names and the status of pools', async () => {
  const { json } = await client.get(GROUP);
  assert.deepEqual(
    json.resources.map((it: { name: string; shortNames?: string[] }) => [it.name, it.shortNames]),
    [
      ['identities', ['id']],
      ['loadbalancerpools', ['lbpool']],
      ['loadbalancerpools/status', undefined],
    ],
  );
  const document = await client.get('/openapi/v3/apis/fairlead.dev/v1alpha1');
  assert.ok(document.json.components.schemas['dev.fairlead.v1alpha1.LoadBalancerPool']);
});

test('a pool is made with its default, shown in columns, and its status written apart', async () => {
  const made = await client.post(URL, { metadata: { name: 'a' }, spec: { cidrs: ['192.0.2.0/24'] } });
  assert.deepEqual([made.code, made.json.spec.autoAssign], [201, true], made.text);
  const status = { used: 3, free: '251', overlaps: [] };
  assert.equal((await client.patch(`${URL}/a/status`, { status })).code, 200);
  const { json } = await client.get(`${URL}/a`, 'application/json;as=Table;v=v1;g=meta.k8s.io');
  assert.deepEqual(
    json.columnDefinitions.map((it: { name: string }) => it.name),
    ['Name', 'Addresses', 'Auto', 'Used', 'Free', 'Age', 'Namespaces', 'Services'],
  );
  assert.deepEqual(json.rows[0].cells.slice(0, 5), ['a', '192.0.2.0/24', 'true', 3, '251']);
});

for (const [name, spec, causes] of [
  ['no addresses', { cidrs: [] }, ['spec.cidrs: Required value: at least one prefix or range']],
  ['words', { cidrs: ['many'] }, ['spec.cidrs[0]: Invalid value: "many": Cannot read prefix "many"']],
  [
    'an address that stands twice',
    { cidrs: ['192.0.2.0/24', '192.0.2.9-192.0.2.10'] },
    ['spec.cidrs[1]: Duplicate value: "192.0.2.9-192.0.2.10"'],
  ],
  [
    'a selector that selects by nothing known',
    { cidrs: ['192.0.2.0/24'], serviceSelector: { matchExpressions: [{ key: 'a', operator: 'Like' }] } },
    [
      'spec.serviceSelector.matchExpressions[0].operator: Unsupported value: "Like": supported values: "In", "NotIn", "Exists", "DoesNotExist"',
    ],
  ],
] as const) {
  test(`a pool refuses ${name}`, async () => {
    const answer = await client.post(URL, { metadata: { name: 'bad' }, spec });
    assert.equal(answer.code, 422, answer.text);
    const found = answer.json.details.causes.map(
      (it: { field: string; message: string }) => `${it.field}: ${it.message}`,
    );
    assert.deepEqual(found, causes);
  });
}

test('a pool refuses fields that it does not have', async () => {
  const answer = await client.post(`${URL}?fieldValidation=Strict`, {
    metadata: { name: 'bad' },
    spec: { cidrs: ['192.0.2.0/24'], cidr: 'x' },
  });
  assert.deepEqual(
    [answer.code, /unknown field "spec.cidr"/.test(answer.json.message)],
    [400, true],
    answer.text,
  );
});
