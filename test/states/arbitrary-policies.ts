// Random clusters for policies: raw objects as the API writes them, small enough that selectors, prefixes and ports meet often.

import fc from 'fast-check';
import { someClusterPolicySpec, somePolicySpec } from '../support/policy-shapes.ts';

export type Raw = Readonly<Record<string, unknown>> & {
  readonly metadata: { readonly name: string; readonly namespace?: string };
};

/** Everything that decides, by kind. */
export interface RawPolicyState {
  readonly nodes: readonly Raw[];
  readonly namespaces: readonly Raw[];
  readonly pods: readonly Raw[];
  readonly networkPolicies: readonly Raw[];
  readonly clusterNetworkPolicies: readonly Raw[];
  /** Addresses that names were answered with; none where it is left out. */
  readonly learned?: readonly (readonly [name: string, ips: readonly string[]])[];
}

const NAMESPACES = ['a', 'b', 'c'];
export const NODES = ['n1', 'n2'] as const;
const aValue = fc.constantFrom('x', 'y');
const someLabels = fc.record(
  { app: aValue, tier: aValue, 'pod-template-hash': aValue },
  { requiredKeys: [] },
);

const someExpression = fc.oneof(
  fc.record({
    key: fc.constantFrom('app', 'tier', 'pod-template-hash'),
    operator: fc.constantFrom('In', 'NotIn'),
    values: fc.uniqueArray(aValue, { minLength: 1 }),
  }),
  fc.record({ key: fc.constantFrom('app', 'tier'), operator: fc.constantFrom('Exists', 'DoesNotExist') }),
);

const someSelector = fc.record(
  {
    matchLabels: fc.record({ app: aValue, tier: aValue }, { requiredKeys: [] }),
    matchExpressions: fc.array(someExpression, { maxLength: 1 }),
  },
  { requiredKeys: [] },
);

const someNamespaceSelector = fc.oneof(
  fc.record({ matchLabels: fc.record({ 'kubernetes.io/metadata.name': fc.constantFrom(...NAMESPACES) }) }),
  fc.record({ matchLabels: fc.record({ team: aValue }, { requiredKeys: [] }) }),
);

/** Some hold pods, some a single one, some a node, some the outside, and they nest. */
const someBlock = fc.constantFrom(
  { cidr: '0.0.0.0/0', except: ['10.244.0.0/16'] },
  { cidr: '10.244.0.0/24', except: ['10.244.0.2/32'] },
  { cidr: '10.244.0.0/16' },
  { cidr: '10.244.1.0/25' },
  { cidr: '10.244.0.3/32' },
  { cidr: '192.0.2.0/24' },
  { cidr: '203.0.113.0/24', except: ['203.0.113.0/28', '203.0.113.4/30'] },
  { cidr: '203.0.113.4/32' },
  { cidr: '::/0' },
  { cidr: 'fd00:244::/64', except: ['fd00:244::2/128'] },
);

const somePeer = fc.oneof(
  { weight: 3, arbitrary: fc.record({ podSelector: someSelector }) },
  { weight: 2, arbitrary: fc.record({ namespaceSelector: someNamespaceSelector }) },
  { weight: 1, arbitrary: fc.constant({ namespaceSelector: {} }) },
  {
    weight: 3,
    arbitrary: fc.record({ namespaceSelector: someNamespaceSelector, podSelector: someSelector }),
  },
  { weight: 4, arbitrary: fc.record({ ipBlock: someBlock }) },
);

const somePort = fc.constantFrom(
  { port: 80 },
  { port: 'http' },
  { port: 'dns', protocol: 'UDP' },
  { port: 53, protocol: 'UDP' },
  { port: 79, endPort: 443 },
  { protocol: 'SCTP' },
  { protocol: 'UDP' },
);

const somePolicy = fc.record({
  namespace: fc.constantFrom(...NAMESPACES),
  spec: somePolicySpec({ selector: someSelector, peer: somePeer, port: somePort }),
});

const someNamespaced = fc.record(
  { namespaceSelector: someNamespaceSelector, podSelector: someSelector },
  { requiredKeys: ['podSelector'] },
);
const someClusterPeer = fc.oneof(
  fc.record({ namespaces: someNamespaceSelector }),
  fc.record({ pods: someNamespaced }),
);
const someNamesPeer = fc.constantFrom(
  { domainNames: ['www.example.com'] },
  { domainNames: ['*.example.com'] },
  { domainNames: ['example.org', '*.b.example.com'] },
);
const someEgressPeer = fc.oneof(
  someClusterPeer,
  fc.constantFrom(
    { networks: ['10.244.0.0/16'] },
    { networks: ['203.0.113.0/28', '::/0'] },
    { networks: ['192.0.2.2/32'] },
    { nodes: {} },
    { nodes: { matchLabels: { zone: 'x' } } },
  ),
  someNamesPeer,
);
const someProtocol = fc.constantFrom(
  { tcp: { destinationPort: { number: 80 } } },
  { tcp: { destinationPort: { range: { start: 79, end: 443 } } } },
  { udp: { destinationPort: { range: { start: 50, end: 100 } } } },
  { destinationNamedPort: 'http' },
);

const someClusterPolicy = someClusterPolicySpec({
  subject: fc.oneof(fc.record({ namespaces: someNamespaceSelector }), fc.record({ pods: someNamespaced })),
  from: someClusterPeer,
  to: someEgressPeer,
  protocol: someProtocol,
});

