import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import {
  aNode,
  runningStatus,
  startControllerRig,
  type ControllerRig,
} from '../../../test/support/controller-rig.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { FakeKubeApi } from '../../../test/support/fake-kube-api.ts';
import {
  CONTROLLER_REVISIONS,
  DAEMON_SETS,
  JOBS,
  NODES,
  PODS,
  STATEFUL_SETS,
  type Draft,
} from '../../kube/resource.ts';
import type { DaemonSet, Job, Pod, StatefulSet } from '../../objects/api-types.ts';

let api: FakeKubeApi;
let rig: ControllerRig;
/** What the stand-in kubelet reports for the next pods; the default is ready. */
let statusOf: (pod: Pod, index: number) => unknown;

beforeEach(async () => {
  api = new FakeKubeApi();
  statusOf = (_pod, index) => runningStatus(index);
  rig = await startControllerRig(await api.start(), { statusOf: (pod, index) => statusOf(pod, index) });
});
afterEach(async () => {
  await rig.stop();
  await api.stop();
});

const at = (name: string) => ({ namespace: 'shop', name });

function template(app: string, image = 'db:1') {
  return { metadata: { labels: { app } }, spec: { containers: [{ name: 'main', image }] } };
}

function aStatefulSet(replicas: number, extra: Partial<StatefulSet['spec']> = {}): Draft<StatefulSet> {
  return {
    metadata: { ...at('db'), generation: 1 },
    spec: {
      replicas,
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template: template('db'),
      ...extra,
    },
  };
}

function podNames(): readonly string[] {
  return api
    .all(PODS)
    .map((pod) => pod.metadata.name)
    .sort((a, b) => (a < b ? -1 : 1));
}

function imagesByName(): Record<string, string | undefined> {
  return Object.fromEntries(api.all(PODS).map((pod) => [pod.metadata.name, pod.spec?.containers[0]?.image]));
}

test('a StatefulSet makes its pods in order, each with its own name and host name', async () => {
  api.put(NODES, aNode('a'));
  api.put(STATEFUL_SETS, aStatefulSet(3));
  await eventually(() => api.all(STATEFUL_SETS)[0]?.status?.readyReplicas === 3);
  assert.deepEqual(
    api.all(PODS).map((pod) => [pod.metadata.name, pod.spec?.hostname, pod.spec?.subdomain]),
    [
      ['db-0', 'db-0', 'db'],
      ['db-1', 'db-1', 'db'],
      ['db-2', 'db-2', 'db'],
    ],
  );
  assert.equal(api.all(PODS)[1]?.metadata.labels?.['statefulset.kubernetes.io/pod-name'], 'db-1');
  assert.deepEqual(rig.problems, []);
});

test('a StatefulSet waits for a pod that is not ready, a parallel one does not', async () => {
  statusOf = () => ({ phase: 'Running', conditions: [{ type: 'Ready', status: 'False' }] });
  api.put(NODES, aNode('a'));
  api.put(STATEFUL_SETS, aStatefulSet(3));
  const parallel = aStatefulSet(3, {
    podManagementPolicy: 'Parallel',
    selector: { matchLabels: { app: 'p' } },
    template: template('p'),
  });
  api.put(STATEFUL_SETS, { ...parallel, metadata: at('p') });
  await eventually(() => api.all(PODS).length === 4);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.deepEqual(podNames(), ['db-0', 'p-0', 'p-1', 'p-2']);
});

test('a StatefulSet updates from the last pod down to its partition', async () => {
  api.put(NODES, aNode('a'));
  api.put(
    STATEFUL_SETS,
    aStatefulSet(3, { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } }),
  );
  await eventually(() => api.all(STATEFUL_SETS)[0]?.status?.readyReplicas === 3);
  const patch = (spec: unknown) => rig.client.patch(STATEFUL_SETS, at('db'), { spec }, { type: 'merge' });
  await patch({ template: template('db', 'db:2') });
  await eventually(() =>
    assert.deepEqual(imagesByName(), { 'db-0': 'db:1', 'db-1': 'db:2', 'db-2': 'db:2' }),
  );
  // A pod below the partition that is made anew stays at the old template.
  await rig.client.delete(PODS, at('db-0'));
  await eventually(() => {
    assert.deepEqual(imagesByName(), { 'db-0': 'db:1', 'db-1': 'db:2', 'db-2': 'db:2' });
    assert.equal(api.all(STATEFUL_SETS)[0]?.status?.readyReplicas, 3);
  });
  await patch({ updateStrategy: { rollingUpdate: { partition: 0 } } });
  await eventually(() => {
    assert.deepEqual(imagesByName(), { 'db-0': 'db:2', 'db-1': 'db:2', 'db-2': 'db:2' });
    const { currentRevision, updateRevision, updatedReplicas } = api.all(STATEFUL_SETS)[0]?.status ?? {};
    assert.equal(currentRevision, updateRevision);
    assert.equal(updatedReplicas, 3);
  });
  assert.deepEqual(
    api.all(CONTROLLER_REVISIONS).map((each) => each.revision),
    [1, 2],
  );
});

test('a StatefulSet shrinks from the last pod', async () => {
  api.put(NODES, aNode('a'));
  api.put(STATEFUL_SETS, aStatefulSet(4));
  await eventually(() => api.all(STATEFUL_SETS)[0]?.status?.readyReplicas === 4);
  await rig.client.patch(STATEFUL_SETS, at('db'), { spec: { replicas: 1 } }, { type: 'merge' });
  await eventually(() => assert.deepEqual(podNames(), ['db-0']));
});

function aDaemonSet(): Draft<DaemonSet> {
  return {
    metadata: { ...at('log'), generation: 1 },
    spec: { selector: { matchLabels: { app: 'log' } }, template: template('log', 'log:1') },
  };
}

