import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test, type TestContext } from 'node:test';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { systemClock } from '../base/clock.ts';
import { Lifetime } from '../base/lifetime.ts';
import { NODES, SERVICES } from '../kube/resource.ts';
import { eventually } from '../../test/support/eventually.ts';
import { FakeKubeApi } from '../../test/support/fake-kube-api.ts';
import type { AgentContext } from './agent-context.ts';
import { startClusterWatch, type ClusterWatch } from './cluster-watch.ts';
import { parseAgentConfig } from './config.ts';
import { SERVICE_KIND } from './watched-kinds.ts';

const CONFIG = {
  nodeName: 'a',
  runDir: '/nowhere',
  stateDir: '/nowhere',
  pinDir: '/nowhere',
  objectDir: '/nowhere',
  cniSocket: '/nowhere',
  agentSocket: '/nowhere',
  clusterDomain: 'cluster.local',
};

function aContext(kubeconfig: string, lifetime: Lifetime, log: string[]): AgentContext {
  return {
    config: parseAgentConfig({ ...CONFIG, kubeconfig }),
    log: pino({}, { write: (line) => void log.push(line) }),
    clock: systemClock,
    random: Math.random,
    metrics: new Registry(),
    lifetime,
    collectGarbage: () => undefined,
    fail: (error) => assert.fail(String(error)),
  };
}

interface Rig {
  readonly api: FakeKubeApi;
  readonly log: readonly string[];
  readonly start: () => Promise<ClusterWatch>;
}

/** An API server in memory and a kubeconfig for it; both go with the test. */
async function aRig(t: TestContext): Promise<Rig> {
  const lifetime = new Lifetime('test');
  t.after(() => lifetime.close());
  const folder = mkdtempSync(`${tmpdir()}/t-watch-`);
  lifetime.defer('folder', () => rmSync(folder, { recursive: true }));
  const api = new FakeKubeApi();
  const { server } = await api.start();
  lifetime.defer('API', () => api.stop());
  const file = `${folder}/kubeconfig`;
  const clusters = [{ name: 't', cluster: { server: server.href } }];
  const contexts = [{ name: 't', context: { cluster: 't', user: 't' } }];
  writeFileSync(file, JSON.stringify({ 'current-context': 't', clusters, contexts }));
  const log: string[] = [];
  return { api, log, start: () => startClusterWatch(aContext(file, lifetime, log)) };
}

test('startClusterWatch() skips, counts and names an object that cannot be read, and keeps the others', async (t) => {
  const { api, log, start } = await aRig(t);
  const put = (name: string, ip: string): void => {
    api.put(SERVICES, { metadata: { namespace: 'shop', name }, spec: { clusterIPs: [ip] } });
  };
  put('bad', '10.96.0.300');
  put('good', '10.96.0.3');
  const watch = await start();
  await eventually(() => watch.store.isSynced);
  const services = watch.store.snapshot().of(SERVICE_KIND);
  assert.deepEqual([...services.keys()], ['shop/good']);
  assert.equal(watch.status().find((it) => it.kind === 'Service')?.refused, 1);
  assert.match(log.join(), /services shop\/bad.*spec\.clusterIPs\[0\].*10\.96\.0\.300/);
  put('bad', '10.96.0.30');
  await eventually(() => watch.store.table(SERVICE_KIND).has('shop/bad'));
});

test('startClusterWatch() drops updates that change nothing the network needs', async (t) => {
  const { api, start } = await aRig(t);
  const beat = (lastHeartbeatTime: string): void => {
    const conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime }];
    api.put(NODES, { metadata: { name: 'a' }, status: { conditions } });
  };
  beat('2026-01-01T00:00:00Z');
  const watch = await start();
  await eventually(() => watch.store.isSynced);
  const before = watch.store.snapshot().revision;
  const events = (): number => watch.status().find((it) => it.kind === 'Node')?.events ?? 0;
  const seen = events();
  beat('2026-01-01T00:00:10Z');
  await eventually(() => events() > seen);
  assert.equal(watch.store.snapshot().revision, before);
});
