// The controllers against the embedded API server: its defaults, validation, finalizers and watches instead of the fake's.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { ADMIN_TOKEN, startTestServer } from '../../../test/support/api-server.ts';
import { createNode, startControllerRig, type ControllerRig } from '../../../test/support/controller-rig.ts';
import { eventually } from '../../../test/support/eventually.ts';
import type { ClusterAccess } from '../../kube/cluster-access.ts';
import {
  DAEMON_SETS,
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  EVENTS,
  JOBS,
  LOAD_BALANCER_POOLS,
  NAMESPACES,
  NODES,
  PODS,
  REPLICA_SETS,
  SERVICES,
  STATEFUL_SETS,
  type Draft,
  type ResourceRef,
} from '../../kube/resource.ts';
import type { Deployment } from '../../objects/api-types.ts';

let stopServer: () => Promise<void>;
let rig: ControllerRig;

before(async () => {
  const { files, server, stop } = await startTestServer();
  stopServer = stop;
  const access: ClusterAccess = {
    server: new URL(`https://127.0.0.1:${server.addresses[0]?.port ?? 0}`),
    authorities: readFileSync(files.at('ca.crt'), 'utf8'),
    isInsecure: false,
    namespace: 'default',
    credentials: () => Promise.resolve({ authorization: `Bearer ${ADMIN_TOKEN}` }),
  };
  rig = await startControllerRig(access);
  for (const name of ['node-a', 'node-b', 'node-c']) await createNode(rig.client, name);
});
after(async () => {
  await rig.stop();
  await stopServer();
});

const template = (app: string, image = 'web:1') => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'main', image, ports: [{ name: 'http', containerPort: 8080 }] }] },
});

function aDeployment(namespace: string, replicas: number): Draft<Deployment> {
  return {
    metadata: { namespace, name: 'web' },
    spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: template('web') },
  };
}

async function makeNamespace(name: string): Promise<void> {
  await rig.client.create(NAMESPACES, { metadata: { name } });
}

test('nodes get their prefixes', async () => {
  await eventually(async () => {
    const { items } = await rig.client.list(NODES);
    assert.deepEqual(
      items.map((node) => node.spec?.podCIDRs?.length),
      [2, 2, 2],
    );
    assert.equal(new Set(items.map((node) => node.spec?.podCIDR)).size, 3);
  });
});

test('a Deployment with a Service comes up, rolls, scales, and goes with all it owns', async () => {
  await makeNamespace('shop');
  const at = { namespace: 'shop', name: 'web' };
  await rig.client.create(SERVICES, {
    metadata: at,
    spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] },
  });
  await rig.client.create(DEPLOYMENTS, aDeployment('shop', 6));
  const available = async (count: number): Promise<void> =>
    eventually(async () => {
      const { status, metadata } = await rig.client.get(DEPLOYMENTS, at);
      assert.equal(status?.observedGeneration, metadata.generation);
      assert.deepEqual(
        [status?.availableReplicas, status?.updatedReplicas, status?.replicas],
        [count, count, count],
      );
    }, 10_000);
  await available(6);
  await eventually(async () => {
    const { items } = await rig.client.list(ENDPOINT_SLICES, { namespace: 'shop' });
    assert.equal(items.flatMap((slice) => slice.endpoints).length, 6 * items.length);
    assert.ok(items.length > 0 && items.every((slice) => slice.ports?.[0]?.port === 8080));
  });
  await rig.client.patch(
    DEPLOYMENTS,
    at,
    { spec: { template: template('web', 'web:2') } },
    { type: 'merge' },
  );
  await available(6);
  await rig.client.patch(DEPLOYMENTS, at, { spec: { replicas: 2 } }, { type: 'merge', subresource: 'scale' });
  await available(2);
  await rig.client.delete(DEPLOYMENTS, at, { propagationPolicy: 'Foreground' });
  await eventually(async () => {
    const kinds: readonly ResourceRef[] = [DEPLOYMENTS, REPLICA_SETS, PODS];
    const lists = await Promise.all(kinds.map((kind) => rig.client.list(kind, { namespace: 'shop' })));
    assert.deepEqual(
      lists.map(({ items }) => items.length),
      [0, 0, 0],
    );
  });
  assert.deepEqual(rig.problems, []);
});

