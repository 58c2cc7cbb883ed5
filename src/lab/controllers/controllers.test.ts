import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { aNode, startControllerRig, type ControllerRig } from '../../../test/support/controller-rig.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { FakeKubeApi } from '../../../test/support/fake-kube-api.ts';
import { cachedKinds } from './all-controllers.ts';
import {
  CONFIG_MAPS,
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  NAMESPACES,
  NETWORK_POLICIES,
  NODES,
  PODS,
  REPLICA_SETS,
  SERVICE_ACCOUNTS,
  SERVICES,
  type Draft,
} from '../../kube/resource.ts';
import type { Deployment, Service } from '../../objects/api-types.ts';
import type { KubeObject } from '../../objects/meta.ts';

let api: FakeKubeApi;
let rig: ControllerRig;

beforeEach(async () => {
  api = new FakeKubeApi();
  rig = await startControllerRig(await api.start());
});
afterEach(async () => {
  await rig.stop();
  await api.stop();
});

function aDeployment(replicas: number, image = 'web:1'): Draft<Deployment> {
  return {
    metadata: { namespace: 'shop', name: 'web', generation: 1 },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      progressDeadlineSeconds: 600,
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'web', image, ports: [{ name: 'http', containerPort: 8080 }] }] },
      },
    },
  };
}

function aService(): Draft<Service> {
  return {
    metadata: { namespace: 'shop', name: 'web' },
    spec: {
      clusterIP: '10.96.0.7',
      ipFamilies: ['IPv4', 'IPv6'],
      selector: { app: 'web' },
      ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }],
    },
  };
}

function readyAddresses(type: string): readonly string[] {
  return api
    .all(ENDPOINT_SLICES)
    .filter((slice) => slice.addressType === type)
    .flatMap((slice) => slice.endpoints)
    .filter((endpoint) => endpoint.conditions?.ready === true)
    .flatMap((endpoint) => endpoint.addresses);
}

test('a Deployment becomes a ReplicaSet, pods on nodes, endpoints, and reports it', async () => {
  for (const name of ['a', 'b', 'c']) api.put(NODES, aNode(name));
  api.put(SERVICES, aService());
  api.put(DEPLOYMENTS, aDeployment(6));
  await eventually(() => {
    assert.equal(api.all(DEPLOYMENTS)[0]?.status?.availableReplicas, 6);
    assert.deepEqual([readyAddresses('IPv4').length, readyAddresses('IPv6').length], [6, 6]);
  });
  const perNode = Map.groupBy(api.all(PODS), (pod) => pod.spec?.nodeName);
  assert.deepEqual(
    [...perNode.values()].map((pods) => pods.length),
    [2, 2, 2],
  );
  assert.deepEqual(
    api.all(NODES).map((node) => node.spec?.podCIDRs),
    [
      ['10.244.0.0/24', 'fd00:10:244::/64'],
      ['10.244.1.0/24', 'fd00:10:244:1::/64'],
      ['10.244.2.0/24', 'fd00:10:244:2::/64'],
    ],
  );
  const conditions = api.all(DEPLOYMENTS)[0]?.status?.conditions ?? [];
  assert.deepEqual(
    conditions.map(({ type, status, reason }) => [type, status, reason]),
    [
      ['Available', 'True', 'MinimumReplicasAvailable'],
      ['Progressing', 'True', 'NewReplicaSetAvailable'],
    ],
  );
  assert.deepEqual(rig.problems, []);
});

