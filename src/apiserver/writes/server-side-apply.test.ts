// Black box over HTTP: server-side apply, its conflicts, and whose fields every write makes them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  startTestServer,
  type ApiClient,
  type Answer,
  type Loose,
} from '../../../test/support/api-server.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
});
after(() => stop());

const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

function apply(url: string, body: object, { by = 'ann', force = false, query = '' } = {}): Promise<Answer> {
  return client.patch(
    `${url}?fieldManager=${by}${force ? '&force=true' : ''}${query}`,
    body,
    'application/apply-patch+yaml',
  );
}

function configMap(name: string, data: object, metadata: object = {}): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data };
}

function deployment(
  name: string,
  spec: object = {},
  containers: object[] = [{ name: 'web', image: 'nginx:1' }],
): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers } },
      ...spec,
    },
  };
}

/** "manager operation subresource" -> its fieldsV1. */
function owners({ json }: Answer): Record<string, Loose> {
  return Object.fromEntries(
    (json.metadata.managedFields ?? []).map((it: Loose) => [
      [it.manager, it.operation, it.subresource].filter(Boolean).join(' '),
      it.fieldsV1,
    ]),
  );
}

test('what is applied is made, with nothing of the defaults owned', async () => {
  const made = await apply(`${DEPLOYMENTS}/made`, deployment('made', { replicas: 2 }));
  assert.equal(made.code, 201);
  assert.equal(made.json.spec.template.spec.restartPolicy, 'Always');
  assert.deepEqual(owners(made), {
    'ann Apply': {
      'f:spec': {
        'f:replicas': {},
        'f:selector': {},
        'f:template': {
          'f:metadata': { 'f:labels': { 'f:app': {} } },
          'f:spec': { 'f:containers': { 'k:{"name":"web"}': { '.': {}, 'f:image': {}, 'f:name': {} } } },
        },
      },
    },
  });
  const [entry] = made.json.metadata.managedFields;
  assert.deepEqual([entry.apiVersion, entry.fieldsType], ['apps/v1', 'FieldsV1']);
  assert.match(entry.time, /^\d{4}-.*Z$/);
});

test('the same again changes nothing, not even the version', async () => {
  const first = await apply(`${CONFIG_MAPS}/same`, configMap('same', { a: '1' }));
  const again = await apply(`${CONFIG_MAPS}/same`, configMap('same', { a: '1' }));
  assert.equal(again.code, 200);
  assert.equal(again.json.metadata.resourceVersion, first.json.metadata.resourceVersion);
});

test('a field of somebody else is a conflict that names it, force takes it, agreeing shares it', async () => {
  await apply(`${CONFIG_MAPS}/fought`, configMap('fought', { a: '1', b: '1' }));
  const refused = await apply(`${CONFIG_MAPS}/fought`, configMap('fought', { a: '2' }), { by: 'bob' });
  assert.deepEqual([refused.code, refused.json.reason], [409, 'Conflict']);
  assert.equal(refused.json.message, 'Apply failed with 1 conflict: conflict with "ann": .data.a');
  assert.deepEqual(refused.json.details.causes, [
    { reason: 'FieldManagerConflict', message: 'conflict with "ann"', field: '.data.a' },
  ]);
  const shared = await apply(`${CONFIG_MAPS}/fought`, configMap('fought', { b: '1' }), { by: 'bob' });
  assert.deepEqual(owners(shared)['bob Apply'], { 'f:data': { 'f:b': {} } });
  assert.deepEqual(owners(shared)['ann Apply'], { 'f:data': { 'f:a': {}, 'f:b': {} } });
  const forced = await apply(`${CONFIG_MAPS}/fought`, configMap('fought', { a: '2' }), {
    by: 'bob',
    force: true,
  });
  assert.equal(forced.json.data.a, '2');
  assert.deepEqual(owners(forced), {
    'ann Apply': { 'f:data': { 'f:b': {} } },
    'bob Apply': { 'f:data': { 'f:a': {} } },
  });
});

