// Random clusters as the API would write them: few names, addresses and ports, so that objects meet often.

import fc from 'fast-check';
import type { RawEndpointSlice, RawService } from '../../src/oracle/raw-objects.ts';
import type { State } from './expanders.ts';

// Repeated values are the likely ones: endpoints come about only where a slice meets its Service in six fields at once.
const NAMESPACES = ['shop', 'shop', 'shop', 'kube-system'];
const NAMES = ['web', 'web', 'api', 'kube-dns'];
const PORTS = [53, 80];
const PORT_NAMES = ['http', 'http', 'http', 'dns'];
const PROTOCOLS = ['TCP', 'TCP', 'TCP', 'UDP'] as const;
export const CLUSTER_IPS = ['10.96.0.1', '10.96.0.10', 'fd00:10:96::1', 'fd00:10:96:0:0:0:0:a'];
/** Of load balancers and of `externalIPs`: both may claim one, and one that is a ClusterIP. */
export const EXTERNAL_IPS = ['198.51.100.7', '2001:db8:e::7', '10.96.0.1'];
export const NODE_IPS = ['10.89.0.11', '10.89.0.12', 'fd00:10:89::11'];
export const NODE_PORTS = [30080, 30081];
export const HOST_PORTS = [8088, 30080];
export const NODE_NAMES = ['node-a', 'node-b', 'node-c'];
const ZONES = ['east', 'west'];
const RANGES = [
  [],
  ['192.0.2.0/24', ' 2001:db8::/64'],
  ['10.244.1.0/24'],
  ['10.89.0.11/32', 'fd00:10:89::/64'],
];

const namespace = fc.constantFrom(...NAMESPACES);
const protocol = fc.constantFrom(...PROTOCOLS);
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });

/** Drops the fields that are undefined, as JSON does. */
function asJson<T>(value: unknown): T {
  // The shape is what the arbitraries below build; JSON only removes undefined fields.
  return JSON.parse(JSON.stringify(value)) as T;
}

const policy = fc.constantFrom(undefined, 'Cluster', 'Local');
const nodePort = fc.constantFrom(undefined, 0, ...NODE_PORTS);

const servicePorts = fc.array(
  fc.record({
    name: maybe(fc.constantFrom(...PORT_NAMES)),
    port: fc.constantFrom(...PORTS),
    protocol: maybe(protocol),
    nodePort,
  }),
  { maxLength: 3 },
);

/** What is about clients from outside: meant for the types that have it, written by people on others, too. */
const externalSpec = fc.record({
  externalIPs: fc.constantFrom(undefined, [], ...EXTERNAL_IPS.map((ip) => [ip])),
  internalTrafficPolicy: policy,
  externalTrafficPolicy: policy,
  loadBalancerSourceRanges: fc.constantFrom(undefined, ...RANGES),
  healthCheckNodePort: fc.constantFrom(undefined, 0, 32000),
});

const ingress = fc.record({
  ip: fc.constantFrom(undefined, '', ...EXTERNAL_IPS),
  hostname: fc.constant('balancer.example.org'),
  ipMode: fc.constantFrom(undefined, 'VIP', 'Proxy'),
});

export const anyService: fc.Arbitrary<RawService> = fc
  .record({
    metadata: fc.record({ namespace, name: fc.constantFrom(...NAMES) }),
    spec: fc.record({
      type: fc.constantFrom(
        undefined,
        'ClusterIP',
        'NodePort',
        'LoadBalancer',
        'LoadBalancer',
        'ExternalName',
      ),
      externalName: fc.constant('example.org'),
      clusterIPs: fc.oneof(
        { weight: 1, arbitrary: fc.constantFrom(['None'], []) },
        {
          weight: 4,
          arbitrary: fc.uniqueArray(fc.constantFrom(...CLUSTER_IPS), { minLength: 1, maxLength: 2 }),
        },
      ),
      sessionAffinity: fc.constantFrom(undefined, 'None', 'ClientIP'),
      ports: servicePorts,
    }),
    external: externalSpec,
    ingress: fc.array(ingress, { maxLength: 2 }),
  })
  .map(({ metadata, spec, external, ingress }) =>
    asJson({
      metadata,
      spec: { ...spec, ...external, clusterIP: spec.clusterIPs[0] ?? '' },
      status: { loadBalancer: { ingress } },
    }),
  );

const condition = fc.constantFrom(undefined, null, true, false);

function anyEndpoint(prefix: string): fc.Arbitrary<unknown> {
  return fc.record({
    addresses: fc.integer({ min: 1, max: 4 }).map((i) => [`${prefix}${i}`]),
    nodeName: fc.constantFrom(undefined, 'node-a', 'node-b'),
    conditions: maybe(fc.record({ ready: condition, serving: condition, terminating: condition })),
    hints: maybe(fc.record({ forZones: hintsOf(ZONES), forNodes: hintsOf(NODE_NAMES) })),
  });
}

/** Mostly there: hints count only where all endpoints have them. */
function hintsOf(names: readonly string[]): fc.Arbitrary<readonly { readonly name: string }[] | undefined> {
  const one = fc.constantFrom(...names).map((name) => [{ name }]);
  return fc.oneof({ weight: 1, arbitrary: fc.constant(undefined) }, { weight: 3, arbitrary: one });
}

