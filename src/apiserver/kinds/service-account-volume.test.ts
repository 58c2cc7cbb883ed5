// Black box over HTTP: what pods get from their service account.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer, type ApiClient } from '../../../test/support/api-server.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
});
after(() => stop());

const PODS = '/api/v1/namespaces/default/pods';
const ACCOUNTS = '/api/v1/namespaces/default/serviceaccounts';
const PATH = '/var/run/secrets/kubernetes.io/serviceaccount';

interface Mount {
  readonly name: string;
  readonly mountPath: string;
}

function pod(name: string, spec: object = {}): object {
  return { metadata: { name }, spec: { containers: [{ name: 'main', image: 'busybox' }], ...spec } };
}

function mountsOf(container: { readonly volumeMounts?: readonly Mount[] }): readonly string[] {
  return (container.volumeMounts ?? []).map((it) => `${it.name.slice(0, 15)} ${it.mountPath}`);
}

test('a pod gets the volume of its service account, mounted into every container', async () => {
  const { json } = await client.post(
    PODS,
    pod('plain', { initContainers: [{ name: 'first', image: 'busybox' }] }),
  );
  const [volume] = json.spec.volumes;
  assert.match(volume.name, /^kube-api-access-[a-z0-9]{5}$/);
  assert.deepEqual(volume.projected, {
    defaultMode: 420,
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
  });
  const mount = { name: volume.name, readOnly: true, mountPath: PATH };
  assert.deepEqual(json.spec.containers[0].volumeMounts, [mount]);
  assert.deepEqual(json.spec.initContainers[0].volumeMounts, [mount]);
});

test('account and pod may refuse the volume, the word of the pod goes first; a mount of its own stays alone', async () => {
  await client.post(ACCOUNTS, {
    metadata: { name: 'quiet' },
    automountServiceAccountToken: false,
    imagePullSecrets: [{ name: 'pull' }],
  });
  const quiet = { serviceAccountName: 'quiet' };
  const own = [{ name: 'own', emptyDir: {} }];
  const volumeMounts = [{ name: 'own', mountPath: PATH }];
  const rows: readonly (readonly [string, object, readonly string[]])[] = [
    ['by-account', quiet, []],
    ['by-pod', { automountServiceAccountToken: false }, []],
    ['after-all', { ...quiet, automountServiceAccountToken: true }, [`kube-api-access ${PATH}`]],
    [
      'own',
      { volumes: own, containers: [{ name: 'main', image: 'busybox', volumeMounts }] },
      [`own ${PATH}`],
    ],
  ];
  for (const [name, spec, mounts] of rows) {
    const { json } = await client.post(PODS, pod(name, spec));
    assert.deepEqual(mountsOf(json.spec.containers[0]), mounts, name);
    if (name === 'by-account') assert.deepEqual(json.spec.imagePullSecrets, [{ name: 'pull' }]);
  }
});

test('an account that does not exist is refused, except where it is only asked about', async () => {
  const wanted = pod('lost', { serviceAccountName: 'nobody' });
  const refused = await client.post(PODS, wanted);
  assert.deepEqual([refused.code, refused.json.reason], [403, 'Forbidden']);
  assert.equal(
    refused.json.message,
    'pods "lost" is forbidden: error looking up service account default/nobody: serviceaccount "nobody" not found',
  );
  assert.equal((await client.post(`${PODS}?dryRun=All`, wanted)).code, 201);
});

test('a pod that is sent back as it was made keeps the volume and may change its image', async () => {
  const withImage = (image: string) => pod('again', { containers: [{ name: 'main', image }] });
  const made = await client.post(PODS, withImage('busybox:1'));
  const patched = await client.call(`${PODS}/again`, {
    method: 'PATCH',
    body: withImage('busybox:2'),
    type: 'application/merge-patch+json',
  });
  assert.equal(patched.code, 200, patched.text);
  assert.equal(patched.json.spec.containers[0].image, 'busybox:2');
  assert.deepEqual(patched.json.spec.volumes, made.json.spec.volumes);
  assert.deepEqual(patched.json.spec.containers[0].volumeMounts, made.json.spec.containers[0].volumeMounts);
});
