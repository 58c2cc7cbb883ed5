// The control socket as a program of the kubelet part uses it: over connections that it keeps.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { after, test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { Lifetime } from '../../base/lifetime.ts';
import { serveControl } from './control-server.ts';
import { kernelPodSockets } from './kernel-pod-sockets.ts';
import { Workloads } from './workloads.ts';

const folder = mkdtempSync('/tmp/t-control-');
after(() => rmSync(folder, { recursive: true }));

test('serveControl() promises no end of an idle connection: a call that meets it would be lost', async () => {
  const lifetime = new Lifetime('control server of the test');
  const socketPath = `${folder}/control.sock`;
  const workloads = new Workloads({
    sockets: kernelPodSockets,
    clock: systemClock,
    resolve: () => Promise.resolve([]),
  });
  await serveControl(socketPath, workloads, lifetime);
  const agent = new http.Agent({ keepAlive: true });
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http.get({ socketPath, path: '/healthz', agent }, resolve).on('error', reject);
  });
  response.resume();
  // Node announces the time after which it hangs up ("timeout=5"), as long as there is one.
  assert.deepEqual(
    [response.headers['connection'], response.headers['keep-alive']],
    ['keep-alive', undefined],
  );
  agent.destroy();
  await lifetime.close();
});