/** Some outside, in blocks of their own and in none; a pod, a node and an address that is none of a pod's yet. */
const someAddress = fc.constantFrom(
  '203.0.113.4',
  '203.0.113.5',
  '8.8.8.8',
  '2001:db8:ffff::1',
  '10.244.0.2',
  '192.0.2.2',
  '10.244.7.7',
);
const someLearned = fc.uniqueArray(
  fc.tuple(
    fc.constantFrom('www.example.com', 'example.com', 'a.b.example.com', 'example.org', 'example.net'),
    fc.uniqueArray(someAddress, { minLength: 1, maxLength: 3 }),
  ),
  { maxLength: 5, size: 'max', selector: ([name]) => name },
);

/** What names are for: some of them, and nothing else, in the middle of whatever other policies say. */
const someNamesPolicy = fc.record({
  tier: fc.constantFrom('Admin', 'Baseline'),
  priority: fc.integer({ min: 0, max: 2 }),
  subject: fc.record({ namespaces: someNamespaceSelector }),
  egress: fc
    .tuple(someNamesPeer, fc.option(someProtocol, { nil: undefined }), fc.constantFrom('Deny', 'Pass'))
    .map(([peer, protocol, action]) => [
      { action: 'Accept', to: [peer], ...(protocol === undefined ? {} : { protocols: [protocol] }) },
      { action, to: [{ networks: ['203.0.113.4/31', '2001:db8::/32'] }] },
      { action: 'Deny', to: [{ networks: ['0.0.0.0/0', '::/0'] }] },
    ]),
});

const PORTS = [
  { name: 'http', containerPort: 80 },
  { name: 'http', containerPort: 443 },
  { name: 'dns', containerPort: 53, protocol: 'UDP' },
];

const somePod = fc.record({
  namespace: fc.constantFrom(...NAMESPACES),
  labels: someLabels,
  ports: fc.subarray(PORTS, { maxLength: 2 }),
  node: fc.constantFrom(...NODES),
  isHostNetwork: fc.constantFrom(false, false, false, false, true),
  phase: fc.constantFrom('Running', 'Running', 'Running', 'Succeeded'),
});

type SomePod = typeof somePod extends fc.Arbitrary<infer P> ? P : never;

interface StateSize {
  readonly pods: fc.Arbitrary<readonly SomePod[]>;
  readonly policies: { readonly minLength?: number; readonly maxLength: number };
  readonly maxClusterPolicies: number;
}

export const somePolicyState: fc.Arbitrary<RawPolicyState> = someStateOf({
  pods: fc.array(somePod, { minLength: 2, maxLength: 7 }),
  policies: { maxLength: 4 },
  maxClusterPolicies: 3,
});

/** A node that is full: so many pods, all of the first node and running, and more policies. */
export function someFullNode(pods: number): fc.Arbitrary<RawPolicyState> {
  const own = somePod.map((it) => ({
    ...it,
    node: NODES[0],
    isHostNetwork: false,
    phase: 'Running' as const,
  }));
  return someStateOf({
    pods: fc.array(own, { minLength: pods, maxLength: pods }),
    policies: { minLength: 6, maxLength: 12 },
    maxClusterPolicies: 4,
  });
}

function someStateOf({
  pods: somePods,
  policies: policiesSize,
  maxClusterPolicies,
}: StateSize): fc.Arbitrary<RawPolicyState> {
  const parts = {
    teams: fc.tuple(someLabels, someLabels, someLabels),
    zones: fc.tuple(aValue, aValue),
    pods: somePods,
    policies: fc.array(somePolicy, policiesSize),
    clusterPolicies: fc.array(
      fc.oneof({ weight: 2, arbitrary: someClusterPolicy }, { weight: 1, arbitrary: someNamesPolicy }),
      { maxLength: maxClusterPolicies },
    ),
    learned: someLearned,
  };
  return fc.record(parts).map(({ teams, zones, pods, policies, clusterPolicies, learned }) => ({
    nodes: NODES.map((name, i) => aNode(name, i, zones[i] ?? 'x')),
    namespaces: NAMESPACES.map((name, i) => aNamespace(name, teams[i]?.app)),
    pods: pods.map(aPod),
    networkPolicies: policies.map(({ namespace, spec }, i) => ({
      metadata: { name: `p${i}`, namespace },
      spec,
    })),
    clusterNetworkPolicies: clusterPolicies.map((spec, i) => ({ metadata: { name: `c${i}` }, spec })),
    learned,
  }));
}

function aNode(name: string, i: number, zone: string): Raw {
  const address = (text: string): object => ({ type: 'InternalIP', address: text });
  return {
    metadata: { name, labels: { zone } } as Raw['metadata'],
    spec: { podCIDRs: [`10.244.${i}.0/24`, `fd00:244:0:${i}::/64`] },
    status: {
      addresses: [
        address(`192.0.2.${i + 1}`),
        address(`2001:db8::${i + 1}`),
        // They are among the places outside that are asked about.
        { type: 'ExternalIP', address: `203.0.113.${i + 4}` },
        { type: 'Hostname', address: name },
      ],
    },
  };
}

function aNamespace(name: string, team: string | undefined): Raw {
  const labels = { 'kubernetes.io/metadata.name': name, ...(team === undefined ? {} : { team }) };
  return { metadata: { name, labels } as Raw['metadata'] };
}

function aPod({ namespace, labels, ports, node, isHostNetwork, phase }: SomePod, i: number): Raw {
  const at = NODES.indexOf(node);
  const own = [`10.244.${at}.${i + 1}`, `fd00:244:0:${at}::${i + 1}`];
  const ips = isHostNetwork ? [`192.0.2.${at + 1}`, `2001:db8::${at + 1}`] : own;
  return {
    metadata: { name: `pod${i}`, namespace, uid: `uid${i}`, labels } as Raw['metadata'],
    spec: { nodeName: node, hostNetwork: isHostNetwork, containers: [{ name: 'it', ports }] },
    status: { phase, podIPs: ips.map((ip) => ({ ip })) },
  };
}
