import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseClusterNetworkPolicy } from './cluster-network-policy.ts';
import { mentionedKeys } from './mentioned-labels.ts';
import { parseNetworkPolicy } from './network-policy.ts';

const ASK = (key: string) => ({ matchExpressions: [{ key, operator: 'Exists' }] });

for (const { name, specs, expected } of [
  { name: 'nothing of no policy', specs: [], expected: [] },
  { name: 'nothing of a policy for all pods', specs: [{ podSelector: {} }], expected: [] },
  {
    name: 'the keys of whom policies are for',
    specs: [
      { podSelector: { matchLabels: { a: '1', b: '2' } } },
      { podSelector: { matchExpressions: [{ key: 'c', operator: 'DoesNotExist' }] } },
    ],
    expected: ['a', 'b', 'c'],
  },
  {
    name: 'the keys of peers of either direction, without those of namespaces and blocks',
    specs: [
      {
        podSelector: {},
        ingress: [{ from: [{ podSelector: ASK('in') }, { namespaceSelector: ASK('ns') }] }, {}],
        egress: [
          { to: [{ podSelector: ASK('out'), namespaceSelector: ASK('ns') }] },
          { to: [{ ipBlock: { cidr: '10.0.0.0/8' } }] },
        ],
      },
    ],
    expected: ['in', 'out'],
  },
  {
    name: 'nothing of rules for a direction that is none of the policy',
    specs: [{ podSelector: {}, policyTypes: ['Ingress'], egress: [{ to: [{ podSelector: ASK('out') }] }] }],
    expected: [],
  },
]) {
  test(`mentionedKeys() gives ${name}`, () => {
    const policies = specs.map((spec) =>
      parseNetworkPolicy({ metadata: { namespace: 'shop', name: 'p' }, spec }),
    );
    assert.deepEqual([...mentionedKeys(policies, [])].sort(), expected);
  });
}

test('mentionedKeys() gives the keys of ClusterNetworkPolicies beside them, without those of namespaces and nodes', () => {
  const policy = parseClusterNetworkPolicy({
    metadata: { name: 'p' },
    spec: {
      tier: 'Admin',
      priority: 1,
      subject: { pods: { namespaceSelector: ASK('ns'), podSelector: ASK('subject') } },
      ingress: [{ action: 'Deny', from: [{ pods: { podSelector: ASK('in') } }, { namespaces: ASK('ns') }] }],
      egress: [{ action: 'Deny', to: [{ nodes: ASK('node') }, { pods: { podSelector: ASK('out') } }] }],
    },
  });
  const other = { metadata: { namespace: 'shop', name: 'q' }, spec: { podSelector: ASK('plain') } };
  const keys = mentionedKeys([parseNetworkPolicy(other)], [policy]);
  assert.deepEqual([...keys].sort(), ['in', 'out', 'plain', 'subject']);
});
