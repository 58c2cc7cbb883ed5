// Discovery as clients read it before anything else.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startTestServer, type Loose } from '../../test/support/api-server.ts';

const { client, stop } = await startTestServer();
after(stop);

test('kinds say by a hash in which version they are kept, the one that other servers give as well', async () => {
  const { json } = await client.get('/api/v1');
  const hashes = new Map<string, string | undefined>(
    json.resources.map((it: Loose) => [it.name, it.storageVersionHash]),
  );
  assert.equal(hashes.get('pods'), 'xPOwRZ+Yhw8=');
  assert.equal(hashes.get('services'), '0/CO1lhkEBI=');
  assert.equal(hashes.get('configmaps'), 'qFsyl6wFWjQ=');
  // What is not kept has none.
  for (const name of ['pods/log', 'bindings']) assert.equal(hashes.get(name), undefined, name);
});

test('versions of a kind that are kept in one say the same', async () => {
  const hashOf = async (version: string): Promise<unknown> => {
    const { json } = await client.get(`/apis/gateway.networking.k8s.io/${version}`);
    return json.resources.find((it: Loose) => it.name === 'httproutes').storageVersionHash;
  };
  assert.equal(await hashOf('v1beta1'), await hashOf('v1'));
});
