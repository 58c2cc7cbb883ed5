// Random namespaces, workloads and policies, small enough that they meet often.

import fc from 'fast-check';
import type { PlacedObject } from '../../src/policy/placed-object.ts';
import { readPolicyWorld, type PolicyWorld } from '../../src/policy/policy-world.ts';
import { POD_CIDRS } from './policy-world-of.ts';
import { someClusterPolicySpec, somePolicySpec } from './policy-shapes.ts';

const VALUES = ['x', 'y'];
const anAnswer = fc.constantFrom(...VALUES);

const someLabels = fc.record({ app: anAnswer, tier: anAnswer }, { requiredKeys: [] });

const someExpression = fc.oneof(
  fc.record({
    key: fc.constantFrom('app', 'tier'),
    operator: fc.constantFrom('In', 'NotIn'),
    values: fc.uniqueArray(anAnswer, { minLength: 1 }),
  }),
  fc.record({ key: fc.constantFrom('app', 'tier'), operator: fc.constantFrom('Exists', 'DoesNotExist') }),
);

export const someSelector = fc.record(
  { matchLabels: someLabels, matchExpressions: fc.array(someExpression, { maxLength: 2 }) },
  { requiredKeys: [] },
);

const someBlock = fc.constantFrom(
  { cidr: '0.0.0.0/0', except: ['10.244.0.0/16'] },
  { cidr: '10.244.0.0/16' },
  { cidr: '203.0.113.0/24', except: ['203.0.113.0/28'] },
  { cidr: '::/0' },
);

const somePeer = fc.oneof(
  { weight: 4, arbitrary: fc.record({ podSelector: someSelector }) },
  { weight: 4, arbitrary: fc.record({ namespaceSelector: someSelector }) },
  { weight: 4, arbitrary: fc.record({ namespaceSelector: someSelector, podSelector: someSelector }) },
  { weight: 2, arbitrary: fc.record({ ipBlock: someBlock }) },
);

const somePort = fc.constantFrom(
  { port: 80 },
  { port: 'http' },
  { port: 'dns', protocol: 'UDP' },
  { port: 53, protocol: 'UDP' },
  { port: 79, endPort: 90 },
  { protocol: 'SCTP' },
  {},
);

const NAMESPACES = ['a', 'b'];

const somePolicy = fc.record({
  namespace: fc.constantFrom(...NAMESPACES),
  spec: somePolicySpec({ selector: someSelector, peer: somePeer, port: somePort }),
});

const someNamespaced = fc.record({ namespaceSelector: someSelector, podSelector: someSelector });

const someClusterPeer = fc.oneof(
  fc.record({ namespaces: someSelector }),
  fc.record({ pods: someNamespaced }),
);

/** What ingress has not, and what no version has yet. */
const someIngressPeer: fc.Arbitrary<object> = fc.oneof(
  { weight: 8, arbitrary: someClusterPeer },
  { weight: 1, arbitrary: fc.constantFrom({ networks: ['203.0.113.0/24'] }, {}) },
);

const someEgressPeer: fc.Arbitrary<object> = fc.oneof(
  someClusterPeer,
  fc.constantFrom({ networks: ['10.244.0.0/16'] }, { networks: ['203.0.113.0/24', '::/0'] }, { nodes: {} }),
);

const someProtocol = fc.constantFrom(
  { tcp: { destinationPort: { number: 80 } } },
  { tcp: { destinationPort: { range: { start: 79, end: 90 } } } },
  { udp: { destinationPort: { range: { start: 1, end: 60 } } } },
  { tcp: {} },
  {},
  { destinationNamedPort: 'http' },
);

const someClusterPolicy = someClusterPolicySpec({
  subject: fc.oneof(fc.record({ namespaces: someSelector }), fc.record({ pods: someNamespaced })),
  from: someIngressPeer,
  to: someEgressPeer,
  protocol: someProtocol,
});

const PORTS = [
  { name: 'http', containerPort: 80 },
  { name: 'dns', containerPort: 53, protocol: 'UDP' },
];

const someWorkload = fc.record({
  kind: fc.constantFrom('Pod', 'Deployment'),
  namespace: fc.constantFrom(...NAMESPACES),
  labels: someLabels,
  ports: fc.subarray(PORTS),
  hostNetwork: fc.constantFrom(false, false, false, true),
  /** Of a pod alone: a template goes anywhere. */
  node: fc.constantFrom(undefined, 'n1', 'n2'),
});

/** Objects of two namespaces: what a command would read from files, without lines. */
export const someObjects: fc.Arbitrary<readonly PlacedObject[]> = fc
  .record({
    namespaces: fc.tuple(someLabels, someLabels),
    workloads: fc.array(someWorkload, { minLength: 1, maxLength: 6 }),
    policies: fc.array(somePolicy, { maxLength: 4 }),
    clusterPolicies: fc.array(someClusterPolicy, { maxLength: 3 }),
  })
  .map(({ namespaces, workloads, policies, clusterPolicies }) => [
    ...namespaces.map((labels, i) => aPlaced('v1', 'Namespace', { name: NAMESPACES[i] ?? '', labels })),
    ...['n1', 'n2'].map((name, i) =>
      aPlaced('v1', 'Node', { name }, { status: { addresses: addressesOf(i) } }),
    ),
    ...workloads.map(({ kind, namespace, labels, ports, hostNetwork, node }, i) => {
      const nodeName = kind === 'Pod' && node !== undefined ? { nodeName: node } : {};
      const spec = { containers: [{ ports }], hostNetwork, ...nodeName };
      const metadata = { name: `w${i}`, namespace, labels };
      return kind === 'Pod'
        ? aPlaced('v1', kind, metadata, { spec })
        : aPlaced('apps/v1', kind, metadata, { spec: { template: { metadata: { labels }, spec } } });
    }),
    ...policies.map(({ namespace, spec }, i) =>
      aPlaced('networking.k8s.io/v1', 'NetworkPolicy', { name: `p${i}`, namespace }, { spec }),
    ),
    ...clusterPolicies.map((spec, i) =>
      aPlaced('policy.networking.k8s.io/v1alpha2', 'ClusterNetworkPolicy', { name: `c${i}` }, { spec }),
    ),
  ]);

/** The same as a world. */
export const someWorld: fc.Arbitrary<PolicyWorld> = someObjects.map((placed) =>
  readPolicyWorld(placed, { podCidrs: POD_CIDRS }),
);

function addressesOf(i: number): readonly { readonly type: string; readonly address: string }[] {
  return [`192.0.2.${i + 1}`, `fd00:192::${i + 1}`].map((address) => ({ type: 'InternalIP', address }));
}

function aPlaced(
  apiVersion: string,
  kind: string,
  metadata: PlacedObject['object']['metadata'],
  rest: Readonly<Record<string, unknown>> = {},
): PlacedObject {
  return { file: 'a.yaml', lineOf: () => 1, object: { apiVersion, kind, metadata, ...rest } };
}