test('several conflicts are listed by manager', async () => {
  await client.call(`${CONFIG_MAPS}?fieldManager=tool`, {
    method: 'POST',
    body: configMap('several', { a: '1', b: '1' }),
    type: 'application/json',
  });
  const refused = await apply(`${CONFIG_MAPS}/several`, configMap('several', { a: '2', b: '2' }));
  assert.match(
    refused.json.message,
    /^Apply failed with 2 conflicts: conflicts with "tool" using v1 at \S+Z:\n- \.data\.a\n- \.data\.b$/,
  );
});

test('what is no longer applied goes, unless somebody else has it', async () => {
  await apply(`${CONFIG_MAPS}/less`, configMap('less', { a: '1', b: '1', c: '1' }));
  await apply(`${CONFIG_MAPS}/less`, configMap('less', { b: '1' }), { by: 'bob' });
  const less = await apply(`${CONFIG_MAPS}/less`, configMap('less', { a: '1' }));
  assert.deepEqual(less.json.data, { a: '1', b: '1' });
  const none = await apply(`${CONFIG_MAPS}/less`, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'less' },
  });
  assert.deepEqual(none.json.data, { b: '1' });
});

test('lists are joined by their keys: containers, ports with a protocol, and what others put into an element stays', async () => {
  const ports = [{ containerPort: 80 }];
  await apply(`${DEPLOYMENTS}/lists`, deployment('lists', {}, [{ name: 'web', image: 'nginx:1', ports }]));
  await client.patch(
    `${DEPLOYMENTS}/lists?fieldManager=tool`,
    {
      spec: {
        template: {
          spec: {
            containers: [
              { name: 'web', env: [{ name: 'A', value: '1' }] },
              { name: 'side', image: 'busybox' },
            ],
          },
        },
      },
    },
    'application/strategic-merge-patch+json',
  );
  const again = await apply(
    `${DEPLOYMENTS}/lists`,
    deployment('lists', {}, [{ name: 'web', image: 'nginx:2' }]),
  );
  assert.equal(again.code, 200, again.text);
  const { containers } = again.json.spec.template.spec;
  assert.deepEqual(containers.map(({ name, image }: Loose) => [name, image]).sort(), [
    ['side', 'busybox'],
    ['web', 'nginx:2'],
  ]);
  const web = containers.find(({ name }: Loose) => name === 'web');
  assert.equal(web.ports, undefined);
  assert.deepEqual(web.env, [{ name: 'A', value: '1' }]);
});

test('a list whose elements cannot be told apart is refused with its field', async () => {
  const twice = [
    { name: 'web', image: 'a' },
    { name: 'web', image: 'b' },
  ];
  const refused = await apply(`${DEPLOYMENTS}/twice`, deployment('twice', {}, twice));
  assert.equal(refused.code, 400);
  assert.match(
    refused.json.message,
    /\.spec\.template\.spec\.containers: duplicate entries for key \{"name":"web"\}/,
  );
});

test('writes without apply own what they change, the status by itself', async () => {
  const made = await client.call(`${DEPLOYMENTS}?fieldManager=maker`, {
    method: 'POST',
    body: deployment('written'),
    type: 'application/json',
  });
  assert.deepEqual(owners(made)['maker Update']['f:spec']['f:strategy'], {
    '.': {},
    'f:rollingUpdate': { '.': {}, 'f:maxSurge': {}, 'f:maxUnavailable': {} },
    'f:type': {},
  });
  const scaled = await client.patch(`${DEPLOYMENTS}/written?fieldManager=other`, { spec: { replicas: 5 } });
  assert.deepEqual(owners(scaled)['other Update'], { 'f:spec': { 'f:replicas': {} } });
  assert.equal(owners(scaled)['maker Update']['f:spec']['f:replicas'], undefined);
  const status = await client.patch(`${DEPLOYMENTS}/written/status?fieldManager=controller`, {
    status: { replicas: 5 },
    metadata: { labels: { a: 'b' } },
  });
  assert.deepEqual(owners(status)['controller Update status'], { 'f:status': { 'f:replicas': {} } });
  await client.patch(`${DEPLOYMENTS}/written/scale?fieldManager=scaler`, { spec: { replicas: 7 } });
  const after = await client.get(`${DEPLOYMENTS}/written`);
  assert.deepEqual(owners(after)['scaler Update scale'], { 'f:spec': { 'f:replicas': {} } });
  const refused = await apply(`${DEPLOYMENTS}/written`, deployment('written', { replicas: 1 }));
  assert.match(
    refused.json.message,
    /conflict with "scaler" with subresource "scale" using apps\/v1 at \S+: \.spec\.replicas$/,
  );
});