test('a changed template rolls out within its bounds, and a rollback brings the old ReplicaSet back', async () => {
  api.put(NODES, aNode('a'));
  api.put(DEPLOYMENTS, aDeployment(4));
  await eventually(() => api.all(DEPLOYMENTS)[0]?.status?.availableReplicas === 4);
  const change = async (image: string): Promise<void> => {
    const template = aDeployment(4, image).spec?.template;
    await rig.client.patch(
      DEPLOYMENTS,
      { namespace: 'shop', name: 'web' },
      { spec: { template } },
      { type: 'merge' },
    );
  };
  let most = 0;
  let least = Infinity;
  const watch = setInterval(() => {
    most = Math.max(most, api.all(PODS).length);
    least = Math.min(least, api.all(PODS).filter((pod) => pod.status?.phase === 'Running').length);
  }, 1);
  await change('web:2');
  const images = (): readonly (string | undefined)[] =>
    api.all(PODS).map((pod) => pod.spec?.containers[0]?.image);
  await eventually(() => assert.deepEqual(images(), ['web:2', 'web:2', 'web:2', 'web:2']));
  clearInterval(watch);
  assert.ok(most <= 5 && least >= 4, `${least} to ${most} pods`);
  await change('web:1');
  await eventually(() => assert.deepEqual(images(), ['web:1', 'web:1', 'web:1', 'web:1']));
  const sets = api.all(REPLICA_SETS);
  const revisions = sets.map((set) => set.metadata.annotations?.['deployment.kubernetes.io/revision']);
  assert.deepEqual([sets.length, new Set(revisions)], [2, new Set(['2', '3'])]);
  assert.deepEqual(rig.problems, []);
});

test('300 pods are there and bound within seconds, and not one too many', async () => {
  for (const name of ['a', 'b', 'c']) api.put(NODES, aNode(name));
  const startMs = performance.now();
  api.put(DEPLOYMENTS, aDeployment(300));
  await eventually(() => api.all(DEPLOYMENTS)[0]?.status?.availableReplicas === 300, 20_000);
  const tookMs = performance.now() - startMs;
  assert.equal(api.all(PODS).length, 300);
  const posts = api.requests.filter(({ method, url }) => method === 'POST' && url.pathname.endsWith('/pods'));
  assert.equal(posts.length, 300);
  console.log(`300 pods in ${Math.round(tookMs)} ms, ${api.requests.length} requests`);
});

test('a pod that fits nowhere says why, and is placed when a node comes', async () => {
  api.put(NODES, aNode('full', { spec: { unschedulable: true } }));
  api.put(DEPLOYMENTS, aDeployment(1));
  const message = () => api.all(PODS)[0]?.status?.conditions?.[0]?.message;
  await eventually(() => message() === '0/1 nodes are available: 1 node(s) were unschedulable.');
  api.put(NODES, aNode('free'));
  await eventually(() => api.all(PODS)[0]?.spec?.nodeName === 'free');
});

test('every namespace gets its service account and the authority', async () => {
  api.put(NAMESPACES, { metadata: { name: 'shop' } });
  await eventually(() => api.all(SERVICE_ACCOUNTS).length === 1 && api.all(CONFIG_MAPS).length === 1);
  assert.equal(api.all(CONFIG_MAPS)[0]?.data?.['ca.crt'], 'PEM');
});

for (const propagationPolicy of ['Background', 'Foreground'] as const) {
  test(`deleting a Deployment in the ${propagationPolicy.toLowerCase()} deletes its ReplicaSets and pods`, async () => {
    api.put(NODES, aNode('a'));
    api.put(DEPLOYMENTS, aDeployment(3));
    await eventually(() => api.all(DEPLOYMENTS)[0]?.status?.availableReplicas === 3);
    await rig.client.delete(DEPLOYMENTS, { namespace: 'shop', name: 'web' }, { propagationPolicy });
    await eventually(() => {
      const left = [api.all(DEPLOYMENTS), api.all(REPLICA_SETS), api.all(PODS)].map((all) => all.length);
      assert.deepEqual(left, [0, 0, 0]);
    });
  });
}

test('deleting a Deployment as orphan leaves its ReplicaSet and pods, and an equal Deployment adopts them', async () => {
  api.put(NODES, aNode('a'));
  api.put(DEPLOYMENTS, aDeployment(3));
  await eventually(() => api.all(DEPLOYMENTS)[0]?.status?.availableReplicas === 3);
  const pods = api.all(PODS).map((pod) => pod.metadata.uid);
  const at = { namespace: 'shop', name: 'web' };
  await rig.client.delete(DEPLOYMENTS, at, { propagationPolicy: 'Orphan' });
  await eventually(() => api.all(DEPLOYMENTS).length === 0);
  assert.deepEqual(api.all(REPLICA_SETS)[0]?.metadata.ownerReferences, []);
  api.put(DEPLOYMENTS, aDeployment(3));
  await eventually(() => api.all(DEPLOYMENTS)[0]?.status?.availableReplicas === 3);
  assert.deepEqual(
    api.all(PODS).map((pod) => pod.metadata.uid),
    pods,
  );
});

