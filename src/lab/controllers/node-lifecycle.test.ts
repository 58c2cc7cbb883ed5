import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterOf } from '../../../test/support/cluster-of.ts';
import { LEASES, NODES, PODS, type Draft } from '../../kube/resource.ts';
import type { Node, Pod } from '../../objects/api-types.ts';
import { timeText } from '../../base/clock.ts';
import { watchNode } from './node-lifecycle.ts';

const NOW_MS = Date.parse('2026-01-01T12:00:00Z');
const UNREACHABLE = ['NoSchedule', 'NoExecute'].map((effect) => ({
  key: 'node.kubernetes.io/unreachable',
  effect,
}));

interface World {
  /** How long ago the kubelet renewed its lease; undefined for no lease. */
  readonly silentS?: number;
  readonly ready: { readonly status: string; readonly sinceS: number };
  readonly taints?: NonNullable<Node['spec']>['taints'];
  readonly tolerationSeconds?: number;
}

/** What happens, in words. */
function outcome(world: World): readonly string[] {
  const at = (secondsAgo: number) => timeText(NOW_MS - secondsAgo * 1000);
  const node: Draft<Node> = {
    metadata: { name: 'a' },
    spec: { taints: world.taints ?? [] },
    status: {
      conditions: [{ type: 'Ready', status: world.ready.status, lastTransitionTime: at(world.ready.sinceS) }],
    },
  };
  const lease = {
    metadata: { namespace: 'kube-node-lease', name: 'a' },
    spec: { renewTime: at(world.silentS ?? 0) },
  };
  const { tolerationSeconds } = world;
  const toleration = { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' };
  const pod: Draft<Pod> = {
    metadata: { namespace: 'shop', name: 'p' },
    spec: {
      nodeName: 'a',
      containers: [],
      tolerations: tolerationSeconds === undefined ? [] : [{ ...toleration, tolerationSeconds }],
    },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  };
  const cluster = clusterOf(
    [NODES, [node]],
    [PODS, [pod]],
    [LEASES, world.silentS === undefined ? [] : [lease]],
  );
  return watchNode('a', { cluster, nowMs: NOW_MS, failure: undefined }).flatMap((action) => {
    if (action.kind === 'delete') return [`delete ${action.at.name}`];
    if (action.kind !== 'patch') return [];
    const { spec, status } = action.patch as {
      spec?: { taints: { key: string }[] };
      status?: { conditions: { type: string; status: string }[] };
    };
    const taints = spec?.taints.map(({ key }) => key.split('/')[1]).join(' ') ?? '';
    const conditions = status?.conditions.map(({ type, status: is }) => `${type}=${is}`).join(' ') ?? '';
    return [`${action.at.name}: ${spec === undefined ? conditions : `taints ${taints}`}`];
  });
}

const ROWS: readonly (World & { readonly name: string; readonly expected: readonly string[] })[] = [
  { name: 'a healthy node', silentS: 5, ready: { status: 'True', sinceS: 600 }, expected: [] },
  { name: 'a node without a lease', ready: { status: 'True', sinceS: 600 }, expected: [] },
  {
    name: 'a node that has fallen silent',
    silentS: 41,
    ready: { status: 'True', sinceS: 30 },
    expected: ['a: Ready=Unknown', 'a: taints unreachable unreachable', 'p: Ready=False'],
  },
  {
    name: 'a node that has been unknown for less than its pods are patient',
    silentS: 200,
    ready: { status: 'Unknown', sinceS: 160 },
    taints: UNREACHABLE,
    expected: ['p: Ready=False'],
  },
  {
    name: 'a node that has been unknown for longer than that',
    silentS: 400,
    ready: { status: 'Unknown', sinceS: 360 },
    taints: UNREACHABLE,
    expected: ['p: Ready=False', 'delete p'],
  },
  {
    name: 'a pod that is less patient',
    silentS: 100,
    ready: { status: 'Unknown', sinceS: 60 },
    taints: UNREACHABLE,
    tolerationSeconds: 30,
    expected: ['p: Ready=False', 'delete p'],
  },
  {
    name: 'a node that says that it is not ready',
    silentS: 5,
    ready: { status: 'False', sinceS: 10 },
    expected: ['a: taints not-ready not-ready'],
  },
  {
    name: 'a node that has come back',
    silentS: 1,
    ready: { status: 'True', sinceS: 1 },
    taints: UNREACHABLE,
    expected: ['a: taints '],
  },
];

for (const { name, expected, ...world } of ROWS) {
  test(`watchNode(): ${name}`, () => assert.deepEqual(outcome(world), expected));
}