function anySliceOf(addressType: string, prefix: string): fc.Arbitrary<RawEndpointSlice> {
  return fc
    .record({
      metadata: fc.record({
        namespace,
        name: fc.constantFrom('s1', 's2', 's3', 's4'),
        labels: fc.constantFrom(undefined, ...NAMES).map((name) => ({ 'kubernetes.io/service-name': name })),
      }),
      addressType: fc.constant(addressType),
      ports: fc.array(
        fc.record({
          name: fc.constantFrom(undefined, null, '', ...PORT_NAMES),
          port: fc.constantFrom(undefined, null, 8080, 5353),
          protocol: fc.constantFrom(undefined, null, ...PROTOCOLS),
        }),
        { maxLength: 3 },
      ),
      endpoints: fc.array(anyEndpoint(prefix), { maxLength: 4 }),
    })
    .map((slice) => asJson(slice));
}

export const anySlice: fc.Arbitrary<RawEndpointSlice> = fc.oneof(
  { weight: 3, arbitrary: anySliceOf('IPv4', '10.244.1.') },
  { weight: 3, arbitrary: anySliceOf('IPv6', 'fd00:10:244:1::') },
  { weight: 1, arbitrary: anySliceOf('FQDN', '10.244.9.') },
);

const anyNode = fc
  .record({
    name: fc.constantFrom(...NODE_NAMES),
    zone: fc.constantFrom(undefined, '', ...ZONES),
    podCIDRs: fc.constantFrom([], ['10.244.1.0/24'], ['10.244.2.0/24', 'fd00:10:244:2::/64']),
    addresses: fc.uniqueArray(fc.constantFrom(...NODE_IPS), { maxLength: 3 }),
  })
  .map(({ name, zone, podCIDRs, addresses }) =>
    asJson({
      metadata: { name, labels: { 'topology.kubernetes.io/zone': zone } },
      spec: { podCIDRs },
      status: {
        addresses: [
          { type: 'Hostname', address: name },
          ...addresses.map((address) => ({ type: 'InternalIP', address })),
        ],
      },
    }),
  );

const containerPort = fc.record({
  containerPort: fc.constantFrom(8080, 5353),
  hostPort: fc.constantFrom(undefined, 0, ...HOST_PORTS),
  hostIP: fc.constantFrom(undefined, '', '0.0.0.0', ...NODE_IPS),
  protocol: maybe(protocol),
});

const anyPod = fc
  .record({
    namespace,
    name: fc.constantFrom('web-0', 'web-1'),
    node: fc.constantFrom(undefined, 'node-a', 'node-b'),
    phase: fc.constantFrom('Pending', 'Running', 'Succeeded'),
    hostNetwork: fc.constantFrom(undefined, false, true),
    ports: fc.array(containerPort, { maxLength: 2 }),
    ips: fc.constantFrom([], [{ ip: '10.244.1.2' }], [{ ip: '10.244.1.2' }, { ip: 'fd00:10:244:1::2' }]),
  })
  .map(({ namespace, name, node, phase, hostNetwork, ports, ips }) =>
    asJson({
      metadata: { namespace, name, uid: `${namespace}-${name}` },
      spec: { nodeName: node, hostNetwork, containers: [{ name: 'main', ports }] },
      status: { phase, podIPs: ips },
    }),
  );

interface Named {
  readonly metadata: { readonly namespace?: string; readonly name: string };
}

function keyOf(kind: string, { metadata }: Named): string {
  return `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
}

const FOCUS = { namespace: 'shop', name: 'web' };

/** A balanced Service whose slices fit it: chance alone brings the two together too seldom. */
const focusedService = anyService.map((it) => ({
  ...it,
  metadata: FOCUS,
  spec: {
    ...it.spec,
    type: 'LoadBalancer',
    clusterIP: '10.96.0.1',
    clusterIPs: ['10.96.0.1'],
    healthCheckNodePort: 32000,
    ports: [{ name: 'http', port: 80, nodePort: 30080 }],
  },
}));

const focusedSlice = anySliceOf('IPv4', '10.244.1.').map((it) => ({
  ...it,
  metadata: {
    namespace: FOCUS.namespace,
    name: it.metadata.name,
    labels: { 'kubernetes.io/service-name': FOCUS.name },
  },
  ports: [{ name: 'http', port: 8080 }],
}));

/** One whole state of a cluster. */
export const anyState: fc.Arbitrary<State> = fc
  .record({
    Service: fc.array(fc.oneof(anyService, anyService, focusedService), { maxLength: 5 }),
    EndpointSlice: fc.array(fc.oneof(anySlice, focusedSlice), { maxLength: 6 }),
    Node: fc.array(anyNode, { maxLength: 3 }),
    Pod: fc.array(anyPod, { maxLength: 3 }),
  })
  .map((kinds) => {
    const entries = Object.entries(kinds).flatMap(([kind, objects]) =>
      // Every arbitrary above makes objects with metadata.name.
      (objects as readonly Named[]).map((object): [string, unknown] => [keyOf(kind, object), object]),
    );
    return new Map(entries);
  });
