import assert from 'node:assert/strict';
import { test } from 'node:test';
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
    assert.deepEqual([...mentionedKeys(policies)].sort(), expected);
  });
}
