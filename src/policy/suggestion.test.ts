import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { someWorld } from '../../test/support/arbitrary-policies.ts';
import {
  aClusterPolicy,
  aDeployment,
  aNetworkPolicy,
  policyWorldOf,
} from '../../test/support/policy-world-of.ts';
import { hasCode } from '../base/errors.ts';
import { parsePort } from '../base/port.ts';
import { oracleJudge } from './policy-judge.ts';
import type { PolicyWorld } from './policy-world.ts';
import { readQuestions, splitDestination, type Question } from './question.ts';
import { suggestPolicies } from './suggestion.ts';

const WORKLOADS =
  aDeployment('a/web', '{ app: web, version: "7" }', '{ name: http, containerPort: 80 }') +
  aDeployment('a/db', '{ app: db }') +
  aDeployment('b/api', '{ app: api }') +
  aDeployment('b/bare', '{}');
const CLOSED = ['a', 'b']
  .map((it) => aNetworkPolicy(`${it}/p`, '{ podSelector: {}, policyTypes: [Ingress, Egress] }'))
  .join('');

function suggest(policies: string, asked: string) {
  const world = policyWorldOf(WORKLOADS + policies);
  const [from = '', to = ''] = asked.split(' > ');
  const [question] = readQuestions(world, { from, ...splitDestination(to) }, { namespace: 'a', family: 4 });
  assert.ok(question);
  return suggestPolicies(world, oracleJudge(world), question).map(({ metadata, spec }) => ({
    ...metadata,
    ...spec,
  }));
}

for (const row of [
  { name: 'nothing where it passes', policies: '', asked: 'web > db:80', expected: [] },
  {
    name: 'one for each end, by labels and port',
    policies: CLOSED,
    asked: 'web > db:53/udp',
    expected: [
      {
        name: 'web-to-db',
        namespace: 'a',
        podSelector: { matchLabels: { app: 'web', version: '7' } },
        policyTypes: ['Egress'],
        egress: [
          { to: [{ podSelector: { matchLabels: { app: 'db' } } }], ports: [{ protocol: 'UDP', port: 53 }] },
        ],
      },
      {
        name: 'db-from-web',
        namespace: 'a',
        podSelector: { matchLabels: { app: 'db' } },
        policyTypes: ['Ingress'],
        ingress: [
          {
            from: [{ podSelector: { matchLabels: { app: 'web', version: '7' } } }],
            ports: [{ protocol: 'UDP', port: 53 }],
          },
        ],
      },
    ],
  },
  {
    name: 'the namespace where it is another',
    policies: aNetworkPolicy('b/p', '{ podSelector: {} }'),
    asked: 'db > b/api:80',
    expected: [
      {
        name: 'api-from-db',
        namespace: 'b',
        podSelector: { matchLabels: { app: 'api' } },
        policyTypes: ['Ingress'],
        ingress: [
          {
            from: [
              {
                namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'a' } },
                podSelector: { matchLabels: { app: 'db' } },
              },
            ],
            ports: [{ protocol: 'TCP', port: 80 }],
          },
        ],
      },
    ],
  },
  {
    name: 'the address of what is outside',
    policies: CLOSED,
    asked: 'db > 203.0.113.7:443',
    expected: [
      {
        name: 'db-to-203-0-113-7',
        namespace: 'a',
        podSelector: { matchLabels: { app: 'db' } },
        policyTypes: ['Egress'],
        egress: [{ to: [{ ipBlock: { cidr: '203.0.113.7/32' } }], ports: [{ protocol: 'TCP', port: 443 }] }],
      },
    ],
  },
])
  test(`suggestPolicies() gives ${row.name}`, () => {
    assert.deepEqual(suggest(row.policies, row.asked), row.expected);
  });

test('suggestPolicies() chooses pods by the labels that their workload chooses them by', () => {
  const selected = WORKLOADS.replace(
    'spec: { template',
    'spec: { selector: { matchLabels: { app: web } }, template',
  );
  const world = policyWorldOf(selected + CLOSED);
  const [question] = readQuestions(
    world,
    { from: 'db', to: 'web', port: 'http' },
    { namespace: 'a', family: 4 },
  );
  assert.ok(question);
  const [, ingress] = suggestPolicies(world, oracleJudge(world), question);
  assert.deepEqual(ingress?.spec?.podSelector, { matchLabels: { app: 'web' } });
});

test('suggestPolicies() says where no NetworkPolicy can help', () => {
  const wall = aClusterPolicy(
    'wall',
    '{ tier: Admin, priority: 1, subject: { namespaces: {} }, ingress: [ { action: Deny, from: [ { namespaces: {} } ] } ] }',
  );
  assert.throws(() => suggest(wall, 'web > db:80'), /ClusterNetworkPolicy wall denies it/);
  assert.throws(
    () => suggest(CLOSED, 'b/bare > db:80'),
    /the pods of b\/Deployment\/bare: they have no labels/,
  );
});

test('suggestPolicies() lets pass what it is asked for, in every world', () => {
  fc.assert(
    fc.property(someWorld, fc.nat(), fc.nat(), (world, a, b) => {
      const { workloads } = world;
      const [from, to] = [workloads[a % workloads.length], workloads[b % workloads.length]];
      assert.ok(from && to);
      const question: Question = {
        from: { kind: 'workload', workload: from },
        to: { kind: 'workload', workload: to },
        family: 4,
        protocol: 'TCP',
        port: parsePort(80),
        via: undefined,
      };
      try {
        const more = suggestPolicies(world, oracleJudge(world), question);
        const objects = { ...world.objects, networkPolicies: [...world.objects.networkPolicies, ...more] };
        const after: PolicyWorld = { ...world, objects };
        assert.ok(oracleJudge(after).judge(question).isAllowed);
      } catch (error) {
        if (!hasCode(error, 'invalid')) throw error;
      }
    }),
  );
});
