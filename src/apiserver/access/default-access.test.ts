// The roles that come with a cluster, over starts of its server.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ApiClient, ApiServerFiles, type Loose } from '../../../test/support/api-server.ts';
import { startApiServer } from '../main.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';

const files = new ApiServerFiles();
after(() => files.remove());

/** Starts a server on the same files for `body`. */
async function withServer(body: (client: ApiClient) => Promise<void>): Promise<void> {
  const server = await startApiServer(files.config());
  const client = new ApiClient(server.addresses[0]?.port ?? 0);
  try {
    await body(client);
  } finally {
    client.close();
    await server.close();
  }
}

test('a start completes what lacks, leaves what was added and what is to be left, and writes nothing more', async () => {
  const url = (name: string): string => `${RBAC}/clusterroles/${name}`;
  const binding = `${RBAC}/clusterrolebindings/system:discovery`;
  const added = { apiGroups: ['example.com'], resources: ['widgets'], verbs: ['get'] };
  await withServer(async (client) => {
    await client.patch(url('fairlead:kubelet'), { rules: [added] });
    await client.patch(url('system:monitoring'), {
      rules: [],
      metadata: { annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } },
    });
    await client.patch(binding, { subjects: [] });
    assert.equal((await client.delete(url('view'))).code, 200);
  });
  let revision = '';
  await withServer(async (client) => {
    const { rules } = (await client.get(url('fairlead:kubelet'))).json;
    assert.deepEqual(rules[0], added);
    assert.ok(rules.some((it: Loose) => it.resources.includes('secrets')));
    assert.deepEqual((await client.get(url('system:monitoring'))).json.rules, []);
    assert.equal((await client.get(binding)).json.subjects.length, 1);
    assert.ok((await client.get(url('view'))).json.rules.length > 5);
    revision = (await client.get(`${RBAC}/clusterroles`)).json.metadata.resourceVersion;
  });
  await withServer(async (client) => {
    const { items } = (await client.get(`${RBAC}/clusterroles`)).json;
    const written = items.filter((it: Loose) => Number(it.metadata.resourceVersion) > Number(revision));
    assert.deepEqual(
      written.map((it: Loose) => it.metadata.name),
      [],
    );
  });
});
