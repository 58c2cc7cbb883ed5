import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterOf } from '../../../test/support/cluster-of.ts';
import { ENDPOINT_SLICES, NODES, SERVICES, type Draft } from '../../kube/resource.ts';
import type { EndpointSlice, Node, Service } from '../../objects/api-types.ts';
import { announcedRoutes } from './announced-routes.ts';

interface NodeExtra {
  readonly isReady?: boolean;
  readonly labels?: Record<string, string>;
  readonly taint?: string;
}

function aNode(index: number, { isReady = true, labels = {}, taint }: NodeExtra = {}): Draft<Node> {
  const addresses = [`10.89.0.${index}`, `fd00:10:89::${index}`].map((address) => ({
    type: 'InternalIP',
    address,
  }));
  return {
    metadata: { name: `node-${index}`, labels },
    spec: { taints: taint === undefined ? [] : [{ key: taint, effect: 'NoSchedule' }] },
    status: { addresses, conditions: [{ type: 'Ready', status: isReady ? 'True' : 'Unknown' }] },
  };
}

function aService(name: string, ips: readonly string[], spec: object = {}): Draft<Service> {
  return {
    metadata: { namespace: 'shop', name },
    spec: { type: 'LoadBalancer', ...spec },
    status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
  };
}

type Conditions = { readonly ready: boolean; readonly serving?: boolean };

function aSlice(service: string, nodes: Readonly<Record<string, Conditions>>): Draft<EndpointSlice> {
  return {
    metadata: { namespace: 'shop', name: `${service}-x`, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    endpoints: Object.entries(nodes).map(([nodeName, conditions]) => ({
      addresses: ['10.244.0.2'],
      nodeName,
      conditions,
    })),
  };
}

function routes(
  nodes: readonly Draft<Node>[],
  services: readonly Draft<Service>[],
  slices: readonly Draft<EndpointSlice>[] = [],
): Record<string, string> {
  const parts = [
    [NODES, nodes],
    [SERVICES, services],
    [ENDPOINT_SLICES, slices],
  ] as const;
  return Object.fromEntries(announcedRoutes(clusterOf(...parts)));
}

const LOCAL = { externalTrafficPolicy: 'Local' };
const READY: Conditions = { ready: true };

test('announcedRoutes() leads each address to one node, by its own family', () => {
  const found = routes([aNode(1)], [aService('a', ['10.90.0.1', 'fd00:10:90::1'])]);
  assert.deepEqual(found, { '10.90.0.1': '10.89.0.1', 'fd00:10:90::1': 'fd00:10:89::1' });
});

for (const [name, extra] of [
  ['is not ready', { isReady: false }],
  [
    'is kept from load balancers',
    { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } },
  ],
  ['is about to be removed', { taint: 'ToBeDeletedByClusterAutoscaler' }],
] as const) {
  test(`announcedRoutes() passes over a node that ${name}`, () => {
    const services = Array.from({ length: 20 }, (_, i) => aService(`s${i}`, [`10.90.0.${i + 1}`]));
    const gateways = new Set(Object.values(routes([aNode(1), aNode(2, extra)], services)));
    assert.deepEqual([...gateways], ['10.89.0.1']);
    assert.deepEqual(routes([aNode(2, extra)], services), {});
  });
}

test('announcedRoutes() spreads addresses, and moves only those of a node that goes', () => {
  const services = Array.from({ length: 60 }, (_, i) => aService(`s${i}`, [`10.90.0.${i + 1}`]));
  const before = routes([aNode(1), aNode(2), aNode(3)], services);
  assert.equal(new Set(Object.values(before)).size, 3);
  const after = routes([aNode(1), aNode(3)], services);
  for (const [ip, gateway] of Object.entries(before))
    if (gateway !== '10.89.0.2') assert.equal(after[ip], gateway);
});

for (const [name, slice, expected] of [
  ['that have ready endpoints', aSlice('a', { 'node-2': READY }), '10.89.0.2'],
  [
    'that have ready endpoints before those that serve their last',
    aSlice('a', { 'node-1': { ready: false, serving: true }, 'node-3': READY }),
    '10.89.0.3',
  ],
  ['that serve their last', aSlice('a', { 'node-3': { ready: false, serving: true } }), '10.89.0.3'],
] as const) {
  test(`announcedRoutes() keeps to nodes ${name} with the policy Local`, () => {
    const nodes = [aNode(1), aNode(2), aNode(3)];
    for (let i = 1; i <= 10; i++)
      assert.equal(
        routes(nodes, [aService('a', [`10.90.0.${i}`], LOCAL)], [slice])[`10.90.0.${i}`],
        expected,
      );
  });
}

test('announcedRoutes() leads somewhere that refuses where there are no endpoints at all', () => {
  const found = routes([aNode(1)], [aService('a', ['10.90.0.1'], LOCAL)], [aSlice('a', {})]);
  assert.deepEqual(found, { '10.90.0.1': '10.89.0.1' });
});

test("announcedRoutes() leaves other load balancers' addresses alone", () => {
  const theirs = aService('a', ['192.0.2.1'], { loadBalancerClass: 'cloud.example/x' });
  assert.deepEqual(routes([aNode(1)], [theirs, aService('b', [], { type: 'ClusterIP' })]), {});
});
