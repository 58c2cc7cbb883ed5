// Black box over HTTP: objects are created, read, changed, watched and deleted as the Kubernetes API defines it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer, type ApiClient } from '../../test/support/api-server.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
});
after(() => stop());

const PODS = '/api/v1/namespaces/default/pods';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

function configMap(
  name: string,
  data: Record<string, string> = {},
  labels: Record<string, string> = {},
): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels }, data };
}

function pod(name: string, spec: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'main', image: 'busybox' }], ...spec },
  };
}

test('an unauthenticated request gets 401, the open paths answer', async () => {
  assert.equal((await client.call(PODS, { token: null })).code, 401);
  assert.equal((await client.call(PODS, { token: 'wrong' })).json.reason, 'Unauthorized');
  assert.equal((await client.call('/readyz', { token: null })).text, 'ok');
  assert.equal((await client.call('/version', { token: null })).json.major, '1');
});

test('create gives identity, a second one of the name conflicts', async () => {
  const created = await client.post(CONFIG_MAPS, configMap('identity', { a: 'b' }));
  assert.equal(created.code, 201);
  const { uid, resourceVersion, creationTimestamp, namespace } = created.json.metadata;
  assert.match(uid, /^[0-9a-f-]{36}$/);
  assert.match(resourceVersion, /^\d+$/);
  assert.match(creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal(namespace, 'default');
  const again = await client.post(CONFIG_MAPS, configMap('identity'));
  assert.deepEqual([again.code, again.json.reason], [409, 'AlreadyExists']);
  assert.equal(again.json.message, 'configmaps "identity" already exists');
});

test('generateName makes a name; neither name nor generateName is refused with its field', async () => {
  const made = await client.post(CONFIG_MAPS, { metadata: { generateName: 'made-' } });
  assert.match(made.json.metadata.name, /^made-[a-z0-9]{5}$/);
  const refused = await client.post(CONFIG_MAPS, { metadata: {} });
  assert.equal(refused.code, 422);
  assert.equal(refused.json.details.causes[0].field, 'metadata.name');
});

test('a replace with an old resourceVersion conflicts, one that changes nothing keeps the version', async () => {
  const created = await client.post(CONFIG_MAPS, configMap('lock', { a: '1' }));
  const changed = await client.put(`${CONFIG_MAPS}/lock`, { ...created.json, data: { a: '2' } });
  assert.equal(changed.code, 200);
  const stale = await client.put(`${CONFIG_MAPS}/lock`, { ...created.json, data: { a: '3' } });
  assert.deepEqual([stale.code, stale.json.reason], [409, 'Conflict']);
  const same = await client.put(`${CONFIG_MAPS}/lock`, changed.json);
  assert.equal(same.json.metadata.resourceVersion, changed.json.metadata.resourceVersion);
});

test('creation in a missing namespace is 404, in a terminating one 403', async () => {
  assert.equal((await client.post('/api/v1/namespaces/nowhere/configmaps', configMap('a'))).code, 404);
  await client.post('/api/v1/namespaces', { metadata: { name: 'ending' } });
  const deleted = await client.delete('/api/v1/namespaces/ending');
  assert.equal(deleted.json.status.phase, 'Terminating');
  const refused = await client.post('/api/v1/namespaces/ending/configmaps', configMap('a'));
  assert.deepEqual([refused.code, refused.json.details.causes[0].reason], [403, 'NamespaceTerminating']);
  const finalized = await client.put('/api/v1/namespaces/ending/finalize', {
    ...deleted.json,
    spec: { finalizers: [] },
  });
  assert.equal(finalized.code, 200);
  assert.equal((await client.get('/api/v1/namespaces/ending')).code, 404);
});

test('finalizers hold a deleted object until the last one is taken away', async () => {
  const metadata = { name: 'held', finalizers: ['example.com/hold'] };
  await client.post(CONFIG_MAPS, { metadata });
  const marked = await client.delete(`${CONFIG_MAPS}/held`);
  assert.ok(marked.json.metadata.deletionTimestamp);
  const more = await client.patch(`${CONFIG_MAPS}/held`, {
    metadata: { finalizers: ['example.com/hold', 'example.com/more'] },
  });
  assert.equal(more.code, 422);
  assert.equal((await client.patch(`${CONFIG_MAPS}/held`, { metadata: { finalizers: null } })).code, 200);
  assert.equal((await client.get(`${CONFIG_MAPS}/held`)).code, 404);
});

test('a foreground deletion waits for the garbage collector', async () => {
  await client.post(CONFIG_MAPS, configMap('fore'));
  const marked = await client.delete(`${CONFIG_MAPS}/fore`, { propagationPolicy: 'Foreground' });
  assert.deepEqual(marked.json.metadata.finalizers, ['foregroundDeletion']);
});

test('a pod that runs keeps its grace period; the kubelet ends it with its uid and grace 0', async () => {
  const created = await client.post(
    PODS,
    pod('graceful', { nodeName: 'n1', terminationGracePeriodSeconds: 7 }),
  );
  const marked = await client.delete(`${PODS}/graceful`);
  assert.equal(marked.json.metadata.deletionGracePeriodSeconds, 7);
  const other = await client.delete(`${PODS}/graceful`, {
    gracePeriodSeconds: 0,
    preconditions: { uid: 'other' },
  });
  assert.equal(other.code, 409);
  const body = { gracePeriodSeconds: 0, preconditions: { uid: created.json.metadata.uid } };
  assert.equal((await client.delete(`${PODS}/graceful`, body)).code, 200);
  assert.equal((await client.get(`${PODS}/graceful`)).code, 404);
});

test('a pod that was never bound goes at once', async () => {
  await client.post(PODS, pod('unbound'));
  await client.delete(`${PODS}/unbound`);
  assert.equal((await client.get(`${PODS}/unbound`)).code, 404);
});

test('binding assigns a node once', async () => {
  await client.post(PODS, pod('bindme'));
  const binding = {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name: 'bindme' },
    target: { kind: 'Node', name: 'n7' },
  };
  assert.equal((await client.post(`${PODS}/bindme/binding`, binding)).code, 201);
  const bound = await client.get(`${PODS}/bindme`);
  assert.equal(bound.json.spec.nodeName, 'n7');
  assert.equal(bound.json.status.conditions[0].type, 'PodScheduled');
  assert.equal((await client.post(`${PODS}/bindme/binding`, binding)).code, 409);
});

