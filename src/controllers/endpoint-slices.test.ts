import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterOf, type ClusterPart } from '../../test/support/cluster-of.ts';
import { ENDPOINT_SLICES, NODES, PODS, SERVICES, type Draft } from '../kube/resource.ts';
import type { EndpointSlice, Pod, Service } from '../objects/api-types.ts';
import { reconcileSlices } from './endpoint-slices.ts';

const READY = [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-02T03:04:05Z' }];

function aPod(name: string, extra: Partial<Draft<Pod>> = {}, ips = ['10.244.0.1', 'fd00::1']): Draft<Pod> {
  return {
    metadata: { namespace: 'shop', name, labels: { app: 'web' } },
    spec: { nodeName: 'a', containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 8080 }] }] },
    status: { phase: 'Running', podIPs: ips.map((ip) => ({ ip })), conditions: READY },
    ...extra,
  };
}

function aService(spec: Partial<Service['spec']> = {}): Draft<Service> {
  return {
    metadata: { namespace: 'shop', name: 'web', labels: { team: 'x' } },
    spec: {
      clusterIP: '10.96.0.7',
      ipFamilies: ['IPv4'],
      selector: { app: 'web' },
      ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }],
      ...spec,
    },
  };
}

/** The slices that are created, without their metadata. */
function created(service: Draft<Service>, pods: readonly Draft<Pod>[], ...more: readonly ClusterPart[]) {
  const cluster = clusterOf([SERVICES, [service]], [PODS, pods], ...more);
  return reconcileSlices('shop/web', { cluster }).flatMap((action) =>
    action.kind === 'create' ? [action.object as unknown as EndpointSlice] : [],
  );
}

