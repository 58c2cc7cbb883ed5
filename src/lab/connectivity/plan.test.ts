import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointSlice, Pod, Service } from '../../objects/api-types.ts';
import { planProbes } from './plan.ts';

const meta = (namespace: string, name: string, labels = {}) => ({
  namespace,
  name,
  uid: `uid-${name}`,
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
  labels,
});

function aPod(namespace: string, name: string, ready = 'True'): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: meta(namespace, name),
    spec: { nodeName: 'node-1', containers: [] },
    status: { conditions: [{ type: 'Ready', status: ready }] },
  };
}

function aService(name: string, spec: Partial<Service['spec']> = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta('shop', name),
    spec: { clusterIP: '10.96.0.1', ports: [{ name: 'http', port: 80 }], ...spec },
  };
}

function aSlice(service: string, nodes: readonly string[]): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: meta('shop', `${service}-1`, { 'kubernetes.io/service-name': service }),
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080 }],
    endpoints: nodes.map((nodeName) => ({ addresses: ['10.0.0.1'], nodeName, conditions: { ready: true } })),
  };
}

test("planProbes() names a Service as people of the pod's namespace do", () => {
  const probes = planProbes(
    [aPod('shop', 'a'), aPod('other', 'b')],
    [aService('web')],
    [aSlice('web', ['node-2'])],
  );
  assert.deepEqual(
    probes.map((it) => [it.from, it.host, it.port, it.endpointNodes]),
    [
      ['shop/a', 'web', 80, ['node-2']],
      ['other/b', 'web.shop', 80, ['node-2']],
    ],
  );
});

test("planProbes() takes the endpoints' own port for a headless Service", () => {
  assert.equal(
    planProbes([aPod('shop', 'a')], [aService('db', { clusterIP: 'None' })], [aSlice('db', ['node-1'])])[0]
      ?.port,
    8080,
  );
});

for (const row of [
  {
    name: 'a pod that is not ready',
    pods: [aPod('shop', 'a', 'False')],
    services: [aService('web')],
    slices: [aSlice('web', ['n'])],
  },
  { name: 'a Service without endpoints', pods: [aPod('shop', 'a')], services: [aService('web')], slices: [] },
  {
    name: 'an ExternalName',
    pods: [aPod('shop', 'a')],
    services: [aService('web', { type: 'ExternalName' })],
    slices: [aSlice('web', ['n'])],
  },
]) {
  test(`planProbes() leaves out ${row.name}`, () =>
    assert.deepEqual(planProbes(row.pods, row.services, row.slices), []));
}