test('the status subresource changes the status alone, the main resource everything else', async () => {
  const created = await client.post(PODS, pod('split'));
  assert.equal(created.json.status.phase, 'Pending');
  const status = {
    ...created.json,
    metadata: { ...created.json.metadata, labels: { no: 'no' } },
    status: { phase: 'Running' },
  };
  const changed = await client.put(`${PODS}/split/status`, status);
  assert.deepEqual([changed.json.status.phase, changed.json.metadata.labels], ['Running', undefined]);
  const main = await client.patch(`${PODS}/split`, {
    metadata: { labels: { a: 'b' } },
    status: { phase: 'Failed' },
  });
  assert.deepEqual([main.json.status.phase, main.json.metadata.labels], ['Running', { a: 'b' }]);
});

test('generation counts changes of the specification alone', async () => {
  const url = '/apis/apps/v1/namespaces/default/deployments';
  const template = { metadata: { labels: { app: 'g' } }, spec: { containers: [{ name: 'a', image: 'b' }] } };
  const spec = { selector: { matchLabels: { app: 'g' } }, template };
  assert.equal((await client.post(url, { metadata: { name: 'g' }, spec })).json.metadata.generation, 1);
  assert.equal(
    (await client.patch(`${url}/g`, { metadata: { labels: { a: 'b' } } })).json.metadata.generation,
    1,
  );
  assert.equal(
    (await client.patch(`${url}/g/status`, { status: { replicas: 1 } })).json.metadata.generation,
    1,
  );
  const scaled = await client.patch(`${url}/g/scale`, { spec: { replicas: 4 } });
  assert.deepEqual(
    [scaled.json.kind, scaled.json.spec.replicas, scaled.json.status.selector],
    ['Scale', 4, 'app=g'],
  );
  assert.equal((await client.get(`${url}/g`)).json.metadata.generation, 2);
});

test('lists select by labels and fields, and go in pages', async () => {
  for (const i of [1, 2, 3, 4, 5])
    await client.post(CONFIG_MAPS, configMap(`page-${i}`, {}, { page: i % 2 ? 'odd' : 'even' }));
  const odd = await client.get(`${CONFIG_MAPS}?labelSelector=page%3Dodd`);
  assert.deepEqual(
    odd.json.items.map((it: { metadata: { name: string } }) => it.metadata.name),
    ['page-1', 'page-3', 'page-5'],
  );
  const one = await client.get(`${CONFIG_MAPS}?fieldSelector=metadata.name%3Dpage-2`);
  assert.equal(one.json.items.length, 1);
  assert.equal((await client.get(`${CONFIG_MAPS}?fieldSelector=data.a%3Db`)).code, 400);
  const names: string[] = [];
  let token = '';
  do {
    const page = await client.get(`${CONFIG_MAPS}?labelSelector=page&limit=2&continue=${token}`);
    names.push(...page.json.items.map((it: { metadata: { name: string } }) => it.metadata.name));
    token = page.json.metadata.continue ?? '';
  } while (token !== '');
  assert.deepEqual(names, ['page-1', 'page-2', 'page-3', 'page-4', 'page-5']);
});

