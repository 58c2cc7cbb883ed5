// Who the processes of a cluster are: nobody of them may do everything.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { clusterPaths } from '../../base/paths.ts';
import { makeClusterConfig } from './cluster-config.ts';
import { writeCredentials } from './credentials.ts';
import { kubeconfigOf } from './process-table.ts';

const folder = mkdtempSync(path.join(tmpdir(), 't-pki-'));
const ROOTS = { run: `${folder}/run`, state: `${folder}/state`, cgroup: '/none', netns: '/none' };
const CLUSTER = makeClusterConfig({ name: 'a', nodeCount: 2, network: 'vxlan', index: 0 });
const PATHS = clusterPaths(ROOTS, 'a');
const WHO = ['controller', 'kubelet', 'node-node-1', 'node-node-2'];

before(async () => {
  mkdirSync(PATHS.pki, { recursive: true });
  await writeCredentials(CLUSTER, ROOTS);
});
after(() => rmSync(folder, { recursive: true }));

function subjectOf(file: string): string {
  const data = /client-certificate-data: (\S+)/.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
  return new X509Certificate(Buffer.from(data, 'base64')).subject.replaceAll('\n', ' ');
}

function fileOf(who: string): string {
  return kubeconfigOf(ROOTS, 'a', who);
}

test('each process is somebody of its own, and only the admin is privileged', () => {
  assert.deepEqual(
    WHO.map((who) => subjectOf(fileOf(who))),
    [
      'CN=fairlead:controller O=fairlead:controllers',
      'CN=fairlead:kubelet O=fairlead:kubelets',
      'CN=fairlead:agent:node-1 O=fairlead:agents',
      'CN=fairlead:agent:node-2 O=fairlead:agents',
    ],
  );
  assert.equal(subjectOf(PATHS.kubeconfig), 'CN=kubernetes-admin O=system:masters');
});

test('what is there stays; what speaks for somebody else, or is half a file, is written anew', async () => {
  const before = WHO.map((who) => readFileSync(fileOf(who), 'utf8'));
  await writeCredentials(CLUSTER, ROOTS);
  assert.deepEqual(
    WHO.map((who) => readFileSync(fileOf(who), 'utf8')),
    before,
  );
  writeFileSync(fileOf('kubelet'), readFileSync(PATHS.kubeconfig));
  writeFileSync(fileOf('controller'), (before[0] ?? '').slice(0, 900));
  const admin = readFileSync(PATHS.kubeconfig, 'utf8');
  await writeCredentials(CLUSTER, ROOTS);
  assert.equal(subjectOf(fileOf('kubelet')), 'CN=fairlead:kubelet O=fairlead:kubelets');
  assert.equal(subjectOf(fileOf('controller')), 'CN=fairlead:controller O=fairlead:controllers');
  assert.equal(readFileSync(PATHS.kubeconfig, 'utf8'), admin);
});
