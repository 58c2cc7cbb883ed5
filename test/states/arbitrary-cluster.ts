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

const namespace = fc.constantFrom(...NAMESPACES);
const protocol = fc.constantFrom(...PROTOCOLS);
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });

/** Drops the fields that are undefined, as JSON does. */
function asJson<T>(value: unknown): T {
  // The shape is what the arbitraries below build; JSON only removes undefined fields.
  return JSON.parse(JSON.stringify(value)) as T;
}

export const anyService: fc.Arbitrary<RawService> = fc
  .record({
    metadata: fc.record({ namespace, name: fc.constantFrom(...NAMES) }),
    spec: fc.record({
      type: fc.constantFrom(undefined, 'ClusterIP', 'ClusterIP', 'ClusterIP', 'ExternalName'),
      externalName: fc.constant('example.org'),
      clusterIPs: fc.oneof(
        { weight: 1, arbitrary: fc.constantFrom(['None'], []) },
        {
          weight: 4,
          arbitrary: fc.uniqueArray(fc.constantFrom(...CLUSTER_IPS), { minLength: 1, maxLength: 2 }),
        },
      ),
      sessionAffinity: fc.constantFrom(undefined, 'None', 'ClientIP'),
      ports: fc.array(
        fc.record({
          name: maybe(fc.constantFrom(...PORT_NAMES)),
          port: fc.constantFrom(...PORTS),
          protocol: maybe(protocol),
        }),
        { maxLength: 3 },
      ),
    }),
  })
  .map(({ metadata, spec }) => asJson({ metadata, spec: { ...spec, clusterIP: spec.clusterIPs[0] ?? '' } }));

const condition = fc.constantFrom(undefined, null, true, false);

function anyEndpoint(prefix: string): fc.Arbitrary<unknown> {
  return fc.record({
    addresses: fc.integer({ min: 1, max: 4 }).map((i) => [`${prefix}${i}`]),
    nodeName: fc.constantFrom(undefined, 'node-a', 'node-b'),
    conditions: maybe(fc.record({ ready: condition, serving: condition, terminating: condition })),
  });
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
    name: fc.constantFrom('node-a', 'node-b', 'node-c'),
    podCIDRs: fc.constantFrom([], ['10.244.1.0/24'], ['10.244.2.0/24', 'fd00:10:244:2::/64']),
    address: fc.constantFrom(undefined, '10.89.0.11', '10.89.0.12'),
  })
  .map(({ name, podCIDRs, address }) =>
    asJson({
      metadata: { name },
      spec: { podCIDRs },
      status: { addresses: address === undefined ? [] : [{ type: 'InternalIP', address }] },
    }),
  );

const anyPod = fc
  .record({
    namespace,
    name: fc.constantFrom('web-0', 'web-1'),
    node: fc.constantFrom(undefined, 'node-a', 'node-b'),
    phase: fc.constantFrom('Pending', 'Running', 'Succeeded'),
    ips: fc.constantFrom([], [{ ip: '10.244.1.2' }], [{ ip: '10.244.1.2' }, { ip: 'fd00:10:244:1::2' }]),
  })
  .map(({ namespace, name, node, phase, ips }) =>
    asJson({
      metadata: { namespace, name, uid: `${namespace}-${name}` },
      spec: { nodeName: node },
      status: { phase, podIPs: ips },
    }),
  );

interface Named {
  readonly metadata: { readonly namespace?: string; readonly name: string };
}

function keyOf(kind: string, { metadata }: Named): string {
  return `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
}

/** One whole state of a cluster. */
export const anyState: fc.Arbitrary<State> = fc
  .record({
    Service: fc.array(anyService, { maxLength: 5 }),
    EndpointSlice: fc.array(anySlice, { maxLength: 6 }),
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
