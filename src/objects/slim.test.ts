import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '../base/errors.ts';
import { parseClusterSettings } from './cluster-settings.ts';
import { parseCorefileMap } from './corefile.ts';
import { parseEndpointSlice } from './endpoint-slice.ts';
import { parseNode } from './node.ts';
import { parsePod } from './pod.ts';
import { parseService } from './service.ts';

const meta = { name: 'web', namespace: 'shop', uid: 'u1' };

test('parseService() reads a dual-stack Service with named target port and affinity', () => {
  const service = parseService({
    metadata: { ...meta, labels: { 'app.kubernetes.io/name': 'web' } },
    spec: {
      clusterIP: '10.96.0.7',
      clusterIPs: ['10.96.0.7', 'fd00:10:96:0:0:0:0:7'],
      ports: [
        { name: 'http', port: 80, targetPort: 'web' },
        { name: 'dns', port: 53, protocol: 'UDP' },
      ],
      selector: { app: 'web' },
      sessionAffinity: 'ClientIP',
    },
  });
  assert.deepEqual(service, {
    ...meta,
    labels: new Map([['app.kubernetes.io/name', 'web']]),
    type: 'ClusterIP',
    isHeadless: false,
    clusterIps: ['10.96.0.7', 'fd00:10:96::7'],
    ports: [
      {
        name: 'http',
        port: 80,
        protocol: 'TCP',
        targetPort: 'web',
        nodePort: undefined,
        appProtocol: undefined,
      },
      { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53, nodePort: undefined, appProtocol: undefined },
    ],
    selector: new Map([['app', 'web']]),
    affinityTimeoutS: 10_800,
    externalName: undefined,
    publishNotReadyAddresses: false,
    externalIps: [],
    loadBalancerIngress: [],
    loadBalancerClass: undefined,
    sourceRanges: undefined,
    isInternalLocal: false,
    isExternalLocal: false,
    healthCheckNodePort: undefined,
    trafficDistribution: undefined,
    annotations: new Map(),
  });
});

test('parseService() reads what reaches a Service from outside', () => {
  const service = parseService({
    metadata: { ...meta, annotations: { 'fairlead.dev/ipvs-scheduler': 'sh', 'example.org/x': 'y' } },
    spec: {
      type: 'LoadBalancer',
      clusterIP: '10.96.0.7',
      ports: [{ port: 80, nodePort: 30080 }],
      externalIPs: ['192.0.2.1'],
      externalTrafficPolicy: 'Local',
      internalTrafficPolicy: 'Cluster',
      healthCheckNodePort: 30081,
      loadBalancerSourceRanges: [' 10.0.0.0/8 '],
      loadBalancerClass: 'example.org/lb',
      trafficDistribution: 'PreferSameZone',
    },
    status: {
      loadBalancer: {
        ingress: [{ ip: '192.0.2.7' }, { ip: '192.0.2.8', ipMode: 'Proxy' }, { hostname: 'lb.example.org' }],
      },
    },
  });
  assert.deepEqual(service.loadBalancerIngress, [
    { ip: '192.0.2.7', mode: 'VIP' },
    { ip: '192.0.2.8', mode: 'Proxy' },
  ]);
  assert.deepEqual(service.sourceRanges, ['10.0.0.0/8']);
  assert.deepEqual([service.isExternalLocal, service.isInternalLocal], [true, false]);
  assert.deepEqual([service.healthCheckNodePort, service.ports[0]?.nodePort], [30081, 30080]);
  assert.deepEqual([...service.annotations], [['fairlead.dev/ipvs-scheduler', 'sh']]);
  assert.deepEqual([service.externalIps, service.loadBalancerClass], [['192.0.2.1'], 'example.org/lb']);
});

test('parseService() gives headless and ExternalName Services no address', () => {
  const headless = parseService({ metadata: meta, spec: { clusterIP: 'None', clusterIPs: ['None'] } });
  assert.deepEqual([headless.isHeadless, headless.clusterIps], [true, []]);
  const name = parseService({ metadata: meta, spec: { type: 'ExternalName', externalName: 'example.org' } });
  assert.deepEqual([name.isHeadless, name.clusterIps, name.externalName], [false, [], 'example.org']);
});

test('parseService() takes clusterIP where clusterIPs is absent, and none while it is empty', () => {
  assert.deepEqual(parseService({ metadata: meta, spec: { clusterIP: '10.96.0.7' } }).clusterIps, [
    '10.96.0.7',
  ]);
  assert.deepEqual(parseService({ metadata: meta, spec: { clusterIP: '' } }).clusterIps, []);
});

