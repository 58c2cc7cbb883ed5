// Black box: a definition makes a kind, its objects are served like any other, and both go together.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ApiClient, ApiServerFiles, startTestServer, type Loose } from '../../../test/support/api-server.ts';
import { aDefinition, DEFINITIONS_URL, type KindOptions } from '../../../test/support/custom-kinds.ts';
import { startApiServer } from '../main.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
});
after(() => stop());

const WIDGETS = '/apis/example.com/v1/namespaces/default/widgets';

async function define(options: KindOptions = {}): Promise<Loose> {
  const made = await client.post(DEFINITIONS_URL, aDefinition(options));
  assert.equal(made.code, 201, made.text);
  const { json } = await client.get(`${DEFINITIONS_URL}/${made.json.metadata.name}`);
  return json;
}

async function undefine(name: string): Promise<void> {
  assert.equal((await client.delete(`${DEFINITIONS_URL}/${name}`)).code, 200);
}

function conditions(definition: Loose): Record<string, string> {
  return Object.fromEntries(
    definition.status.conditions.map((it: Loose) => [it.type, `${it.status} ${it.reason}`]),
  );
}

test('a definition is established, and its objects are made, read, listed, changed and deleted', async () => {
  const definition = await define({ names: { shortNames: ['wd'], listKind: 'Widgets' } });
  assert.deepEqual(conditions(definition), {
    NamesAccepted: 'True NoConflicts',
    Established: 'True InitialNamesAccepted',
  });
  assert.deepEqual(definition.status.acceptedNames, {
    plural: 'widgets',
    singular: 'widget',
    kind: 'Widget',
    listKind: 'Widgets',
    shortNames: ['wd'],
  });
  assert.deepEqual(definition.status.storedVersions, ['v1']);
  const made = await client.post(WIDGETS, { metadata: { name: 'a' }, spec: { size: 1 } });
  assert.deepEqual([made.code, made.json.kind, made.json.metadata.generation], [201, 'Widget', 1], made.text);
  const list = await client.get('/apis/example.com/v1/widgets');
  assert.deepEqual([list.json.kind, list.json.items.length], ['Widgets', 1]);
  const patched = await client.patch(`${WIDGETS}/a`, { spec: { size: 2 } });
  assert.deepEqual([patched.json.spec.size, patched.json.metadata.generation], [2, 2]);
  const strategic = await client.patch(`${WIDGETS}/a`, {}, 'application/strategic-merge-patch+json');
  assert.equal(strategic.code, 415);
  assert.equal((await client.delete(`${WIDGETS}/a`)).code, 200);
  assert.equal((await client.get(`${WIDGETS}/a`)).code, 404);
  await undefine('widgets.example.com');
});

test('a kind is discovered while its definition stands', async () => {
  await define({
    names: { shortNames: ['wd'], categories: ['all'] },
    version: { subresources: { status: {} } },
  });
  const { json } = await client.get('/apis/example.com/v1');
  assert.deepEqual(
    json.resources.map((it: Loose) => [it.name, it.kind, it.shortNames, it.categories]),
    [
      ['widgets', 'Widget', ['wd'], ['all']],
      ['widgets/status', 'Widget', undefined, undefined],
    ],
  );
  const aggregated = await client.get(
    '/apis',
    'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
  );
  const group = aggregated.json.items.find((it: Loose) => it.metadata.name === 'example.com');
  assert.equal(group.versions[0].resources[0].responseKind.kind, 'Widget');
  await undefine('widgets.example.com');
  assert.equal((await client.get('/apis/example.com/v1')).code, 404);
  assert.equal((await client.get(WIDGETS)).code, 404);
});

test('the end of a definition waits for the finalizers of its objects', async () => {
  await define();
  const held = { name: 'held', finalizers: ['example.com/hold'] };
  assert.equal((await client.post(WIDGETS, { metadata: held })).code, 201);
  assert.equal((await client.post(WIDGETS, { metadata: { name: 'free' } })).code, 201);
  await undefine('widgets.example.com');
  const ending = (await client.get(`${DEFINITIONS_URL}/widgets.example.com`)).json;
  assert.deepEqual(ending.metadata.finalizers, ['customresourcecleanup.apiextensions.k8s.io']);
  assert.equal(conditions(ending)['Terminating'], 'True InstanceDeletionInProgress');
  assert.equal((await client.get(`${WIDGETS}/free`)).code, 404);
  assert.equal((await client.post(WIDGETS, { metadata: { name: 'late' } })).code, 405);
  assert.equal((await client.patch(`${WIDGETS}/held`, { metadata: { finalizers: null } })).code, 200);
  assert.equal((await client.get(`${DEFINITIONS_URL}/widgets.example.com`)).code, 404);
});

test('names that another definition has are not accepted, until it goes', async () => {
  await define({ names: { shortNames: ['wd'] } });
  const second = await define({ plural: 'wadgets', kind: 'Wadget', names: { shortNames: ['wd'] } });
  assert.deepEqual(conditions(second), {
    NamesAccepted: 'False ShortNamesConflict',
    Established: 'False NotAccepted',
  });
  assert.equal((await client.get('/apis/example.com/v1/wadgets')).code, 404);
  await undefine('widgets.example.com');
  assert.equal((await client.get('/apis/example.com/v1/wadgets')).code, 200);
  await undefine('wadgets.example.com');
});

test('a definition of a built-in kind is kept and changes nothing', async () => {
  const options = { plural: 'gateways', kind: 'Gateway', group: 'gateway.networking.k8s.io' };
  const body = aDefinition(options);
  body.metadata.annotations = { 'api-approved.kubernetes.io': 'https://github.com/kubernetes/enhancements' };
  const made = await client.post(DEFINITIONS_URL, body);
  assert.equal(made.code, 201, made.text);
  assert.match(String(made.headers['warning']), /has the kind built in/);
  const name = 'gateways.gateway.networking.k8s.io';
  const { json } = await client.get(`${DEFINITIONS_URL}/${name}`);
  assert.equal(conditions(json)['Established'], 'True BuiltIn');
  const url = '/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways';
  assert.equal((await client.post(url, { metadata: { name: 'loose' }, spec: {} })).code, 422);
  const spec = { gatewayClassName: 'fairlead', listeners: [{ name: 'a', port: 80, protocol: 'HTTP' }] };
  assert.equal((await client.post(url, { metadata: { name: 'kept' }, spec })).code, 201);
  await undefine(name);
  assert.equal((await client.get(`${DEFINITIONS_URL}/${name}`)).code, 404);
  assert.equal((await client.get(`${url}/kept`)).code, 200);
});

test('a restarted server has its kinds and their objects', async () => {
  const files = new ApiServerFiles();
  try {
    for (const isFirst of [true, false]) {
      const server = await startApiServer(files.config());
      const own = new ApiClient(server.addresses[0]?.port ?? 0);
      if (isFirst) {
        assert.equal((await own.post(DEFINITIONS_URL, aDefinition())).code, 201);
        assert.equal((await own.post(WIDGETS, { metadata: { name: 'a' } })).code, 201);
      } else assert.equal((await own.get(`${WIDGETS}/a`)).code, 200);
      own.close();
      await server.close();
    }
  } finally {
    files.remove();
  }
});