test('the program names itself where it gives no manager', async () => {
  const made = await client.post(CONFIG_MAPS, configMap('agent', { a: '1' }));
  assert.deepEqual(Object.keys(owners(made)), ['unknown Update']);
});

test('an empty entry starts anew, an empty list changes nothing, what cannot be read is refused', async () => {
  await apply(`${CONFIG_MAPS}/anew`, configMap('anew', { a: '1' }));
  const kept = await client.patch(`${CONFIG_MAPS}/anew`, { metadata: { managedFields: [] } });
  assert.deepEqual(Object.keys(owners(kept)), ['ann Apply']);
  const wrong = await client.patch(`${CONFIG_MAPS}/anew`, {
    metadata: { managedFields: [{ operation: 'Other' }] },
  });
  assert.equal(wrong.code, 400);
  const anew = await client.patch(`${CONFIG_MAPS}/anew`, { metadata: { managedFields: [{}] } });
  assert.equal(anew.json.metadata.managedFields, undefined);
  // Nobody is known: whoever applies first fights with who was there before.
  const first = await apply(`${CONFIG_MAPS}/anew`, configMap('anew', { a: '2' }));
  assert.match(first.json.message, /conflict with "before-first-apply" using v1: \.data\.a/);
});

test('kubectl takes over what it applied from its own side', async () => {
  const last = JSON.stringify(configMap('mine', { a: '1' }));
  const body = configMap(
    'mine',
    { a: '1' },
    { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': last } },
  );
  await client.call(`${CONFIG_MAPS}?fieldManager=kubectl-client-side-apply`, {
    method: 'POST',
    body,
    type: 'application/json',
  });
  const other = await apply(`${CONFIG_MAPS}/mine`, configMap('mine', { a: '2' }), { by: 'ann' });
  assert.equal(other.code, 409);
  const own = await apply(`${CONFIG_MAPS}/mine`, configMap('mine', { a: '2' }), { by: 'kubectl' });
  assert.equal(own.code, 200, own.text);
  const { annotations } = own.json.metadata;
  assert.match(annotations['kubectl.kubernetes.io/last-applied-configuration'], /"a":"2"/);
});

test('options are checked: who applies must say who he is, force is for apply, managedFields are not applied', async () => {
  const nobody = await client.patch(`${CONFIG_MAPS}/x`, configMap('x', {}), 'application/apply-patch+yaml');
  assert.deepEqual([nobody.code, nobody.json.details.causes[0].field], [422, 'fieldManager']);
  await client.post(CONFIG_MAPS, configMap('x', {}));
  assert.equal((await client.patch(`${CONFIG_MAPS}/x?force=true`, {})).code, 400);
  const managed = await apply(
    `${CONFIG_MAPS}/x`,
    configMap('x', {}, { managedFields: [{ manager: 'a', operation: 'Apply' }] }),
  );
  assert.equal(managed.json.message, 'metadata.managedFields must be nil');
});

test('a dry run shows what would be and stores nothing', async () => {
  const tried = await apply(`${CONFIG_MAPS}/tried`, configMap('tried', { a: '1' }), { query: '&dryRun=All' });
  assert.equal(tried.code, 201);
  assert.deepEqual(Object.keys(owners(tried)), ['ann Apply']);
  assert.equal((await client.get(`${CONFIG_MAPS}/tried`)).code, 404);
});

test('the eleventh writer makes the oldest ones one', async () => {
  await client.post(CONFIG_MAPS, configMap('many', { a: '0' }));
  for (let i = 0; i < 12; i++)
    await client.patch(`${CONFIG_MAPS}/many?fieldManager=w${i}`, { data: { [`k${i}`]: '1' } });
  const many = await client.get(`${CONFIG_MAPS}/many`);
  assert.equal(many.json.metadata.managedFields.length, 10);
  const ancient = owners(many)['ancient-changes Update']['f:data'];
  assert.ok(Object.keys(ancient).length >= 3, JSON.stringify(ancient));
});
