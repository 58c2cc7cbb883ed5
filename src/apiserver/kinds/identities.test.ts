// Black box: our own kind Identity, served like any other.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer, type ApiClient } from '../../../test/support/api-server.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
});
after(() => stop());

const URL = '/apis/fairlead.dev/v1alpha1/identities';
const NUMBER = 'its name must be a number from 256 to 65535';

test('an identity is made and shown in columns', async () => {
  const spec = { namespace: 'shop', labels: { tier: 'front', app: 'web' } };
  const made = await client.post(URL, { metadata: { name: '256' }, spec });
  assert.deepEqual([made.code, made.json.spec], [201, spec], made.text);
  await client.post(URL, { metadata: { name: '65535' }, spec: { namespace: 'shop' } });
  const { json } = await client.get(URL, 'application/json;as=Table;v=v1;g=meta.k8s.io');
  assert.deepEqual(
    json.columnDefinitions.map((it: { name: string }) => it.name),
    ['Number', 'Namespace', 'Labels', 'Age'],
  );
  assert.deepEqual(
    json.rows.map((it: { cells: string[] }) => it.cells.slice(0, 3)),
    [
      ['256', 'shop', 'app=web,tier=front'],
      ['65535', 'shop', '<none>'],
    ],
  );
});

for (const [name, identity, causes] of [
  [
    'a number that is too small',
    { metadata: { name: '255' }, spec: { namespace: 'shop' } },
    [`metadata.name: Invalid value: "255": Cannot read identity "255": ${NUMBER}`],
  ],
  [
    'a number that is too large',
    { metadata: { name: '65536' }, spec: { namespace: 'shop' } },
    [`metadata.name: Invalid value: "65536": Cannot read identity "65536": ${NUMBER}`],
  ],
  [
    'a second way to write a number',
    { metadata: { name: '0300' }, spec: { namespace: 'shop' } },
    [`metadata.name: Invalid value: "0300": Cannot read identity "0300": ${NUMBER}`],
  ],
  ['no namespace', { metadata: { name: '300' } }, ['spec.namespace: Required value']],
  [
    'labels that no pod can have',
    { metadata: { name: '300' }, spec: { namespace: 'shop', labels: { 'a/b/c': 'x' } } },
    [
      `spec.labels: Invalid value: "a/b/c": a qualified name must consist of a name and an optional DNS subdomain prefix (e.g. 'example.com/MyName')`,
    ],
  ],
] as const) {
  test(`an identity refuses ${name}`, async () => {
    const answer = await client.post(URL, identity);
    assert.equal(answer.code, 422, answer.text);
    assert.deepEqual(causesOf(answer.json), causes);
  });
}

test('an identity never comes to mean other pods, but may be annotated', async () => {
  await client.post(URL, { metadata: { name: '400' }, spec: { namespace: 'a', labels: { app: 'web' } } });
  const noted = await client.patch(`${URL}/400`, { metadata: { annotations: { note: 'x' } } });
  assert.equal(noted.code, 200, noted.text);
  const answer = await client.patch(`${URL}/400`, { spec: { namespace: 'b', labels: { app: 'db' } } });
  assert.equal(answer.code, 422, answer.text);
  assert.deepEqual(causesOf(answer.json), [
    'spec.namespace: Invalid value: "b": field is immutable',
    'spec.labels: Invalid value: {"app":"db"}: field is immutable',
  ]);
});

function causesOf(status: {
  details: { causes: readonly { field: string; message: string }[] };
}): readonly string[] {
  return status.details.causes.map(({ field, message }) => `${field}: ${message}`);
}
