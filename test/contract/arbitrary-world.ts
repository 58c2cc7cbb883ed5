// Random clusters whose node, pods and clients are those of the Service world: what the API would hold, for packets that can be sent.

import fc from 'fast-check';
import { parseCidr } from '../../src/base/cidr.ts';
import type { ClusterNetwork } from '../../src/model/network.ts';
import { SERVICE_NODE } from '../support/service-samples.ts';
import type { State } from '../states/expanders.ts';

export const WORLD_NETWORK: ClusterNetwork = {
  podCidrs: ['10.77.0.0/16', 'fd77::/48'].map(parseCidr),
  serviceCidrs: ['10.96.0.0/16', 'fd96::/112'].map(parseCidr),
  clusterDomain: 'cluster.local',
  dnsIps: [],
  nodePortAddresses: [],
  allowsExternalIps: true,
  ipvsScheduler: undefined,
};

/** Who listens at port 8080 of which address, by family. The remote one is a pod of another node. */
export const WORLD_ENDPOINTS = {
  IPv4: new Map([
    ['10.77.0.10', 'client'],
    ['10.77.0.11', 'a'],
    ['10.77.0.12', 'b'],
    ['10.77.1.13', 'remote'],
  ]),
  IPv6: new Map([
    ['fd77::10', 'client'],
    ['fd77::11', 'a'],
    ['fd77::12', 'b'],
    ['fd77:0:0:1::13', 'remote'],
  ]),
} as const;

const NAMES = ['web', 'web', 'api'];
const TCP_OR_UDP = ['TCP', 'TCP', 'UDP'] as const;
const CLUSTER_IPS = [
  ['10.96.0.10', 'fd96::10'],
  ['fd96::11', '10.96.0.11'],
];
const BALANCER_IPS = ['198.51.100.7', '2001:db8:e::7'];
const RANGES = [undefined, undefined, ['192.0.2.8/29', '2001:db8::8/125'], ['203.0.113.128/25']];

/** The node of the world, as the API holds it. */
export function worldNode(labels: Readonly<Record<string, string>> = {}): object {
  return {
    metadata: { name: SERVICE_NODE.name, labels },
    spec: { podCIDRs: SERVICE_NODE.podCidrs },
    status: { addresses: SERVICE_NODE.addresses.map((address) => ({ type: 'InternalIP', address })) },
  };
}

const policy = fc.constantFrom(undefined, 'Cluster', 'Local');

const anyService = fc
  .record({
    name: fc.constantFrom(...NAMES),
    type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer', 'LoadBalancer'),
    externalIPs: fc.constantFrom(undefined, undefined, ['198.51.100.8'], ['2001:db8:e::8']),
    internalTrafficPolicy: policy,
    externalTrafficPolicy: policy,
    loadBalancerSourceRanges: fc.constantFrom(...RANGES),
    ports: fc.uniqueArray(
      fc.record({ port: fc.constantFrom(80, 81), protocol: fc.constantFrom(...TCP_OR_UDP) }),
      { minLength: 1, maxLength: 2, selector: ({ port, protocol }) => `${port}/${protocol}` },
    ),
  })
  .map(({ name, ports, ...spec }) => {
    const index = name === 'web' ? 0 : 1;
    const clusterIPs = CLUSTER_IPS[index] ?? [];
    const ip = BALANCER_IPS[index];
    return {
      metadata: { namespace: 'shop', name },
      spec: {
        ...spec,
        clusterIP: clusterIPs[0],
        clusterIPs,
        ports: ports.map(({ port, protocol }) => ({
          name: `${protocol.toLowerCase()}-${port}`,
          port,
          protocol,
          ...(spec.type === 'ClusterIP' ? {} : { nodePort: 30000 + port + 10 * index }),
        })),
      },
      ...(spec.type === 'LoadBalancer' ? { status: { loadBalancer: { ingress: [{ ip }] } } } : {}),
    };
  });

const condition = fc.constantFrom(undefined, true, true, false);

const anySlice = fc
  .record({
    service: fc.constantFrom(...NAMES),
    name: fc.constantFrom('s1', 's2', 's3', 's4'),
    addressType: fc.constantFrom('IPv4' as const, 'IPv6' as const),
    ports: fc.uniqueArray(fc.constantFrom('tcp-80', 'tcp-81', 'udp-80', 'udp-81'), { minLength: 2 }),
    endpoints: fc.uniqueArray(
      fc.record({
        at: fc.nat(3),
        conditions: fc.record({
          ready: condition,
          serving: condition,
          terminating: fc.constantFrom(false, true),
        }),
      }),
      { minLength: 1, maxLength: 3, selector: ({ at }) => at },
    ),
  })
  .map(({ service, name, addressType, ports, endpoints }) => ({
    metadata: { namespace: 'shop', name, labels: { 'kubernetes.io/service-name': service } },
    addressType,
    ports: ports.map((it) => ({ name: it, port: 8080, protocol: it.startsWith('tcp') ? 'TCP' : 'UDP' })),
    endpoints: endpoints.map(({ at, conditions }) => {
      const [ip = '', pod] = [...WORLD_ENDPOINTS[addressType]][at] ?? [];
      return { addresses: [ip], nodeName: pod === 'remote' ? 'node-b' : SERVICE_NODE.name, conditions };
    }),
  }));

interface Named {
  readonly metadata: { readonly namespace: string; readonly name: string };
}

function entriesOf(kind: string, objects: readonly Named[]): readonly (readonly [string, unknown])[] {
  // As JSON has them: without the fields that are undefined.
  return objects.map((it) => [
    `${kind} ${it.metadata.namespace}/${it.metadata.name}`,
    JSON.parse(JSON.stringify(it)),
  ]);
}

/** One whole state of the world's cluster. */
export const anyWorldState: fc.Arbitrary<State> = fc
  .record({
    services: fc.array(anyService, { minLength: 1, maxLength: 3 }),
    slices: fc.array(anySlice, { maxLength: 4 }),
  })
  .map(
    ({ services, slices }) =>
      new Map([
        [`Node /${SERVICE_NODE.name}`, worldNode()],
        ...entriesOf('Service', services),
        ...entriesOf('EndpointSlice', slices),
      ]),
  );
