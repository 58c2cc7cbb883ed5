// Black box: the kinds of the Gateway API, custom resources elsewhere, served here with the rules of their schemas.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer, type ApiClient } from '../../test/support/api-server.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
});
after(() => stop());

const GROUP = '/apis/gateway.networking.k8s.io';
const ROUTES = `${GROUP}/v1/namespaces/default/httproutes`;

interface Listed {
  readonly name: string;
  readonly shortNames?: readonly string[];
  readonly namespaced: boolean;
  readonly categories?: readonly string[];
}

test('the group is discovered with its versions, kinds, short names and category', async () => {
  const group = await client.get(GROUP);
  assert.deepEqual(
    group.json.versions.map((it: { version: string }) => it.version),
    ['v1', 'v1beta1', 'v1alpha3', 'v1alpha2'],
  );
  assert.equal(group.json.preferredVersion.version, 'v1');
  const { json } = await client.get('/apis');
  const named = json.groups.filter((it: { name: string }) => it.name === 'gateway.networking.k8s.io');
  assert.equal(named.length, 1);

  const listed: readonly Listed[] = (await client.get(`${GROUP}/v1`)).json.resources;
  assert.deepEqual(
    listed
      .filter(({ name }) => !name.includes('/'))
      .map(({ name, shortNames, namespaced, categories }) => [name, shortNames?.[0], namespaced, categories]),
    [
      ['gatewayclasses', 'gc', false, ['gateway-api']],
      ['gateways', 'gtw', true, ['gateway-api']],
      ['httproutes', undefined, true, ['gateway-api']],
      ['grpcroutes', undefined, true, ['gateway-api']],
      ['tlsroutes', undefined, true, ['gateway-api']],
      ['tcproutes', undefined, true, ['gateway-api']],
      ['udproutes', undefined, true, ['gateway-api']],
      ['referencegrants', 'refgrant', true, ['gateway-api']],
      ['backendtlspolicies', 'btlspolicy', true, ['gateway-api']],
      ['listenersets', 'lset', true, ['gateway-api']],
    ],
  );
  const withStatus = listed.filter(({ name }) => name.endsWith('/status')).length;
  assert.equal(withStatus, 9, 'all but ReferenceGrants');
});

test('an object is one in every version of its kind', async () => {
  const older = `${GROUP}/v1beta1/namespaces/default/httproutes`;
  const watched = client.watch(`${older}?watch=true&timeoutSeconds=30`);
  const made = await client.post(older, {
    apiVersion: 'gateway.networking.k8s.io/v1beta1',
    kind: 'HTTPRoute',
    metadata: { name: 'both' },
    spec: { hostnames: ['a.example.com'] },
  });
  assert.deepEqual([made.code, made.json.apiVersion], [201, 'gateway.networking.k8s.io/v1beta1'], made.text);
  const event = await watched.next();
  watched.close();
  assert.deepEqual([event?.type, event?.object['apiVersion']], ['ADDED', made.json.apiVersion]);
  const newer = await client.get(`${ROUTES}/both`);
  assert.deepEqual(
    [newer.json.apiVersion, newer.json.metadata.uid],
    ['gateway.networking.k8s.io/v1', made.json.metadata.uid],
  );
  const patched = await client.patch(`${older}/both`, { spec: { hostnames: ['b.example.com'] } });
  assert.deepEqual([patched.json.apiVersion, patched.json.metadata.generation], [made.json.apiVersion, 2]);
  const list = await client.get(ROUTES);
  assert.deepEqual(
    list.json.items.map((it: { apiVersion: string; spec: { hostnames: string[] } }) => [
      it.apiVersion,
      it.spec.hostnames[0],
    ]),
    [['gateway.networking.k8s.io/v1', 'b.example.com']],
  );
});