test('a StatefulSet, a DaemonSet and a Job come up with the defaults of the server', async () => {
  await makeNamespace('mixed');
  const selector = (app: string) => ({ matchLabels: { app } });
  await rig.client.create(STATEFUL_SETS, {
    metadata: { namespace: 'mixed', name: 'db' },
    spec: { replicas: 3, serviceName: 'db', selector: selector('db'), template: template('db') },
  });
  await rig.client.create(DAEMON_SETS, {
    metadata: { namespace: 'mixed', name: 'log' },
    spec: { selector: selector('log'), template: template('log') },
  });
  await rig.client.create(JOBS, {
    metadata: { namespace: 'mixed', name: 'task' },
    spec: { template: { spec: { ...template('x').spec, restartPolicy: 'Never' } } },
  });
  await eventually(async () => {
    const set = await rig.client.get(STATEFUL_SETS, { namespace: 'mixed', name: 'db' });
    const daemon = await rig.client.get(DAEMON_SETS, { namespace: 'mixed', name: 'log' });
    const job = await rig.client.get(JOBS, { namespace: 'mixed', name: 'task' });
    assert.deepEqual(
      [set.status?.availableReplicas, daemon.status?.numberAvailable, job.status?.active],
      [3, 3, 1],
    );
  }, 10_000);
  assert.deepEqual(rig.problems, []);
});

test('a namespace goes with everything in it', async () => {
  await makeNamespace('gone');
  await rig.client.create(DEPLOYMENTS, aDeployment('gone', 3));
  await eventually(async () => {
    const { status } = await rig.client.get(DEPLOYMENTS, { namespace: 'gone', name: 'web' });
    assert.equal(status?.availableReplicas, 3);
  });
  await rig.client.delete(NAMESPACES, { name: 'gone' });
  await eventually(async () => {
    const { items } = await rig.client.list(NAMESPACES);
    assert.ok(!items.some((each) => each.metadata.name === 'gone'));
  }, 10_000);
  assert.deepEqual((await rig.client.list(EVENTS, { namespace: 'gone' })).items, []);
  assert.deepEqual((await rig.client.list(PODS, { namespace: 'gone' })).items, []);
});

test('300 pods are available in far less than a minute', async () => {
  await makeNamespace('many');
  const startMs = performance.now();
  await rig.client.create(DEPLOYMENTS, aDeployment('many', 300));
  await eventually(async () => {
    const { status } = await rig.client.get(DEPLOYMENTS, { namespace: 'many', name: 'web' });
    assert.equal(status?.availableReplicas, 300);
  }, 40_000);
  console.log(`300 pods in ${Math.round(performance.now() - startMs)} ms`);
  assert.deepEqual(rig.problems, []);
});

test('a Service of type LoadBalancer has an address of a pool, keeps it over a restart, and gives it back', async () => {
  const pool = { metadata: { name: 'small' }, spec: { cidrs: ['192.0.2.1/32'] } };
  await rig.client.create(LOAD_BALANCER_POOLS, pool);
  const balanced = (name: string) => ({
    metadata: { name, namespace: 'default' },
    spec: { type: 'LoadBalancer' as const, ipFamilyPolicy: 'SingleStack' as const, ports: [{ port: 80 }] },
  });
  const ingressOf = async (name: string): Promise<unknown> =>
    (await rig.client.get(SERVICES, { name, namespace: 'default' })).status?.loadBalancer?.ingress;
  await rig.client.create(SERVICES, balanced('balanced'));
  await eventually(async () =>
    assert.deepEqual(await ingressOf('balanced'), [{ ip: '192.0.2.1', ipMode: 'VIP' }]),
  );
  await rig.restart();
  await rig.client.create(SERVICES, balanced('late'));
  await eventually(async () => {
    const events = (await rig.client.list(EVENTS, {})).items.filter(
      (it) => it.involvedObject.name === 'late',
    );
    assert.ok(events.some(({ reason }) => reason === 'LoadBalancerAddressUnavailable'));
  });
  assert.deepEqual(await ingressOf('balanced'), [{ ip: '192.0.2.1', ipMode: 'VIP' }]);
  const at = { name: 'balanced', namespace: 'default' };
  await rig.client.patch(SERVICES, at, { spec: { type: 'ClusterIP' } }, { type: 'merge' });
  await eventually(async () =>
    assert.deepEqual(await ingressOf('late'), [{ ip: '192.0.2.1', ipMode: 'VIP' }]),
  );
  await eventually(async () => {
    const { status } = await rig.client.get(LOAD_BALANCER_POOLS, { name: 'small' });
    assert.deepEqual(status, { used: 1, free: '0', overlaps: [] });
  });
});
