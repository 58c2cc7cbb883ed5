import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr } from '../base/cidr.ts';
import { readManifests } from '../lab/manifests/read-manifests.ts';
import { PacketPlanner } from './packet-plan.ts';
import { isOfPolicyWorld, readPolicyWorld } from './policy-world.ts';
import { readQuestions, splitDestination } from './question.ts';

const SETTINGS = { namespace: 'a', family: 4 } as const;

/** A ReplicaSet's pod of a Deployment, ready on a node, with an address of each family. */
function aPod(name: string, node: string, rest = ''): string {
  const owner = name.replace(/-\d+$/, '');
  return `---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: a, uid: u-${name}, ownerReferences: [ { kind: ReplicaSet, name: ${owner}-rs, controller: true } ]${rest.includes('deletion') ? ', deletionTimestamp: now' : ''} }
spec: { nodeName: ${node}${rest.includes('host') ? ', hostNetwork: true' : ''} }
status: { podIPs: [ { ip: 10.0.0.${name.at(-1)} }${rest.includes('four') ? '' : `, { ip: 'fd00::${name.at(-1)}' }`} ], conditions: [ { type: Ready, status: '${rest.includes('unready') ? 'False' : 'True'}' } ] }
`;
}

function aDeployment(name: string): string {
  return `---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: a }
spec: { template: { spec: { containers: [] } } }
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: { name: ${name}-rs, namespace: a, ownerReferences: [ { kind: Deployment, name: ${name}, controller: true } ] }
spec: { template: { spec: { containers: [] } } }
`;
}

const NODE = '---\napiVersion: v1\nkind: Node\nmetadata: { name: n1 }\n';
const BOTH = aDeployment('web') + aDeployment('db');

function plan(objects: string, asked: string): readonly string[] | string {
  const { manifests } = readManifests('a.yaml', objects);
  const all = manifests.filter(isOfPolicyWorld);
  const world = readPolicyWorld(all, { podCidrs: [parseCidr('10.244.0.0/16')] });
  const [from = '', to = ''] = asked.split(' > ');
  const [question] = readQuestions(world, { from, ...splitDestination(to) }, SETTINGS);
  assert.ok(question);
  const planned = new PacketPlanner(all).plan(question);
  return planned.kind === 'none'
    ? planned.why
    : planned.probes.map((it) => `${it.node} ${it.from} ${it.fromUid} ${it.host} ${it.port} ${it.protocol}`);
}

for (const row of [
  {
    name: 'one on a node and one between nodes, where there are both',
    objects: aPod('web-1', 'n1') + aPod('web-2', 'n2') + aPod('db-3', 'n1'),
    expected: ['n1 a/web-1 u-web-1 10.0.0.3 80 TCP', 'n2 a/web-2 u-web-2 10.0.0.3 80 TCP'],
  },
  {
    name: 'between nodes alone, where there is no other',
    objects: aPod('web-1', 'n1') + aPod('db-3', 'n2'),
    expected: ['n1 a/web-1 u-web-1 10.0.0.3 80 TCP'],
  },
  {
    name: 'between two pods of a workload',
    objects: aPod('web-1', 'n1') + aPod('web-2', 'n1'),
    asked: 'web > web:80',
    expected: ['n1 a/web-1 u-web-1 10.0.0.2 80 TCP'],
  },
  {
    name: 'from the only pod of a workload to itself',
    objects: aPod('web-1', 'n1'),
    asked: 'web > web:80',
    expected: ['n1 a/web-1 u-web-1 10.0.0.1 80 TCP'],
  },
  {
    name: 'nothing from a pod that is not ready',
    objects: aPod('web-1', 'n1', 'unready') + aPod('db-3', 'n1'),
    expected: 'no pod of it is ready',
  },
  {
    name: 'nothing to a pod that ends',
    objects: aPod('web-1', 'n1') + aPod('db-3', 'n1', 'deletion'),
    expected: 'no pod of it is ready',
  },
  {
    name: 'nothing from a pod of its node’s network',
    objects: aPod('web-1', 'n1', 'host') + aPod('db-3', 'n1'),
    expected: 'a node is no pod',
  },
  { name: 'nothing by SCTP', objects: '', asked: 'web > db:80/SCTP', expected: 'SCTP is not tried' },
  {
    name: 'nothing from outside',
    objects: '',
    asked: '203.0.113.7 > db:80',
    expected: 'connections begin in pods alone',
  },
  {
    name: 'nothing to a node',
    objects: '',
    asked: 'web > node/n1:80',
    expected: 'connections go to pods alone',
  },
])
  test(`PacketPlanner plans ${row.name}`, () => {
    assert.deepEqual(plan(NODE + BOTH + row.objects, row.asked ?? 'web > db:80'), row.expected);
  });
