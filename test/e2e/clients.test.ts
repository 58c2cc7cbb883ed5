// Programs of other languages against the embedded API server: the Python client of Kubernetes, with all that people do with it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { startTestServer, type ApiClient, type ApiServerFiles } from '../support/api-server.ts';
import { FakeKubelet } from '../support/fake-kubelet.ts';
import { scaledMs } from '../support/time-scale.ts';

/** Debian's, which has Debian's packages; a machine may have others first in its path. */
const PYTHON = '/usr/bin/python3';
const PROGRAM = new URL('python-program.py', import.meta.url).pathname;
const NAMESPACE = 'programs';
/** Enough for the server to forget its first revision. */
const WRITES = 1100;
const AT_ONCE = 50;

const kubelet = new FakeKubelet();
const web = http.createServer((_request, response) => response.end('web'));
let files: ApiServerFiles;
let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ files, client, stop } = await startTestServer({}, 500));
  await kubelet.listen(files.at('kubelet.sock'));
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  await client.post('/api/v1/nodes', { metadata: { name: 'n1' } });
  await client.post('/api/v1/namespaces', { metadata: { name: NAMESPACE } });
  const spec = { nodeName: 'n1', containers: [{ name: 'main', image: 'busybox' }] };
  await client.post(`/api/v1/namespaces/${NAMESPACE}/pods`, { metadata: { name: 'web' }, spec });
  for (let written = 0; written < WRITES; written += AT_ONCE) {
    const writes = Array.from({ length: AT_ONCE }, (_, i) =>
      client.patch(`/api/v1/namespaces/${NAMESPACE}`, {
        metadata: { labels: { [`n${i}`]: String(written) } },
      }),
    );
    await Promise.all(writes);
  }
});
after(async () => {
  web.close();
  await kubelet.close();
  await stop();
});

test('a Python program: objects, patches, pages, watches, custom resources, commands, ports, leaders, tokens', async () => {
  const { port } = web.address() as AddressInfo;
  const args = [PROGRAM, files.kubeconfig(client.port), NAMESPACE, 'web', String(port)];
  const program = spawn(PYTHON, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: scaledMs(60_000) });
  let said = '';
  for (const output of [program.stdout, program.stderr]) output.on('data', (text) => (said += String(text)));
  const [code] = (await once(program, 'close')) as [number | null];
  assert.equal(code, 0, said);
  assert.ok([...said.matchAll(/^ok /gm)].length > 10, said);
});
