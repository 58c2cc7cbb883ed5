// Whatever is done in whatever order, with controllers that die, servers that fail and watches that lag: the end is the same.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { aNode, startControllerRig, type ControllerRig } from '../../../test/support/controller-rig.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { FakeKubeApi } from '../../../test/support/fake-kube-api.ts';
import {
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  EVENTS,
  NODES,
  PODS,
  REPLICA_SETS,
  SERVICES,
} from '../../kube/resource.ts';

const NAMES = ['one', 'two'] as const;

function putDeployment(api: FakeKubeApi, app: string, replicas: number, image: string): void {
  const known = api.all(DEPLOYMENTS).find(({ metadata }) => metadata.name === app);
  if (known?.metadata.deletionTimestamp !== undefined) return;
  api.put(DEPLOYMENTS, {
    ...known,
    metadata: {
      ...known?.metadata,
      namespace: 'shop',
      name: app,
      generation: (known?.metadata.generation ?? 0) + 1,
    },
    spec: {
      replicas,
      selector: { matchLabels: { app } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } },
      template: { metadata: { labels: { app } }, spec: { containers: [{ name: 'main', image }] } },
    },
  });
}

function putService(api: FakeKubeApi, app: string): void {
  const spec = {
    clusterIP: '10.96.0.9',
    ipFamilies: ['IPv4'],
    selector: { app },
    ports: [{ port: 80, protocol: 'TCP' }],
  };
  const known = api.all(SERVICES).find(({ metadata }) => metadata.name === app);
  api.put(SERVICES, { ...known, metadata: { ...known?.metadata, namespace: 'shop', name: app }, spec });
}

/** What the objects have to be, by what was asked for last. */
function assertSettled(api: FakeKubeApi): void {
  const deployments = api.all(DEPLOYMENTS);
  const wanted = deployments.flatMap(({ metadata, spec }) =>
    Array.from(
      { length: spec?.replicas ?? 0 },
      () => `${metadata.name} ${spec?.template.spec?.containers[0]?.image}`,
    ),
  );
  const pods = api.all(PODS);
  const found = pods.map((pod) => `${pod.metadata.labels?.['app']} ${pod.spec?.containers[0]?.image}`);
  const byText = (a: string, b: string) => (a < b ? -1 : 1);
  assert.deepEqual(found.sort(byText), wanted.sort(byText));
  assert.ok(pods.every((pod) => pod.status?.phase === 'Running'));
  const owners = new Set(deployments.map(({ metadata }) => metadata.uid));
  const sets = api.all(REPLICA_SETS);
  assert.ok(sets.every(({ metadata }) => owners.has(metadata.ownerReferences?.[0]?.uid ?? '')));
  for (const { metadata, status, spec } of deployments) {
    assert.deepEqual(
      [metadata.name, status?.availableReplicas, status?.observedGeneration],
      [metadata.name, spec?.replicas, metadata.generation],
    );
  }
  for (const service of api.all(SERVICES)) {
    const slices = api
      .all(ENDPOINT_SLICES)
      .filter((slice) => slice.metadata.ownerReferences?.[0]?.uid === service.metadata.uid);
    const addresses = slices.flatMap((slice) => slice.endpoints.flatMap((endpoint) => endpoint.addresses));
    const ips = pods
      .filter((pod) => pod.metadata.labels?.['app'] === service.metadata.name)
      .map((pod) => pod.status?.podIP ?? '');
    assert.deepEqual(addresses.sort(byText), ips.sort(byText));
  }
}

