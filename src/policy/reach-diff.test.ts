import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { someWorld } from '../../test/support/arbitrary-policies.ts';
import { aDeployment, aNetworkPolicy, policyWorldOf } from '../../test/support/policy-world-of.ts';
import { parseCidr } from '../base/cidr.ts';
import { diffForm, diffMarkdown, diffText } from './reach-diff-text.ts';
import { diffReach, isEmptyDiff, sourcesOf, type ReachDiff } from './reach-diff.ts';

const SETTINGS = { family: 4, podCidrs: [parseCidr('10.244.0.0/16')] } as const;
const WORKLOADS =
  aDeployment('a/web', '{ app: web }', '{ containerPort: 80 }') + aDeployment('a/db', '{ app: db }');

function diff(old: string, now: string): ReachDiff {
  return diffReach(policyWorldOf(WORKLOADS + old), policyWorldOf(WORKLOADS + now), SETTINGS);
}

function letting(rule: string): string {
  return aNetworkPolicy('a/p', `{ podSelector: { matchLabels: { app: web } }, ingress: [ ${rule} ] }`);
}

const FROM_DB = '{ from: [ { podSelector: { matchLabels: { app: db } } } ] }';

for (const row of [
  { name: 'nothing changed', old: letting('{}'), now: letting('{}'), expected: ['0 opened, 0 closed'] },
  {
    name: 'other words say the same',
    old: letting(FROM_DB),
    now: letting(
      '{ from: [ { namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: a } }, podSelector: { matchExpressions: [ { key: app, operator: NotIn, values: [web] } ] } } ] }',
    ),
    expected: ['0 opened, 0 closed'],
  },
  {
    name: 'a port is closed and others open',
    old: letting('{ from: [ { podSelector: { matchLabels: { app: db } } } ], ports: [ { port: 80 } ] }'),
    now: letting(
      '{ from: [ { podSelector: { matchLabels: { app: db } } } ], ports: [ { port: 90, endPort: 92 } ] }',
    ),
    expected: [
      '+ a/Deployment/db to a/Deployment/web, TCP 90-92',
      '- a/Deployment/db to a/Deployment/web, TCP 80',
      '1 opened, 1 closed',
    ],
  },
  {
    name: 'all but one is shut out',
    old: '',
    now: letting(FROM_DB),
    expected: [
      '- a/Deployment/web, outside to a/Deployment/web, TCP 80',
      '- a/Deployment/web, outside to a/Deployment/web, TCP other',
      '- a/Deployment/web, outside to a/Deployment/web, UDP all',
      '0 opened, 6 closed',
    ],
  },
  {
    name: 'a hole in a block',
    old: letting('{ from: [ { ipBlock: { cidr: 203.0.113.0/24 } } ], ports: [ { port: 80 } ] }'),
    now: letting(
      '{ from: [ { ipBlock: { cidr: 203.0.113.0/24, except: [203.0.113.128/25] } } ], ports: [ { port: 80 } ] }',
    ),
    expected: ['- 203.0.113.128/25 to a/Deployment/web, TCP 80', '0 opened, 1 closed'],
  },
  {
    name: 'workloads come and go',
    old: aDeployment('a/old', '{}'),
    now: aDeployment('a/new', '{}'),
    expected: [
      'a/Deployment/old is in the old manifests alone: not compared',
      'a/Deployment/new is in the new manifests alone: not compared',
      '0 opened, 0 closed',
    ],
  },
])
  test(`diffReach(): ${row.name}`, () => {
    assert.deepEqual(diffText(diff(row.old, row.now), false).trimEnd().split('\n'), row.expected);
  });

test('diffReach() finds nothing between a world and itself', () => {
  fc.assert(
    fc.property(someWorld, (world) => {
      assert.ok(isEmptyDiff(diffReach(world, world, SETTINGS)));
    }),
  );
});

test('diffReach() turns round: what one way opens the other closes', () => {
  fc.assert(
    fc.property(someWorld, someWorld, (a, b) => {
      const [there, back] = [diffReach(a, b, SETTINGS), diffReach(b, a, SETTINGS)];
      const texts = (diff: ReachDiff, changes: ReachDiff['opened']): readonly string[] =>
        changes
          .flatMap((it) =>
            sourcesOf(diff, it).map((from) => `${from} ${it.to} ${it.ports.replace(/ \(.*\)/, '')}`),
          )
          .toSorted();
      assert.deepEqual(texts(there, there.opened), texts(back, back.closed));
      assert.deepEqual(texts(there, there.closed), texts(back, back.opened));
    }),
  );
});

test('diffMarkdown() is a table, with what is not compared below', () => {
  assert.equal(
    diffMarkdown({
      ends: ['a', 'b'],
      opened: [{ to: 'b', ports: 'TCP 80', from: Uint32Array.of(1) }],
      closed: [],
      onlyOld: [],
      onlyNew: ['c'],
    }),
    `### Policy changes: 1 opened, 0 closed

|  | from | to | ports |
|---|---|---|---|
| opened | a | b | TCP 80 |

- c is in the new manifests alone: not compared
`,
  );
});

test('diffForm() has names', () => {
  const old = letting('{ ports: [ { port: 80 } ] }');
  const now = letting('{ from: [ { podSelector: {} } ], ports: [ { port: 80 } ] }');
  assert.deepEqual(diffForm(diff(old, now)), {
    opened: [],
    closed: [{ to: 'a/Deployment/web', ports: 'TCP 80', from: ['outside'] }],
    onlyOld: [],
    onlyNew: [],
  });
});