test('pages show the state of the first one, whatever changes meanwhile', async () => {
  const URL = `${CONFIG_MAPS}?labelSelector=pages`;
  for (const name of ['p1', 'p2', 'p3', 'p4'])
    await client.post(CONFIG_MAPS, configMap(name, { a: '1' }, { pages: '' }));
  const first = await client.get(`${URL}&limit=1`);
  const { resourceVersion } = first.json.metadata;
  await client.delete(`${CONFIG_MAPS}/p2`);
  await client.patch(`${CONFIG_MAPS}/p3`, { data: { a: '2' } });
  await client.post(CONFIG_MAPS, configMap('p31', {}, { pages: '' }));
  const rest = await client.get(`${URL}&limit=9&continue=${first.json.metadata.continue}`);
  assert.deepEqual(
    rest.json.items.map((it: { metadata: { name: string }; data: { a: string } }) => [
      it.metadata.name,
      it.data.a,
    ]),
    [
      ['p2', '1'],
      ['p3', '1'],
      ['p4', '1'],
    ],
  );
  assert.equal(rest.json.metadata.resourceVersion, resourceVersion);
  const exact = await client.get(`${URL}&resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`);
  assert.equal(exact.json.items.length, 4);
  assert.equal((await client.get(`${URL}&resourceVersionMatch=Exact`)).code, 400);
  assert.equal((await client.get(`${URL}&resourceVersion=1&resourceVersionMatch=Other`)).code, 400);
});

test('a watch gives what comes, changes and goes, from the revision of a list on', async () => {
  const { resourceVersion } = (await client.get(CONFIG_MAPS)).json.metadata;
  await client.post(CONFIG_MAPS, configMap('seen', {}, { seen: 'yes' }));
  const watch = client.watch(
    `${CONFIG_MAPS}?watch=1&resourceVersion=${resourceVersion}&labelSelector=seen%3Dyes`,
  );
  assert.equal((await watch.next())?.type, 'ADDED');
  await client.patch(`${CONFIG_MAPS}/seen`, { data: { a: 'b' } });
  assert.equal((await watch.next())?.object.data.a, 'b');
  await client.patch(`${CONFIG_MAPS}/seen`, { metadata: { labels: { seen: 'no' } } });
  const left = await watch.next();
  assert.deepEqual([left?.type, left?.object.metadata.labels.seen], ['DELETED', 'yes']);
  await client.patch(`${CONFIG_MAPS}/seen`, { metadata: { labels: { seen: 'yes' } } });
  assert.equal((await watch.next())?.type, 'ADDED');
  const { metadata } = (await client.get(`${CONFIG_MAPS}/seen`)).json;
  await client.delete(`${CONFIG_MAPS}/seen`);
  const gone = await watch.next();
  assert.equal(gone?.type, 'DELETED');
  assert.ok(Number(gone?.object.metadata.resourceVersion) > Number(metadata.resourceVersion));
  watch.close();
});

test('WatchList sends what is there and says when that is all', async () => {
  await client.post(CONFIG_MAPS, configMap('initial', {}, { initial: 'x' }));
  const query =
    'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=initial';
  const watch = client.watch(`${CONFIG_MAPS}?${query}`);
  assert.equal((await watch.next())?.object.metadata.name, 'initial');
  const mark = await watch.next();
  assert.equal(mark?.type, 'BOOKMARK');
  assert.equal(mark?.object.metadata.annotations['k8s.io/initial-events-end'], 'true');
  watch.close();
  assert.equal((await client.get(`${CONFIG_MAPS}?watch=1&sendInitialEvents=true`)).code, 422);
});

test('a watch ends after its timeoutSeconds with a bookmark', async () => {
  const watch = client.watch(
    `${CONFIG_MAPS}?watch=1&resourceVersion=${(await client.get(CONFIG_MAPS)).json.metadata.resourceVersion}&timeoutSeconds=1&allowWatchBookmarks=true`,
  );
  assert.equal((await watch.next())?.type, 'BOOKMARK');
  assert.equal(await watch.next(), undefined);
});

test('a dry run stores nothing', async () => {
  assert.equal((await client.post(`${CONFIG_MAPS}?dryRun=All`, configMap('dry'))).code, 201);
  assert.equal((await client.get(`${CONFIG_MAPS}/dry`)).code, 404);
});

test('a quota is shown with what is used of it, requests and limits apart', async () => {
  const quotas = '/api/v1/namespaces/default/resourcequotas';
  const hard = { pods: '10', 'limits.cpu': '4', 'requests.cpu': '2' };
  assert.equal((await client.post(quotas, { metadata: { name: 'q' }, spec: { hard } })).code, 201);
  const used = { pods: '3', 'limits.cpu': '500m' };
  assert.equal((await client.patch(`${quotas}/q/status`, { status: { hard, used } })).code, 200);
  const { json } = await client.get(`${quotas}/q`, 'application/json;as=Table;v=v1;g=meta.k8s.io');
  assert.deepEqual(
    json.columnDefinitions.map(({ name }: { name: string }) => name),
    ['Name', 'Request', 'Limit', 'Age'],
  );
  assert.deepEqual(json.rows[0].cells.slice(0, 3), [
    'q',
    'pods: 3/10, requests.cpu: 0/2',
    'limits.cpu: 500m/4',
  ]);
  assert.equal((await client.delete(`${quotas}/q`)).code, 200);
});