test('a ready pod becomes an endpoint with node, zone and target', () => {
  const node = { metadata: { name: 'a', labels: { 'topology.kubernetes.io/zone': 'z1' } } };
  const [slice] = created(aService(), [aPod('web-1')], [NODES, [node]]);
  assert.deepEqual(slice, {
    metadata: {
      generateName: 'web-',
      namespace: 'shop',
      labels: {
        team: 'x',
        'kubernetes.io/service-name': 'web',
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-02T03:04:05Z' },
      ownerReferences: [
        {
          apiVersion: 'v1',
          kind: 'Service',
          name: 'web',
          uid: 'Service/shop/web',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [
      {
        addresses: ['10.244.0.1'],
        conditions: { ready: true, serving: true, terminating: false },
        targetRef: { kind: 'Pod', namespace: 'shop', name: 'web-1', uid: 'Pod/shop/web-1' },
        nodeName: 'a',
        zone: 'z1',
      },
    ],
  });
});

const ending = { deletionTimestamp: '2026-01-02T03:05:00Z' };
const meta = { namespace: 'shop', name: 'web-1', labels: { app: 'web' } };
const notReady = { phase: 'Running', podIPs: [{ ip: '10.244.0.1' }] };
const CONDITIONS = [
  { name: 'ready', pod: {}, spec: {}, expected: [true, true, false] },
  { name: 'not ready', pod: { status: notReady }, spec: {}, expected: [false, false, false] },
  {
    name: 'ready and terminating',
    pod: { metadata: { ...meta, ...ending } },
    spec: {},
    expected: [false, true, true],
  },
  {
    name: 'not ready and terminating',
    pod: { status: notReady, metadata: { ...meta, ...ending } },
    spec: {},
    expected: [false, false, true],
  },
  {
    name: 'not ready but published',
    pod: { status: notReady },
    spec: { publishNotReadyAddresses: true },
    expected: [true, false, false],
  },
];

for (const { name, pod, spec, expected } of CONDITIONS) {
  test(`conditions of an endpoint whose pod is ${name}`, () => {
    const [slice] = created(aService(spec), [aPod('web-1', pod)]);
    const { ready, serving, terminating } = slice?.endpoints[0]?.conditions ?? {};
    assert.deepEqual([ready, serving, terminating], expected);
  });
}

for (const phase of ['Succeeded', 'Failed']) {
  test(`a pod that ${phase.toLowerCase()} is no endpoint`, () => {
    const status = { phase, podIPs: [{ ip: '10.244.0.1' }] };
    assert.deepEqual(created(aService(), [aPod('web-1', { status })])[0]?.endpoints, []);
  });
}

test('each family of the Service has its own slice', () => {
  const slices = created(aService({ ipFamilies: ['IPv6', 'IPv4'] }), [aPod('web-1')]);
  assert.deepEqual(
    slices.map(({ addressType, endpoints }) => [addressType, endpoints[0]?.addresses[0]]),
    [
      ['IPv6', 'fd00::1'],
      ['IPv4', '10.244.0.1'],
    ],
  );
});

test('pods that give a named port different numbers are in different slices, those without it have no ports', () => {
  const other = (containerPort: number) => ({
    spec: { nodeName: 'a', containers: [{ name: 'c', ports: [{ name: 'http', containerPort }] }] },
  });
  const none = { spec: { nodeName: 'a', containers: [{ name: 'c' }] } };
  const pods = [
    aPod('p1', {}, ['10.244.0.1']),
    aPod('p2', other(9090), ['10.244.0.2']),
    aPod('p3', none, ['10.244.0.3']),
  ];
  const slices = created(aService(), pods);
  assert.deepEqual(
    slices.map(({ ports, endpoints }) => [ports?.[0]?.port, endpoints.map(({ addresses }) => addresses[0])]),
    [
      [8080, ['10.244.0.1']],
      [9090, ['10.244.0.2']],
      [undefined, ['10.244.0.3']],
    ],
  );
});

test('the port of a sidecar serves too', () => {
  const sidecar = { name: 's', restartPolicy: 'Always', ports: [{ name: 'http', containerPort: 7070 }] };
  const spec = { nodeName: 'a', containers: [{ name: 'c' }], initContainers: [sidecar] };
  assert.equal(created(aService(), [aPod('p', { spec })])[0]?.ports?.[0]?.port, 7070);
});

test('a headless Service is marked, and names the hosts of its subdomain', () => {
  const spec = { nodeName: 'a', hostname: 'db-0', subdomain: 'web', containers: [{ name: 'c' }] };
  const pods = [aPod('db-0', { spec }), aPod('x', { spec: { ...spec, subdomain: 'other' } })];
  const [slice] = created(aService({ clusterIP: 'None', ports: [] }), pods);
  assert.equal(slice?.metadata.labels?.['service.kubernetes.io/headless'], '');
  assert.deepEqual(
    slice?.endpoints.map((endpoint) => endpoint.hostname),
    ['db-0', undefined],
  );
});

test('a Service without pods has one empty slice per family', () => {
  const slices = created(aService(), []);
  assert.deepEqual(
    slices.map(({ endpoints, ports }) => [endpoints, ports]),
    [[[], []]],
  );
});

for (const [name, spec] of [
  ['without a selector', { selector: {} }],
  ['that is an ExternalName', { type: 'ExternalName' }],
] as const) {
  test(`a Service ${name} is left alone`, () => {
    const mine = {
      metadata: { namespace: 'shop', name: 'own', labels: { 'kubernetes.io/service-name': 'web' } },
    };
    const cluster = clusterOf([SERVICES, [aService(spec)]], [PODS, [aPod('p')]], [ENDPOINT_SLICES, [mine]]);
    assert.deepEqual(reconcileSlices('shop/web', { cluster }), []);
  });
}

test('250 pods fill three slices, and what is there already is not written again', () => {
  const pods = Array.from({ length: 250 }, (_, i) => aPod(`web-${i}`, {}, [`10.244.${i >> 8}.${i & 255}`]));
  const slices = created(aService(), pods);
  assert.deepEqual(
    slices.map(({ endpoints }) => endpoints.length),
    [100, 100, 50],
  );
  const stored = slices.map((slice, i) => ({ ...slice, metadata: { ...slice.metadata, name: `web-${i}` } }));
  const same = clusterOf([SERVICES, [aService()]], [PODS, pods], [ENDPOINT_SLICES, stored]);
  assert.deepEqual(reconcileSlices('shop/web', { cluster: same }), []);
  const fewer = clusterOf([SERVICES, [aService()]], [PODS, pods.slice(1)], [ENDPOINT_SLICES, stored]);
  assert.deepEqual(
    reconcileSlices('shop/web', { cluster: fewer }).map(({ kind }) => kind),
    ['patch'],
  );
});

test('slices of a Service that is gone are deleted', () => {
  const labels = {
    'kubernetes.io/service-name': 'web',
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
  };
  const slice = {
    metadata: { namespace: 'shop', name: 'web-x', labels },
    addressType: 'IPv4',
    endpoints: [],
  };
  const actions = reconcileSlices('shop/web', { cluster: clusterOf([ENDPOINT_SLICES, [slice]]) });
  assert.deepEqual(
    actions.map(({ kind }) => kind),
    ['delete'],
  );
});
