import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '../base/errors.ts';
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
      { name: 'http', port: 80, protocol: 'TCP', targetPort: 'web' },
      { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
    ],
    selector: new Map([['app', 'web']]),
    affinityTimeoutS: 10_800,
    externalName: undefined,
    publishNotReadyAddresses: false,
  });
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
    spec: { nodeName: 'a', containers: [{ ports: [{ name: 'http', containerPort: 80 }] }] },
    status: {
      phase: 'Running',
      podIPs: [{ ip: '10.244.1.2' }, { ip: 'fd00::2' }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  });
  assert.deepEqual(pod.ips, ['10.244.1.2', 'fd00::2']);
  assert.deepEqual([pod.node, pod.isReady, pod.isTerminating, pod.isFinished], ['a', true, true, false]);
  assert.deepEqual(pod.ports, [{ name: 'http', port: 80, protocol: 'TCP' }]);
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
