// Black box over HTTP: ephemeral containers of pods, as kubectl debug writes them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer, type ApiClient } from '../../../test/support/api-server.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
  await client.post(PODS, { metadata: { name: 'app' }, spec: { containers: [MAIN] } });
});
after(() => stop());

const PODS = '/api/v1/namespaces/default/pods';
const MAIN = { name: 'main', image: 'nginx' };
const PART = `${PODS}/app/ephemeralcontainers`;
const STRATEGIC = 'application/strategic-merge-patch+json';

function patchOf(...ephemeralContainers: readonly object[]): object {
  return { spec: { ephemeralContainers } };
}

test('they are added one by one by name, with their defaults, and nothing else of the pod changes', async () => {
  const first = { name: 'one', image: 'busybox', stdin: true, tty: true, targetContainerName: 'main' };
  const { code, json } = await client.patch(PART, patchOf(first), STRATEGIC);
  assert.equal(code, 200, JSON.stringify(json));
  const [one] = json.spec.ephemeralContainers;
  assert.deepEqual(one, {
    ...first,
    resources: {},
    imagePullPolicy: 'Always',
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
  });
  const second = { name: 'two', image: 'busybox:1' };
  const both = await client.patch(PART, { ...patchOf(second), metadata: { labels: { a: 'b' } } }, STRATEGIC);
  assert.deepEqual(both.json.spec.ephemeralContainers.map((it: { name: string }) => it.name).toSorted(), [
    'one',
    'two',
  ]);
  assert.equal(both.json.metadata.labels, undefined);
  // PUT takes a whole pod and of it the one list.
  const pod = (await client.get(PART)).json;
  pod.spec.ephemeralContainers.push({ name: 'three', image: 'busybox' });
  pod.spec.containers[0].image = 'other';
  const put = await client.put(PART, pod);
  assert.equal(put.code, 200, JSON.stringify(put.json));
  assert.equal(put.json.spec.ephemeralContainers.length, 3);
  assert.equal(put.json.spec.containers[0].image, 'nginx');
  const stale = await client.put(PART, pod);
  assert.equal(stale.code, 409);
});

test('the kind of its own that they were before Kubernetes 1.22 is refused as servers since then do', async () => {
  const read = await client.get(PART);
  assert.equal(read.json.kind, 'Pod');
  const old = {
    apiVersion: 'v1',
    kind: 'EphemeralContainers',
    metadata: { name: 'app' },
    ephemeralContainers: [{ name: 'old', image: 'busybox' }],
  };
  const { code, json } = await client.put(PART, old);
  assert.deepEqual([code, json.reason], [400, 'BadRequest']);
  assert.equal(
    json.message,
    'EphemeralContainers in version "v1" cannot be handled as a Pod: no kind "EphemeralContainers" is registered for version "v1"',
  );
  const secret = await client.put(PART, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'app' } });
  assert.match(
    secret.json.message,
    /^Secret in version "v1" cannot be handled as a Pod: the path is of v1, /,
  );
});

test('what is there stays as it is', async () => {
  const pod = (await client.get(`${PODS}/app`)).json;
  const [one, ...others] = pod.spec.ephemeralContainers;
  const without = await client.put(PART, { ...pod, spec: { ...pod.spec, ephemeralContainers: others } });
  assert.equal(without.code, 422);
  assert.match(
    without.json.message,
    /spec\.ephemeralContainers: Forbidden: existing ephemeral containers "one" may not be removed/,
  );
  const changed = await client.patch(PART, patchOf({ name: one.name, image: 'other' }), STRATEGIC);
  assert.match(changed.json.message, /existing ephemeral containers "one" may not be changed/);
  // Nor by the pod itself.
  const main = await client.patch(`${PODS}/app`, patchOf({ name: 'four', image: 'busybox' }), STRATEGIC);
  assert.equal(main.code, 422);
  assert.match(main.json.message, /pod updates may not change fields other than/);
});

test('they have neither ports nor probes, resources or sub-paths, and no name twice', async () => {
  const rows: readonly (readonly [object, RegExp])[] = [
    [
      { ports: [{ containerPort: 80 }] },
      /ephemeralContainers\[\d\]\.ports: Forbidden: cannot be set for an Eph/,
    ],
    [{ livenessProbe: { exec: { command: ['x'] } } }, /livenessProbe: Forbidden/],
    [{ lifecycle: { preStop: { exec: { command: ['x'] } } } }, /lifecycle: Forbidden/],
    [{ resources: { limits: { cpu: '1' } } }, /resources: Forbidden/],
    [{ name: 'main' }, /name: Duplicate value: "main"/],
    [{ targetContainerName: 'nobody' }, /targetContainerName: Not found: "nobody"/],
    [{ image: '' }, /image: Required value/],
  ];
  for (const [more, expected] of rows) {
    const { code, json } = await client.patch(
      PART,
      patchOf({ name: 'wrong', image: 'busybox', ...more }),
      STRATEGIC,
    );
    assert.equal(code, 422, JSON.stringify(more));
    assert.match(json.message, expected);
  }
});

test('neither a new pod nor a template has them', async () => {
  const spec = { containers: [MAIN], ephemeralContainers: [{ name: 'one', image: 'busybox' }] };
  const pod = await client.post(PODS, { metadata: { name: 'early' }, spec });
  assert.match(pod.json.message, /spec\.ephemeralContainers: Forbidden: cannot be set on create/);
  const labels = { a: 'b' };
  const deployment = await client.post('/apis/apps/v1/namespaces/default/deployments', {
    metadata: { name: 'early' },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  });
  assert.match(deployment.json.message, /ephemeral containers not allowed in pod template/);
});

test('other verbs and other kinds are refused, discovery names the verbs', async () => {
  assert.equal((await client.post(PART, {})).code, 405);
  assert.equal((await client.get('/api/v1/namespaces/default/services/x/ephemeralcontainers')).code, 404);
  assert.equal((await client.get(`${PODS}/nobody/ephemeralcontainers`)).code, 404);
  const { json } = await client.get('/api/v1');
  const found = json.resources.find((it: { name: string }) => it.name === 'pods/ephemeralcontainers');
  assert.deepEqual([found.kind, found.verbs], ['Pod', ['get', 'patch', 'update']]);
});
