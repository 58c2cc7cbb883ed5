import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ConfigMap } from '../objects/api-types.ts';
import { FakeKubeApi } from '../../test/support/fake-kube-api.ts';
import { hasCode } from '../base/errors.ts';
import { statusOf } from './api-error.ts';
import { KubeClient } from './kube-client.ts';
import { CONFIG_MAPS, DEPLOYMENTS, NODES, nameOfKey, resourcePath, type Draft } from './resource.ts';

const api = new FakeKubeApi();
let client: KubeClient;

before(async () => {
  client = new KubeClient(await api.start());
});
after(async () => {
  client.close();
  await api.stop();
});

function aConfigMap(name: string): Draft<ConfigMap> {
  return { metadata: { namespace: 'shop', name }, data: { key: 'value' } };
}

test('resourcePath() writes core, grouped, cluster-wide and subresource paths', () => {
  assert.deepEqual(
    [
      resourcePath(CONFIG_MAPS),
      resourcePath(CONFIG_MAPS, { namespace: 'shop', name: 'a' }),
      resourcePath(DEPLOYMENTS, { namespace: 'shop', name: 'a' }, 'status'),
      resourcePath(NODES, { namespace: 'ignored', name: '../x' }),
    ],
    [
      '/api/v1/configmaps',
      '/api/v1/namespaces/shop/configmaps/a',
      '/apis/apps/v1/namespaces/shop/deployments/a/status',
      '/api/v1/nodes/..%2Fx',
    ],
  );
  assert.deepEqual(nameOfKey('shop/a'), { namespace: 'shop', name: 'a' });
});

test('KubeClient creates, gets, patches, replaces and deletes', async () => {
  const made = await client.create(CONFIG_MAPS, aConfigMap('crud'));
  assert.equal(made.data?.['key'], 'value');
  const at = { namespace: 'shop', name: 'crud' };
  await client.patch(CONFIG_MAPS, at, { data: { more: 'x', key: null } }, { type: 'merge' });
  const patched = await client.get(CONFIG_MAPS, at);
  assert.deepEqual(patched.data, { more: 'x' });
  await client.update(CONFIG_MAPS, { ...patched, data: { all: 'new' } });
  await assert.rejects(client.update(CONFIG_MAPS, patched), (error) => hasCode(error, 'conflict'));
  assert.equal(await client.delete(CONFIG_MAPS, at), true);
  assert.equal(await client.delete(CONFIG_MAPS, at), false);
});

test('KubeClient errors carry the code and the server’s Status', async () => {
  await client.create(CONFIG_MAPS, aConfigMap('twice'));
  await assert.rejects(client.create(CONFIG_MAPS, aConfigMap('twice')), (error) => {
    assert.ok(hasCode(error, 'already-exists'));
    assert.equal(statusOf(error)?.reason, 'AlreadyExists');
    assert.equal(error.message, 'Cannot create configmaps shop/twice: AlreadyExists');
    return true;
  });
});

for (const [fault, code] of [
  [401, 'forbidden'],
  [403, 'forbidden'],
  [422, 'invalid'],
  [429, 'unavailable'],
  [503, 'unavailable'],
  [410, 'gone'],
  ['destroy', 'unavailable'],
] as const) {
  test(`KubeClient maps ${fault} to ${code}`, async () => {
    api.fault = () => fault;
    try {
      const call = client.get(CONFIG_MAPS, { namespace: 'shop', name: 'x' });
      await assert.rejects(call, (error) => hasCode(error, code));
    } finally {
      api.fault = () => undefined;
    }
  });
}

test('KubeClient.list() joins all pages', async () => {
  for (let i = 0; i < 1203; i++) {
    api.put(CONFIG_MAPS, { metadata: { namespace: 'many', name: `c${i}` } });
  }
  const { items } = await client.list(CONFIG_MAPS, { namespace: 'many' });
  assert.equal(new Set(items.map((item) => item.metadata.name)).size, 1203);
  assert.equal(api.requests.filter(({ url }) => url.pathname.includes('/many/')).length, 3);
});

test('KubeClient gives up at its deadline and when its caller does', async () => {
  const silent = new KubeClient({
    server: client.server,
    isInsecure: false,
    namespace: 'default',
    credentials: () => new Promise((resolve) => setTimeout(resolve, 200, {})),
  });
  const at = { namespace: 'shop', name: 'x' };
  await assert.rejects(silent.get(CONFIG_MAPS, at, { timeoutMs: 50 }), (error) => hasCode(error, 'timeout'));
  const signal = AbortSignal.timeout(10);
  await assert.rejects(silent.get(CONFIG_MAPS, at, { signal }), (error) => hasCode(error, 'aborted'));
  silent.close();
});
