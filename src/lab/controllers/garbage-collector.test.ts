import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterOf, type ClusterPart } from '../../../test/support/cluster-of.ts';
import { DEPLOYMENTS, PODS, REPLICA_SETS, type Draft } from '../../kube/resource.ts';
import type { Action } from '../../controllers/action.ts';
import { everyKind } from './every-kind.ts';
import { collect } from './garbage-collector.ts';

function owner(kind: string, name: string, extra: Readonly<Record<string, unknown>> = {}) {
  return { apiVersion: 'apps/v1', kind, name, uid: `${kind}/shop/${name}`, ...extra };
}

function anObject(name: string, metadata: Partial<Draft['metadata']> = {}): Draft {
  return { metadata: { namespace: 'shop', name, ...metadata } };
}

/** "delete replicasets/web Foreground", "absent? deployments/gone: ..." */
function textOf(action: Action): string {
  switch (action.kind) {
    case 'delete':
      return `delete ${action.resource.plural}/${action.at.name} ${action.options?.propagationPolicy ?? ''}`;
    case 'patch':
      return `patch ${action.resource.plural}/${action.at.name} ${JSON.stringify(action.patch['metadata'])}`;
    case 'if-absent':
      return `absent? ${action.absent.map(({ resource, at }) => `${resource.plural}/${at.name}`).join(' ')}: ${textOf(action.action)}`;
    default:
      return action.kind;
  }
}

const ending = { deletionTimestamp: '2026-01-01T00:00:00Z' };
const FOREGROUND = { ...ending, finalizers: ['foregroundDeletion', 'mine'] };
const ROWS: readonly {
  readonly name: string;
  readonly key: string;
  readonly cluster: readonly ClusterPart[];
  readonly expected: readonly string[];
}[] = [
  {
    name: 'leaves an object alone whose owner is there',
    key: 'apps/replicasets|shop/web',
    cluster: [
      [DEPLOYMENTS, [anObject('d')]],
      [REPLICA_SETS, [anObject('web', { ownerReferences: [owner('Deployment', 'd')] })]],
    ],
    expected: [],
  },
  {
    name: 'asks the server before it deletes an object whose owner is not cached',
    key: 'apps/replicasets|shop/web',
    cluster: [[REPLICA_SETS, [anObject('web', { ownerReferences: [owner('Deployment', 'gone')] })]]],
    expected: ['absent? deployments/gone: delete replicasets/web Background', 'later'],
  },
  {
    name: 'takes an owner of the same name with another uid for another one',
    key: 'apps/replicasets|shop/web',
    cluster: [
      [DEPLOYMENTS, [anObject('d', { uid: 'new' })]],
      [REPLICA_SETS, [anObject('web', { ownerReferences: [owner('Deployment', 'd')] })]],
    ],
    expected: ['absent? deployments/d: delete replicasets/web Background', 'later'],
  },
  {
    name: 'only drops the reference where another owner is left',
    key: '/pods|shop/p',
    cluster: [
      [REPLICA_SETS, [anObject('rs')]],
      [PODS, [anObject('p', { ownerReferences: [owner('ReplicaSet', 'rs'), owner('ReplicaSet', 'gone')] })]],
    ],
    expected: [
      'absent? replicasets/gone: patch pods/p {"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"rs","uid":"ReplicaSet/shop/rs"}],"resourceVersion":"1","uid":"Pod/shop/p"}',
      'later',
    ],
  },
  {
    name: 'never deletes for an owner of a kind that the server does not have',
    key: '/pods|shop/p',
    cluster: [[PODS, [anObject('p', { ownerReferences: [{ ...owner('Thing', 't'), apiVersion: 'x/v1' }] })]]],
    expected: [],
  },
  {
    name: 'deletes what blocks an owner in the foreground, and what has dependents itself in the foreground too',
    key: 'apps/deployments|shop/d',
    cluster: [
      [DEPLOYMENTS, [anObject('d', FOREGROUND)]],
      [
        REPLICA_SETS,
        [anObject('web', { ownerReferences: [owner('Deployment', 'd', { blockOwnerDeletion: true })] })],
      ],
      [PODS, [anObject('p', { ownerReferences: [owner('ReplicaSet', 'web')] })]],
    ],
    expected: ['delete replicasets/web Foreground'],
  },
  {
    name: 'lets an object go whose dependents wait for it in a circle',
    key: '/pods|shop/one',
    cluster: [
      [
        PODS,
        [
          ['one', 'three'],
          ['two', 'one'],
          ['three', 'two'],
          // Waits for the circle, and does not break it.
          ['four', 'three'],
        ].map(([name = '', of = '']) =>
          anObject(name, {
            ...FOREGROUND,
            ownerReferences: [owner('Pod', of, { apiVersion: 'v1', blockOwnerDeletion: true })],
          }),
        ),
      ],
    ],
    expected: ['patch pods/one {"finalizers":["mine"],"resourceVersion":"1","uid":"Pod/shop/one"}'],
  },
  {
    name: 'waits for a dependent that ends in the foreground and is in no circle',
    key: '/pods|shop/one',
    cluster: [
      [
        PODS,
        [
          anObject('one', FOREGROUND),
          anObject('two', {
            ...FOREGROUND,
            ownerReferences: [owner('Pod', 'one', { apiVersion: 'v1', blockOwnerDeletion: true })],
          }),
        ],
      ],
    ],
    expected: [],
  },
  {
    name: 'waits for a blocking dependent that is on its way out',
    key: 'apps/deployments|shop/d',
    cluster: [
      [DEPLOYMENTS, [anObject('d', FOREGROUND)]],
      [
        REPLICA_SETS,
        [
          anObject('web', {
            ...ending,
            ownerReferences: [owner('Deployment', 'd', { blockOwnerDeletion: true })],
          }),
        ],
      ],
    ],
    expected: [],
  },
  {
    name: 'lets the owner go when nothing blocks it, and leaves the finalizers of others',
    key: 'apps/deployments|shop/d',
    cluster: [
      [DEPLOYMENTS, [anObject('d', FOREGROUND)]],
      [REPLICA_SETS, [anObject('web', { ownerReferences: [owner('Deployment', 'd')] })]],
    ],
    expected: ['patch deployments/d {"finalizers":["mine"],"resourceVersion":"1","uid":"Deployment/shop/d"}'],
  },
  {
    name: 'takes the owner out of its dependents before it goes as orphan',
    key: 'apps/deployments|shop/d',
    cluster: [
      [DEPLOYMENTS, [anObject('d', { ...ending, finalizers: ['orphan'] })]],
      [REPLICA_SETS, [anObject('web', { ownerReferences: [owner('Deployment', 'd')] })]],
    ],
    expected: [
      'patch replicasets/web {"ownerReferences":[],"resourceVersion":"1","uid":"ReplicaSet/shop/web"}',
    ],
  },
];

for (const { name, key, cluster, expected } of ROWS) {
  test(`collect() ${name}`, () => {
    assert.deepEqual(
      collect(key, { cluster: clusterOf(...cluster), kinds: everyKind() }).map(textOf),
      expected,
    );
  });
}
