import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  aClusterPolicy,
  aDeployment,
  aNetworkPolicy,
  policyWorldOf,
} from '../../../test/support/policy-world-of.ts';
import { parseCidr } from '../../base/cidr.ts';
import { readAssertions } from '../assertion-file.ts';
import { mutationsOf, mutationText, percentOf } from './mutations.ts';

const SETTINGS = { family: 4, podCidrs: [parseCidr('10.244.0.0/16')] } as const;
const WORKLOADS =
  aDeployment('a/web', '{ app: web }', '{ containerPort: 80 }') +
  aDeployment('a/db', '{ app: db }', '{ containerPort: 90 }');
const POLICY = aNetworkPolicy(
  'a/p',
  '{ podSelector: { matchLabels: { app: web } }, policyTypes: [Ingress], ingress: [ { from: [ { podSelector: { matchLabels: { app: db } } } ], ports: [ { port: 80 } ] } ] }',
);

function unnoticed(policies: string, tests: string): readonly string[] {
  const { assertions, mistakes } = readAssertions('t.yaml', `namespace: a\ntests:\n${tests}`);
  if (tests !== NOTHING) assert.deepEqual(mistakes, []);
  const report = mutationsOf(policyWorldOf(WORKLOADS + policies), assertions, SETTINGS);
  return report.unnoticed.map(({ change, example }) => `${change}: ${example}`);
}

const NOTHING = '  []';
const ALLOWED = '  - { from: db, to: web, port: 80, expect: allow }\n';

test('mutationsOf() finds every change where nothing is tested', () => {
  assert.deepEqual(unnoticed(POLICY, NOTHING), [
    'gone: opens a/Deployment/web to a/Deployment/web, TCP 80',
    'for all pods of its namespace: closes a/Deployment/web to a/Deployment/db, TCP 90',
    'without ingress[0]: closes a/Deployment/db to a/Deployment/web, TCP 80',
    'with ingress[0] from everybody: opens a/Deployment/web to a/Deployment/web, TCP 80',
    'with ingress[0] at every port: opens a/Deployment/db to a/Deployment/web, TCP other',
    'with ingress[0].from[0] for all pods: opens a/Deployment/web to a/Deployment/web, TCP 80',
  ]);
});

test('mutationsOf() finds what the tests do not ask about', () => {
  assert.deepEqual(
    unnoticed(
      POLICY,
      `${ALLOWED}  - { from: web, to: web, port: 80, expect: deny }\n  - { from: web, to: db, port: 90, expect: allow }\n`,
    ),
    ['with ingress[0] at every port: opens a/Deployment/db to a/Deployment/web, TCP other'],
  );
});

test('mutationsOf() finds nothing where everything is asked', () => {
  const tests = `${ALLOWED}  - { from: [web, db], to: web, port: 81, expect: deny }
  - { from: web, to: web, port: 80, expect: deny }
  - { from: web, to: db, port: 90, expect: allow }
`;
  assert.deepEqual(unnoticed(POLICY, tests), []);
});

test('mutationsOf() leaves out changes that open and close nothing', () => {
  const twice = POLICY + POLICY.replace('name: p,', 'name: q,');
  assert.deepEqual(
    unnoticed(twice, NOTHING).filter((it) => it.startsWith('gone')),
    [],
  );
});

test('mutationsOf() changes cluster policies, too', () => {
  const wall = aClusterPolicy(
    'wall',
    '{ tier: Admin, priority: 1, subject: { namespaces: {} }, ingress: [ { action: Deny, from: [ { namespaces: {} } ] } ] }',
  );
  assert.deepEqual(unnoticed(wall, NOTHING), [
    'gone: opens a/Deployment/web to a/Deployment/web, TCP 80',
    'without ingress[0]: opens a/Deployment/web to a/Deployment/web, TCP 80',
  ]);
  assert.deepEqual(unnoticed(wall, '  - { from: web, to: db, port: 90, expect: deny }\n'), []);
});

test('mutationText() names the place, the change and an example', () => {
  const report = {
    noticed: 2,
    unnoticed: [
      { policy: 'NetworkPolicy a/p', at: 'a.yaml:7', change: 'gone', example: 'opens x to y, TCP 80' },
    ],
  };
  assert.equal(
    mutationText(report),
    'a.yaml:7: no test notices NetworkPolicy a/p gone\n    it opens x to y, TCP 80\n2 of 3 changes are noticed (66%)\n',
  );
  assert.equal(percentOf({ noticed: 0, unnoticed: [] }), 100);
});