const CONDITIONS = [
  { name: 'none', given: undefined, ready: true, serving: true, terminating: false },
  { name: 'ready null', given: { ready: null }, ready: true, serving: true, terminating: false },
  { name: 'not ready', given: { ready: false }, ready: false, serving: false, terminating: false },
  {
    name: 'serving while terminating',
    given: { ready: false, serving: true, terminating: true },
    ready: false,
    serving: true,
    terminating: true,
  },
];

for (const row of CONDITIONS) {
  test(`parseEndpointSlice() decides conditions: ${row.name}`, () => {
    const slice = parseEndpointSlice({
      metadata: { ...meta, labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [{ name: null, port: 8080 }],
      endpoints: [{ addresses: ['10.244.1.2'], conditions: row.given, nodeName: 'a' }],
    });
    assert.equal(slice.service, 'web');
    assert.deepEqual(slice.ports, [{ name: '', port: 8080, protocol: 'TCP' }]);
    const [endpoint] = slice.endpoints;
    assert.deepEqual(
      [endpoint?.isReady, endpoint?.isServing, endpoint?.isTerminating],
      [row.ready, row.serving, row.terminating],
    );
  });
}

test('parsePod() reads addresses, readiness and ports', () => {
  const pod = parsePod({
    metadata: { ...meta, deletionTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      nodeName: 'a',
      containers: [{ ports: [{ name: 'http', containerPort: 80, hostPort: 8080, hostIP: '0.0.0.0' }] }],
    },
    status: {
      phase: 'Running',
      podIPs: [{ ip: '10.244.1.2' }, { ip: 'fd00::2' }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  });
  assert.deepEqual(pod.ips, ['10.244.1.2', 'fd00::2']);
  assert.deepEqual([pod.node, pod.isReady, pod.isTerminating, pod.isFinished], ['a', true, true, false]);
  assert.deepEqual(pod.ports, [
    { name: 'http', port: 80, protocol: 'TCP', hostPort: 8080, hostIp: undefined },
  ]);
});

test('parseClusterSettings() keeps what is set', () => {
  const settings = parseClusterSettings({ metadata: meta, data: { proxy: ' ipvs\n', ipvsScheduler: 'lc' } });
  assert.deepEqual([settings.proxy, settings.ipvsScheduler], ['ipvs', 'lc']);
  const empty = parseClusterSettings({ metadata: meta, data: { proxy: '' } });
  assert.deepEqual([empty.proxy, empty.ipvsScheduler], [undefined, undefined]);
});

test('parseCorefileMap() keeps the Corefile, and takes an empty one for none', () => {
  const textOf = (data: unknown) => parseCorefileMap({ metadata: meta, data }).text;
  assert.deepEqual(
    [textOf({ Corefile: '. {\n}\n', a: 'b' }), textOf({ Corefile: ' \n' }), textOf(undefined)],
    ['. {\n}\n', undefined, undefined],
  );
});

test('parseNode() keeps InternalIP addresses and pod prefixes', () => {
  const node = parseNode({
    metadata: { name: 'a' },
    spec: { podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'] },
    status: {
      addresses: [
        { type: 'Hostname', address: 'a' },
        { type: 'InternalIP', address: '10.89.0.11' },
      ],
    },
  });
  assert.deepEqual(
    [node.addresses, node.podCidrs],
    [['10.89.0.11'], ['10.244.1.0/24', 'fd00:10:244:1::/64']],
  );
});

const MALFORMED: readonly { name: string; parse: () => unknown; field: string }[] = [
  { name: 'no name', parse: () => parseService({ spec: {} }), field: 'metadata.name' },
  { name: 'a number for an object', parse: () => parsePod(7), field: 'metadata.name' },
  {
    name: 'address',
    parse: () => parseService({ metadata: meta, spec: { clusterIPs: ['10.96.0.7', '10.96.0'] } }),
    field: 'spec.clusterIPs[1]',
  },
  {
    name: 'port',
    parse: () => parseService({ metadata: meta, spec: { ports: [{ port: 70000 }] } }),
    field: 'spec.ports[0].port',
  },
  {
    name: 'prefix with host bits',
    parse: () => parseNode({ metadata: meta, spec: { podCIDR: '10.244.1.1/24' } }),
    field: 'spec.podCIDR',
  },
  {
    name: 'label',
    parse: () => parsePod({ metadata: { ...meta, labels: { 'a.b/c': 7 } } }),
    field: 'metadata.labels["a.b/c"]',
  },
  {
    name: 'endpoint without address',
    parse: () => parseEndpointSlice({ metadata: meta, addressType: 'IPv4', endpoints: [{}] }),
    field: 'endpoints[0].addresses',
  },
];

for (const row of MALFORMED) {
  test(`slim parsers name the malformed field: ${row.name}`, () => {
    assert.throws(row.parse, (error) => hasCode(error, 'invalid') && error.details['field'] === row.field);
  });
}