const step = fc.oneof(
  fc.record({
    do: fc.constant('deploy' as const),
    app: fc.constantFrom(...NAMES),
    replicas: fc.integer({ min: 0, max: 4 }),
    image: fc.constantFrom('v1', 'v2', 'v3'),
  }),
  fc.record({
    do: fc.constantFrom('service' as const, 'undeploy' as const, 'unservice' as const),
    app: fc.constantFrom(...NAMES),
  }),
  fc.record({ do: fc.constant('kill-pod' as const), which: fc.nat() }),
  fc.record({ do: fc.constantFrom('restart' as const, 'cut' as const, 'compact' as const, 'fail' as const) }),
  fc.record({ do: fc.constant('lag' as const), lagMs: fc.integer({ min: 0, max: 150 }) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

async function perform(each: Step, api: FakeKubeApi, rig: ControllerRig): Promise<void> {
  let faults = 0;
  switch (each.do) {
    case 'deploy':
      return putDeployment(api, each.app, each.replicas, each.image);
    case 'service':
      return putService(api, each.app);
    case 'undeploy':
      return api.delete(DEPLOYMENTS, `shop/${each.app}`);
    case 'unservice':
      return api.delete(SERVICES, `shop/${each.app}`);
    case 'kill-pod': {
      const pods = api.all(PODS);
      const pod = pods[each.which % Math.max(1, pods.length)];
      if (pod !== undefined) api.delete(PODS, `shop/${pod.metadata.name}`);
      return;
    }
    case 'restart':
      return rig.restart();
    case 'cut':
      return api.endWatches('cut');
    case 'compact':
      api.compact();
      return api.endWatches('cut');
    case 'fail':
      api.fault = () => (faults++ < 6 ? (faults % 2 === 0 ? 500 : 'destroy') : undefined);
      return;
    case 'lag':
      api.watchLagMs = each.lagMs;
  }
}

test('the controllers always arrive at what the objects ask for', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(step, fc.integer({ min: 0, max: 40 })), { maxLength: 14 }),
      async (steps) => {
        const api = new FakeKubeApi();
        const rig = await startControllerRig(await api.start());
        try {
          for (const name of ['a', 'b']) api.put(NODES, aNode(name));
          for (const [each, pauseMs] of steps) {
            await perform(each, api, rig);
            await new Promise((resolve) => setTimeout(resolve, pauseMs));
          }
          api.fault = () => undefined;
          await eventually(() => assertSettled(api), 15_000);
        } finally {
          await rig.stop();
          await api.stop();
        }
      },
    ),
    { numRuns: Number(process.env['FAIRLEAD_RUNS'] ?? 12) },
  );
});

test('a lagging watch never makes one pod too many', async () => {
  const api = new FakeKubeApi();
  api.watchLagMs = 300;
  const rig = await startControllerRig(await api.start());
  try {
    api.put(NODES, aNode('a'));
    putDeployment(api, 'one', 20, 'v1');
    await eventually(() => assertSettled(api), 15_000);
    const made = api.requests.filter(
      ({ method, url }) => method === 'POST' && url.pathname.endsWith('/pods'),
    );
    assert.equal(made.length, 20);
  } finally {
    await rig.stop();
    await api.stop();
  }
});

test('pods made and removed in turn leave no memory and no handles behind', async () => {
  const rounds = Number(process.env['FAIRLEAD_CHURN_ROUNDS'] ?? 6);
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void; // The flag above defines it.
  const api = new FakeKubeApi();
  const rig = await startControllerRig(await api.start());
  const heaps: number[] = [];
  const handles: number[] = [];
  try {
    for (const name of ['a', 'b', 'c']) api.put(NODES, aNode(name));
    putService(api, 'one');
    for (let round = 0; round < rounds; round++) {
      for (const replicas of [200, 0]) {
        putDeployment(api, 'one', replicas, 'v1');
        await eventually(() => assertSettled(api), 60_000);
      }
      // Events are meant to stay for an hour; here their time is over at once.
      for (const { metadata } of api.all(EVENTS)) api.delete(EVENTS, `shop/${metadata.name}`);
      api.compact();
      api.requests.length = 0;
      collectGarbage();
      heaps.push(process.memoryUsage().heapUsed / 1e6);
      handles.push(process.getActiveResourcesInfo().filter((name) => name !== 'Timeout').length);
    }
  } finally {
    await rig.stop();
    await api.stop();
  }
  const [early = 0, late = 0] = [heaps[Math.floor(rounds / 2) - 1], heaps.at(-1)];
  console.log(`heap in MB: ${heaps.map((mb) => mb.toFixed(1)).join(' ')}; handles: ${handles.join(' ')}`);
  // 5 percent would be 1 MB; what a process keeps while it warms up comes on top in a short run.
  assert.ok(late - early < 2, `the heap grew from ${early} to ${late} MB`);
  assert.ok((handles.at(-1) ?? 0) <= (handles[0] ?? 0) + 3, `handles: ${handles.join(' ')}`);
});
