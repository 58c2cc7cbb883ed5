// Flags of queries as the clients of several languages write them: "true", "1", nothing at all, and Python's "True" and "False".

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { ADMIN_TOKEN, startTestServer, type ApiClient } from '../../../test/support/api-server.ts';
import { FakeKubelet } from '../../../test/support/fake-kubelet.ts';

const NAMESPACE = '/api/v1/namespaces/default';
const kubelet = new FakeKubelet();
let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  const started = await startTestServer();
  ({ client, stop } = started);
  await kubelet.listen(started.files.at('kubelet.sock'));
  await client.post('/api/v1/nodes', { metadata: { name: 'n1' } });
  const spec = { nodeName: 'n1', containers: [{ name: 'main', image: 'busybox' }] };
  await client.post(`${NAMESPACE}/pods`, { metadata: { name: 'p' }, spec });
});
after(async () => {
  await kubelet.close();
  await stop();
});

test('options of logs', async () => {
  const { text } = await client.get(
    `${NAMESPACE}/pods/p/log?follow=True&timestamps=False&previous=0&tailLines=5`,
  );
  assert.match(text, /line one/);
  assert.equal(kubelet.asked.at(-1), '/containerLogs/default/p/main?tailLines=5&follow=true');
});

async function upgraded(query: string): Promise<string | undefined> {
  const url = `wss://127.0.0.1:${client.port}${NAMESPACE}/pods/p/${query}`;
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const socket = new WebSocket(url, 'v4.channel.k8s.io', { headers, rejectUnauthorized: false });
  await once(socket, 'open');
  socket.terminate();
  return kubelet.asked.at(-1);
}

test('streams of exec and attach', async () => {
  const exec = await upgraded('exec?command=echo&command=stdin&stdin=False&stdout=True&stderr=1&tty=false');
  assert.equal(exec, '/exec/default/p/main?command=echo&command=stdin&stdout=true&stderr=true');
  assert.equal(await upgraded('attach?stdin&stdout=True'), '/attach/default/p/main?stdin=true&stdout=true');
});

test('ports of port-forward over channels', async () => {
  assert.equal(await upgraded('portforward?ports=80&ports=81'), '/portForward/default/p?port=80&port=81');
});

test('force of an apply, and orphans of a deletion', async () => {
  const url = `${NAMESPACE}/configmaps/c`;
  const apply = (manager: string, value: string, force: string): ReturnType<ApiClient['patch']> =>
    client.patch(
      `${url}?fieldManager=${manager}&force=${force}`,
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'c', finalizers: ['example.com/kept'] },
        data: { a: value },
      },
      'application/apply-patch+yaml',
    );
  assert.equal((await apply('one', '1', 'False')).code, 201);
  assert.equal((await apply('two', '2', 'False')).code, 409);
  assert.equal((await apply('two', '2', 'True')).code, 200);
  await client.delete(`${url}?orphanDependents=True`);
  const { json } = await client.get(url);
  assert.deepEqual(json.metadata.finalizers, ['example.com/kept', 'orphan']);
});