test('a DaemonSet has one pod on every node that it fits, also on a cordoned one, and follows the nodes', async () => {
  const taints = [{ key: 'only', value: 'db', effect: 'NoSchedule' }];
  api.put(NODES, aNode('a'));
  api.put(NODES, aNode('b', { spec: { unschedulable: true } }));
  api.put(NODES, aNode('c', { spec: { taints } }));
  api.put(DAEMON_SETS, aDaemonSet());
  const places = () =>
    api
      .all(PODS)
      .map((pod) => pod.spec?.nodeName)
      .sort((a, b) => ((a ?? '') < (b ?? '') ? -1 : 1));
  await eventually(() => assert.deepEqual(places(), ['a', 'b']));
  await rig.client.patch(NODES, { name: 'c' }, { spec: { taints: [] } }, { type: 'merge' });
  await eventually(() => assert.deepEqual(places(), ['a', 'b', 'c']));
  await eventually(() => {
    const { desiredNumberScheduled, numberReady } = api.all(DAEMON_SETS)[0]?.status ?? {};
    assert.deepEqual([desiredNumberScheduled, numberReady], [3, 3]);
  });
  api.delete(NODES, 'b');
  await eventually(() => assert.deepEqual(places(), ['a', 'c']));
});

test('a DaemonSet leaves its pod on a node that later takes no new ones, and takes it from one that bears none', async () => {
  api.put(NODES, aNode('a'));
  api.put(DAEMON_SETS, aDaemonSet());
  await eventually(() => api.all(DAEMON_SETS)[0]?.status?.numberAvailable === 1);
  const uid = api.all(PODS)[0]?.metadata.uid;
  const taint = (effect: string) =>
    rig.client.patch(
      NODES,
      { name: 'a' },
      { spec: { taints: [{ key: 'x', value: 'y', effect }] } },
      { type: 'merge' },
    );
  await taint('NoSchedule');
  await eventually(() => {
    const { desiredNumberScheduled, numberMisscheduled } = api.all(DAEMON_SETS)[0]?.status ?? {};
    assert.deepEqual([desiredNumberScheduled, numberMisscheduled], [0, 1]);
  });
  assert.deepEqual(
    api.all(PODS).map((pod) => pod.metadata.uid),
    [uid],
  );
  await taint('NoExecute');
  await eventually(() => assert.deepEqual(api.all(PODS), []));
});

test('a DaemonSet updates one node after another', async () => {
  for (const name of ['a', 'b', 'c']) api.put(NODES, aNode(name));
  api.put(DAEMON_SETS, aDaemonSet());
  await eventually(() => api.all(DAEMON_SETS)[0]?.status?.numberAvailable === 3);
  let least = 3;
  const watch = setInterval(() => {
    least = Math.min(least, api.all(PODS).filter((pod) => pod.status?.phase === 'Running').length);
  }, 1);
  const spec = { template: template('log', 'log:2') };
  await rig.client.patch(DAEMON_SETS, at('log'), { spec }, { type: 'merge' });
  await eventually(() => {
    const { updatedNumberScheduled, numberAvailable } = api.all(DAEMON_SETS)[0]?.status ?? {};
    assert.deepEqual([updatedNumberScheduled, numberAvailable], [3, 3]);
  });
  clearInterval(watch);
  assert.ok(least >= 2, `only ${least} pods worked`);
});

function aJob(spec: Partial<Job['spec']>): Draft<Job> {
  return {
    metadata: at('task'),
    spec: { parallelism: 1, completions: 1, backoffLimit: 6, template: template('task'), ...spec },
  };
}

function conditionsOfJob(): readonly (string | undefined)[] {
  return (api.all(JOBS)[0]?.status?.conditions ?? []).map(({ type, reason }) => `${type} ${reason}`);
}

test('a Job runs until enough pods succeeded', async () => {
  statusOf = () => ({ phase: 'Succeeded' });
  api.put(NODES, aNode('a'));
  api.put(JOBS, aJob({ completions: 5, parallelism: 2 }));
  await eventually(() => assert.deepEqual(conditionsOfJob(), ['Complete CompletionsReached']));
  const { succeeded, active, completionTime } = api.all(JOBS)[0]?.status ?? {};
  assert.deepEqual([succeeded, active, completionTime !== undefined], [5, 0, true]);
  assert.equal(api.all(PODS).length, 5);
});

test('an Indexed Job completes every index once', async () => {
  statusOf = () => ({ phase: 'Succeeded' });
  api.put(NODES, aNode('a'));
  api.put(JOBS, aJob({ completions: 4, parallelism: 4, completionMode: 'Indexed' }));
  await eventually(() => assert.deepEqual(conditionsOfJob(), ['Complete CompletionsReached']));
  assert.equal(api.all(JOBS)[0]?.status?.completedIndexes, '0-3');
  const indexes = api.all(PODS).map((pod) => pod.spec?.containers[0]?.env?.[0]?.value);
  assert.deepEqual(new Set(indexes), new Set(['0', '1', '2', '3']));
});

test('a Job fails at its backoff limit', async () => {
  statusOf = () => ({ phase: 'Failed' });
  api.put(NODES, aNode('a'));
  api.put(JOBS, aJob({ backoffLimit: 0 }));
  await eventually(() => assert.deepEqual(conditionsOfJob(), ['Failed BackoffLimitExceeded']));
  assert.equal(api.all(PODS).length, 1);
});

test('a finished Job goes after its time to live, with its pods', async () => {
  statusOf = () => ({ phase: 'Succeeded' });
  api.put(NODES, aNode('a'));
  api.put(JOBS, aJob({ ttlSecondsAfterFinished: 0 }));
  await eventually(() => api.all(JOBS).length === 0 && api.all(PODS).length === 0);
});
