import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterOf } from '../../../../test/support/cluster-of.ts';
import { NODES, PODS, type Draft } from '../../../kube/resource.ts';
import type { Node, Pod } from '../../../objects/api-types.ts';
import { schedule } from './scheduler.ts';

function aNode(
  name: string,
  extra: Partial<NonNullable<Node['spec']>> = {},
  allocatable: Record<string, string> = {},
): Draft<Node> {
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, disk: name === 'a' ? 'ssd' : 'hdd' } },
    spec: extra,
    status: { allocatable: { cpu: '2', memory: '4Gi', pods: '10', ...allocatable } },
  };
}

function aPod(name: string, spec: Partial<NonNullable<Pod['spec']>> = {}): Draft<Pod> {
  return {
    metadata: { namespace: 'shop', name, labels: { app: 'web' } },
    spec: { containers: [{ name: 'c' }], ...spec },
  };
}

function withRequests(requests: Record<string, string>): Partial<NonNullable<Pod['spec']>> {
  return { containers: [{ name: 'c', resources: { requests } }] };
}

/** Pod -> its node, or why it has none. */
function placed(nodes: readonly Draft<Node>[], pods: readonly Draft<Pod>[]): Record<string, string> {
  const cluster = clusterOf([NODES, nodes], [PODS, pods]);
  const actions = schedule({ cluster, nowMs: 0, failure: undefined });
  return Object.fromEntries(
    actions.flatMap((action) => {
      if (action.kind === 'bind') return [[action.at.name, action.node]];
      const isRefusal = action.kind === 'event' && action.event.reason === 'FailedScheduling';
      return isRefusal ? [[action.about.metadata.name, action.event.message]] : [];
    }),
  );
}

const term = { labelSelector: { matchLabels: { app: 'web' } }, topologyKey: 'kubernetes.io/hostname' };
const apart = { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } };
const together = { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } };
const taint = { key: 'only', value: 'db', effect: 'NoSchedule' };

const ROWS: readonly {
  readonly name: string;
  readonly nodes: readonly Draft<Node>[];
  readonly pods: readonly Draft<Pod>[];
  readonly expected: Record<string, string>;
}[] = [
  { name: 'no nodes', nodes: [], pods: [aPod('p')], expected: { p: 'no nodes available to schedule pods' } },
  {
    name: 'spreads over equal nodes',
    nodes: [aNode('a'), aNode('b')],
    pods: [aPod('p1'), aPod('p2')],
    expected: { p1: 'a', p2: 'b' },
  },
  {
    name: 'obeys the node selector',
    nodes: [aNode('a'), aNode('b')],
    pods: [aPod('p', { nodeSelector: { disk: 'hdd' } })],
    expected: { p: 'b' },
  },
  {
    name: 'names the selector that nobody matches',
    nodes: [aNode('a'), aNode('b')],
    pods: [aPod('p', { nodeSelector: { disk: 'tape' } })],
    expected: { p: "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector." },
  },
  {
    name: 'obeys taints and tolerations',
    nodes: [aNode('a', { taints: [taint] })],
    pods: [aPod('no'), aPod('yes', { tolerations: [{ key: 'only', operator: 'Equal', value: 'db' }] })],
    expected: {
      no: '0/1 nodes are available: 1 node(s) had untolerated taint {only: db}.',
      yes: 'a',
    },
  },
  {
    name: 'counts what it places in the same look',
    nodes: [aNode('a')],
    pods: [aPod('p1', withRequests({ cpu: '1500m' })), aPod('p2', withRequests({ cpu: '600m' }))],
    expected: { p1: 'a', p2: '0/1 nodes are available: 1 Insufficient cpu.' },
  },
  {
    name: 'counts limits where there are no requests, and names each scarce resource',
    nodes: [aNode('a')],
    pods: [
      aPod('p', {
        containers: [{ name: 'c', resources: { limits: { cpu: '3', memory: '5Gi', gpu: '1' } } }],
      }),
    ],
    expected: {
      p: '0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient gpu, 1 Insufficient memory.',
    },
  },
  {
    name: 'is not stopped by a pod or a node that makes no sense',
    nodes: [aNode('a'), aNode('b', {}, { cpu: 'lots' })],
    pods: [aPod('bad', withRequests({ cpu: 'much' })), aPod('good', withRequests({ cpu: '1' }))],
    expected: { bad: '0/2 nodes are available: 2 Insufficient cpu.', good: 'a' },
  },
  {
    name: 'obeys the number of pods',
    nodes: [aNode('a', {}, { pods: '1' })],
    pods: [aPod('p1'), aPod('p2')],
    expected: { p1: 'a', p2: '0/1 nodes are available: 1 Too many pods.' },
  },
  {
    name: 'keeps host ports apart',
    nodes: [aNode('a')],
    pods: ['p1', 'p2'].map((name) =>
      aPod(name, { containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort: 80 }] }] }),
    ),
    expected: {
      p1: 'a',
      p2: "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
    },
  },
  {
    name: 'keeps pods apart that ask for it',
    nodes: [aNode('a'), aNode('b')],
    pods: [aPod('p1', apart), aPod('p2', apart), aPod('p3', apart)],
    expected: {
      p1: 'a',
      p2: 'b',
      p3: "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.",
    },
  },
  {
    name: 'keeps pods together that ask for it, the first one anywhere',
    nodes: [aNode('a'), aNode('b')],
    pods: [aPod('p1', together), aPod('p2', together), aPod('p3', together)],
    expected: { p1: 'a', p2: 'a', p3: 'a' },
  },
  {
    name: 'leaves pods of other schedulers, gated and bound ones alone',
    nodes: [aNode('a')],
    pods: [
      aPod('other', { schedulerName: 'mine' }),
      aPod('gated', { schedulingGates: [{ name: 'g' }] }),
      aPod('bound', { nodeName: 'a' }),
    ],
    expected: {},
  },
  {
    name: 'takes the higher priority first',
    nodes: [aNode('a', {}, { pods: '1' })],
    pods: [aPod('a-low'), aPod('z-high', { priority: 10 })],
    expected: { 'z-high': 'a', 'a-low': '0/1 nodes are available: 1 Too many pods.' },
  },
];

for (const { name, nodes, pods, expected } of ROWS) {
  test(`schedule() ${name}`, () => assert.deepEqual(placed(nodes, pods), expected));
}

test('schedule() does not repeat a reason that the pod carries already', () => {
  const message = 'no nodes available to schedule pods';
  const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
  assert.deepEqual(placed([], [{ ...aPod('p'), status: { conditions } }]), {});
});