test('deleting a namespace deletes all that is in it, then the namespace', async () => {
  api.put(NODES, aNode('a'));
  api.put(NAMESPACES, { metadata: { name: 'shop' }, spec: { finalizers: ['kubernetes'] } });
  api.put(SERVICES, aService());
  api.put(DEPLOYMENTS, aDeployment(3));
  await eventually(() => api.all(DEPLOYMENTS)[0]?.status?.availableReplicas === 3);
  await rig.client.delete(NAMESPACES, { name: 'shop' });
  await eventually(() => api.all(NAMESPACES).length === 0);
  const kinds = [SERVICES, ENDPOINT_SLICES, PODS, DEPLOYMENTS, REPLICA_SETS, CONFIG_MAPS, SERVICE_ACCOUNTS];
  assert.deepEqual(
    kinds.flatMap((kind) =>
      api.all<KubeObject>(kind).map(({ kind: name, metadata }) => [name, metadata.name]),
    ),
    [],
  );
});

test('policies of a namespace that is deleted stay until its last pod has gone', async () => {
  const finalizers = ['example.com/ends-slowly'];
  api.put(NAMESPACES, { metadata: { name: 'shop' }, spec: { finalizers: ['kubernetes'] } });
  api.put(PODS, { metadata: { namespace: 'shop', name: 'slow', finalizers }, spec: { containers: [] } });
  api.put(NETWORK_POLICIES, { metadata: { namespace: 'shop', name: 'deny' }, spec: { podSelector: {} } });
  api.put(SERVICES, aService());
  await rig.client.delete(NAMESPACES, { name: 'shop' });
  await eventually(() => {
    assert.equal(api.all(SERVICES).length, 0);
    assert.notEqual(api.all<KubeObject>(PODS)[0]?.metadata.deletionTimestamp, undefined);
  });
  // As long as a policy that were to go would take to be gone.
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(api.all(NETWORK_POLICIES).length, 1);
  await rig.client.patch(
    PODS,
    { namespace: 'shop', name: 'slow' },
    { metadata: { finalizers: null } },
    { type: 'merge', fieldManager: 'test' },
  );
  await eventually(() => api.all(NAMESPACES).length === 0);
  assert.equal(api.all(NETWORK_POLICIES).length, 0);
});

test('controllers that are started anew change nothing', async () => {
  api.put(NODES, aNode('a'));
  api.put(NAMESPACES, { metadata: { name: 'shop' } });
  api.put(SERVICES, aService());
  api.put(DEPLOYMENTS, aDeployment(5));
  await eventually(() => {
    assert.equal(api.all(DEPLOYMENTS)[0]?.status?.availableReplicas, 5);
    assert.equal(readyAddresses('IPv6').length, 5);
  });
  // Longer than any controller lets a key rest: what had to be written is written.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const before = api.requests.length;
  await rig.restart();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const writes = api.requests.slice(before).filter(({ method }) => method !== 'GET');
  assert.deepEqual(
    writes.map(({ method, url }) => `${method} ${url.pathname}`),
    [],
  );
});

test('nothing is asked in a tight loop while the API server is away', async () => {
  api.put(NODES, aNode('a'));
  api.put(DEPLOYMENTS, aDeployment(5));
  await eventually(() => api.all(DEPLOYMENTS)[0]?.status?.availableReplicas === 5);
  api.fault = () => 'destroy';
  api.endWatches('cut');
  const before = api.requests.length;
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const asked = api.requests.length - before;
  // Each kind's watch is tried after 0.1, 0.3, 0.7, 1.5 seconds at the soonest; the kubelet has one of its own.
  assert.ok(asked <= (cachedKinds().length + 1) * 4, `${asked} requests in 1.5 s`);
  api.fault = () => undefined;
  api.put(DEPLOYMENTS, aDeployment(7));
  await eventually(() => api.all(DEPLOYMENTS)[0]?.status?.availableReplicas === 7, 20_000);
});
