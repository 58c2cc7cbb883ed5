import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import type { RawClusterNetworkPolicy, RawNetworkPolicy } from '../../oracle/raw-policies.ts';
import { clusterPolicyMutants, networkPolicyMutants } from './mutant.ts';

const METADATA = { namespace: 'a', name: 'p' };

for (const row of [
  { name: 'nothing but isolation', spec: '{ podSelector: {} }', changes: ['gone'] },
  {
    name: 'a subject',
    spec: '{ podSelector: { matchExpressions: [ { key: a, operator: Exists } ] } }',
    changes: ['gone', 'for all pods of its namespace'],
  },
  { name: 'a rule for everybody', spec: '{ ingress: [ {} ] }', changes: ['gone', 'without ingress[0]'] },
  {
    name: 'one peer and one port',
    spec: '{ ingress: [ { from: [ { podSelector: {} } ], ports: [ { port: 1 } ] } ] }',
    changes: [
      'gone',
      'without ingress[0]',
      'with ingress[0] from everybody',
      'with ingress[0] at every port',
    ],
  },
  {
    name: 'several peers and ports',
    spec: '{ egress: [ { to: [ { podSelector: {} }, { namespaceSelector: {} } ], ports: [ { port: 1 }, { port: 2 } ] } ] }',
    changes: [
      'gone',
      'without egress[0]',
      'with egress[0] to everybody',
      'with egress[0] at every port',
      'without egress[0].to[0]',
      'without egress[0].to[1]',
      'without egress[0].ports[0]',
      'without egress[0].ports[1]',
    ],
  },
  {
    name: 'selectors and a hole',
    spec: '{ ingress: [ { from: [ { podSelector: { matchLabels: { a: b } }, namespaceSelector: { matchLabels: { c: d } } }, { ipBlock: { cidr: 10.0.0.0/8, except: [10.1.0.0/16] } } ] } ] }',
    changes: [
      'gone',
      'without ingress[0]',
      'with ingress[0] from everybody',
      'without ingress[0].from[0]',
      'with ingress[0].from[0] for all pods',
      'with ingress[0].from[0] for all namespaces',
      'without ingress[0].from[1]',
      'with ingress[0].from[1] without what it excepts',
    ],
  },
])
  test(`networkPolicyMutants() changes ${row.name}`, () => {
    const policy: RawNetworkPolicy = {
      metadata: METADATA,
      spec: parse(row.spec) as NonNullable<RawNetworkPolicy['spec']>,
    };
    const mutants = networkPolicyMutants(policy);
    assert.deepEqual(
      mutants.map((it) => it.change),
      row.changes,
    );
    const specs = new Set(mutants.map((it) => JSON.stringify(it.policy?.spec)));
    assert.equal(specs.size, mutants.length, 'each is another');
  });

test('networkPolicyMutants() keeps a policy isolating that loses its only rule of egress', () => {
  const spec = { egress: [{ ports: [{ port: 1 }] }] };
  const [, without] = networkPolicyMutants({ metadata: METADATA, spec });
  assert.deepEqual(without?.policy?.spec, { policyTypes: ['Ingress', 'Egress'], egress: [] });
});

test('clusterPolicyMutants() changes rules, peers and protocols', () => {
  const spec = parse(
    '{ tier: Admin, priority: 1, subject: { namespaces: {} }, ingress: [ { action: Deny, from: [ { namespaces: {} }, { pods: { podSelector: {} } } ], protocols: [ { destinationNamedPort: a }, { destinationNamedPort: b } ] } ] }',
  ) as RawClusterNetworkPolicy['spec'];
  const mutants = clusterPolicyMutants({ metadata: { name: 'x' }, spec });
  assert.deepEqual(
    mutants.map((it) => it.change),
    [
      'gone',
      'without ingress[0]',
      'with ingress[0] at every port',
      'without ingress[0].from[0]',
      'without ingress[0].from[1]',
      'without ingress[0].protocols[0]',
      'without ingress[0].protocols[1]',
    ],
  );
});
