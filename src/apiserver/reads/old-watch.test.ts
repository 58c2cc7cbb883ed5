// Watches by the paths that they had before lists had a parameter for them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ALICE, startTestServer, type ApiClient } from '../../../test/support/api-server.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
  await client.post('/api/v1/namespaces/default/configmaps', { metadata: { name: 'seen' } });
});
after(() => stop());

for (const path of ['namespaces/default/configmaps', 'configmaps', 'namespaces/default/configmaps/seen']) {
  test(`a watch of ${path}`, async () => {
    const reader = client.watch(`/api/v1/watch/${path}?fieldSelector=metadata.name%3Dseen`);
    const event = await reader.next();
    assert.deepEqual([event?.type, event?.object.metadata.name], ['ADDED', 'seen']);
    reader.close();
  });
}

test('it takes the right to watch', async () => {
  const refused = await client.call('/apis/apps/v1/watch/deployments', { token: ALICE });
  assert.equal(refused.code, 403);
  assert.match(refused.json.message, /^deployments\.apps is forbidden: User "alice" cannot watch resource/);
});

test('nothing else is there', async () => {
  for (const path of [
    '/api/v1/watch',
    '/api/v1/watch/nothing',
    '/api/v1/namespaces/default/watch/configmaps',
  ])
    assert.equal((await client.get(path)).code, 404, path);
  assert.equal((await client.post('/api/v1/watch/configmaps', {})).code, 404);
});
