import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closedPolicy, parseNetworkPolicy } from './network-policy.ts';

const metadata = { namespace: 'a', name: 'p' };

function parse(spec: unknown): ReturnType<typeof parseNetworkPolicy> {
  return parseNetworkPolicy({ metadata, spec });
}

const SHAPES: readonly {
  readonly name: string;
  readonly spec: unknown;
  readonly expected: { readonly ingress: number | undefined; readonly egress: number | undefined };
}[] = [
  { name: 'nothing said: ingress', spec: {}, expected: { ingress: 0, egress: undefined } },
  { name: 'egress rules: both', spec: { egress: [{}] }, expected: { ingress: 0, egress: 1 } },
  { name: 'empty egress: ingress alone', spec: { egress: [] }, expected: { ingress: 0, egress: undefined } },
  {
    name: 'types before rules',
    spec: { policyTypes: ['Egress'], ingress: [{}] },
    expected: { ingress: undefined, egress: 0 },
  },
  {
    name: 'nulls are absent',
    spec: { ingress: null, egress: null },
    expected: { ingress: 0, egress: undefined },
  },
];

for (const { name, spec, expected } of SHAPES)
  test(`parseNetworkPolicy() takes directions from types and rules: ${name}`, () => {
    const { ingress, egress } = parse(spec);
    assert.deepEqual({ ingress: ingress?.length, egress: egress?.length }, expected);
  });

test('parseNetworkPolicy() tells everybody from nobody', () => {
  const [everybody, empty, all] =
    parse({
      ingress: [{}, { from: [], ports: [] }, { from: [{ podSelector: {} }] }],
    }).ingress ?? [];
  assert.deepEqual(everybody, { peers: undefined, ports: undefined });
  assert.deepEqual(empty, { peers: undefined, ports: undefined });
  assert.deepEqual(all?.peers, [{ kind: 'pods', namespaces: undefined, pods: [] }]);
});

const REFUSED: readonly { readonly name: string; readonly spec: unknown; readonly says: RegExp }[] = [
  {
    name: 'a block that is none',
    spec: { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/33' } }] }] },
    says: /NetworkPolicy a\/p.*spec\.ingress\[0\]\.from\[0\]\.ipBlock\.cidr/,
  },
  {
    name: 'a hole outside of its block',
    spec: { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] } }] }] },
    says: /except\[0\].*must lie within 10\.0\.0\.0\/8/,
  },
  {
    name: 'a block beside a selector',
    spec: { egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8' }, podSelector: {} }] }] },
    says: /to\[0\].*both/,
  },
  { name: 'a peer that is nobody', spec: { ingress: [{ from: [{}] }] }, says: /from\[0\]/ },
  {
    name: 'an unknown operator',
    spec: { podSelector: { matchExpressions: [{ key: 'a', operator: 'Like' }] } },
    says: /podSelector/,
  },
  {
    name: 'a range without a begin',
    spec: { ingress: [{ ports: [{ endPort: 90 }] }] },
    says: /ports\[0\]\.endPort/,
  },
  {
    name: 'a range that ends before',
    spec: { ingress: [{ ports: [{ port: 90, endPort: 80 }] }] },
    says: /endPort/,
  },
  { name: 'an unknown protocol', spec: { ingress: [{ ports: [{ protocol: 'ICMP' }] }] }, says: /protocol/ },
  {
    name: 'a port out of range',
    spec: { ingress: [{ ports: [{ port: 70_000 }] }] },
    says: /ports\[0\]\.port/,
  },
];

for (const { name, spec, says } of REFUSED)
  test(`parseNetworkPolicy() refuses ${name}, and what stands for it is closed`, () => {
    assert.throws(() => parse(spec), says);
    const closed = closedPolicy({ metadata, spec });
    assert.deepEqual([closed?.namespace, closed?.ingress, closed?.egress], ['a', [], []]);
  });

test('closedPolicy() isolates the pods that the policy names, or all where it names them wrongly', () => {
  const bad = { ingress: [{ from: [{}] }] };
  const named = closedPolicy({ metadata, spec: { ...bad, podSelector: { matchLabels: { app: 'web' } } } });
  assert.equal(named?.podSelector.length, 1);
  assert.deepEqual(closedPolicy({ metadata, spec: { podSelector: 'web' } })?.podSelector, []);
  assert.equal(closedPolicy({ metadata: {} }), undefined);
});
