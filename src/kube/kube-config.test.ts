import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { hasCode } from '../base/errors.ts';
import { loadInClusterAccess, loadKubeConfig } from './kube-config.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 't-kube-config-'));
});
after(() => rm(folder, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  const whole = path.join(folder, name);
  await writeFile(whole, text);
  return whole;
}

const YAML = `
apiVersion: v1
kind: Config
current-context: lab
contexts:
  - name: lab
    context: { cluster: one, user: admin, namespace: shop }
  - name: other
    context: { cluster: one, user: token }
clusters:
  - name: one
    cluster:
      server: https://10.89.0.1:6443/prefix
      certificate-authority: ca.pem
      tls-server-name: kubernetes
users:
  - name: admin
    user:
      client-certificate-data: ${Buffer.from('CERT').toString('base64')}
      client-key: key.pem
  - name: token
    user: { tokenFile: token }
`;

test('loadKubeConfig() reads certificates from data and from files beside the kubeconfig', async () => {
  await file('ca.pem', 'CA');
  await file('key.pem', 'KEY');
  const access = await loadKubeConfig(await file('config', YAML));
  assert.equal(access.server.href, 'https://10.89.0.1:6443/prefix');
  assert.deepEqual(
    [access.authorities, access.serverName, access.isInsecure, access.namespace],
    ['CA', 'kubernetes', false, 'shop'],
  );
  assert.deepEqual(await access.credentials(), {
    certificate: 'CERT',
    key: 'KEY',
    authorization: undefined,
  });
});

test('loadKubeConfig() takes another context and its token file', async () => {
  await file('token', 'secret\n');
  const access = await loadKubeConfig(await file('config', YAML), 'other');
  assert.equal((await access.credentials()).authorization, 'Bearer secret');
  assert.equal(access.namespace, 'default');
});

test('loadKubeConfig() runs an exec plugin', async () => {
  const credential = {
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: { token: 'by-exec' },
  };
  const plugin = await file('plugin.cjs', `console.log(${JSON.stringify(JSON.stringify(credential))})`);
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: process.execPath,
    args: [plugin],
    interactiveMode: 'Never',
  };
  const config = {
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'one', user: 'u' } }],
    clusters: [{ name: 'one', cluster: { server: 'https://localhost:1' } }],
    users: [{ name: 'u', user: { exec } }],
  };
  const access = await loadKubeConfig(await file('exec.json', JSON.stringify(config)));
  assert.equal((await access.credentials()).authorization, 'Bearer by-exec');
});

for (const [name, text, message] of [
  ['no file', undefined, /Cannot read kubeconfig .*ENOENT/],
  ['no YAML', 'a: [', /Cannot read kubeconfig/],
  ['no context', '{"current-context":"x"}', /no context "x"/],
  [
    'no server',
    '{"current-context":"x","contexts":[{"name":"x","context":{"cluster":"c","user":"u"}}],"clusters":[{"name":"c","cluster":{}}]}',
    /server "" is no URL/,
  ],
] as const) {
  test(`loadKubeConfig() names the file and the cause: ${name}`, async () => {
    const target = text === undefined ? path.join(folder, 'absent') : await file('broken', text);
    await assert.rejects(loadKubeConfig(target), message);
  });
}

test('loadInClusterAccess() reads the service account, IPv6 too', async () => {
  await file('ca.crt', 'CA');
  await file('namespace', 'shop\n');
  await file('token', 'sa');
  const access = await loadInClusterAccess({ KUBERNETES_SERVICE_HOST: 'fd00::1' }, folder);
  assert.equal(access.server.href, 'https://[fd00::1]/');
  assert.deepEqual([access.namespace, (await access.credentials()).authorization], ['shop', 'Bearer sa']);
  await assert.rejects(loadInClusterAccess({}, folder), (error) => hasCode(error, 'unavailable'));
});
