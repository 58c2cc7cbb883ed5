import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr, type Cidr } from '../base/cidr.ts';
import type { ClusterNetwork, NodeView } from '../model/network.ts';
import { parseEndpointSlice } from '../objects/endpoint-slice.ts';
import { parseNode } from '../objects/node.ts';
import { parseService } from '../objects/service.ts';
import { compileCluster } from './cluster.ts';
import type { ClusterObjects } from './cluster-objects.ts';
import { NodeCompiler } from './node-compiler.ts';
import { ServiceInputs } from './service-inputs.ts';
import { viewOfNode } from './view.ts';

const SETTINGS: ClusterNetwork = {
  podCidrs: [],
  serviceCidrs: [],
  clusterDomain: 'cluster.local',
  dnsIps: [],
  nodePortAddresses: [],
  allowsExternalIps: false,
};

function aService(name: string, spec: object = {}, namespace = 'shop') {
  return parseService({
    metadata: { namespace, name },
    spec: { clusterIPs: ['10.96.0.7'], ports: [{ name: 'http', port: 80 }], ...spec },
  });
}

function aSlice(name: string, service: string, endpoints: readonly object[], namespace = 'shop') {
  return parseEndpointSlice({
    metadata: { namespace, name, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080 }],
    endpoints,
  });
}

function objectsOf(parts: {
  services?: readonly ReturnType<typeof aService>[];
  slices?: readonly ReturnType<typeof aSlice>[];
}): ClusterObjects {
  const byKey = <T extends { namespace: string; name: string }>(list: readonly T[]) =>
    new Map(list.map((it) => [`${it.namespace}/${it.name}`, it]));
  return {
    nodes: new Map(),
    pods: new Map(),
    services: byKey(parts.services ?? []),
    endpointSlices: byKey(parts.slices ?? []),
  };
}

/** As a node without a zone has them. */
function frontendsOf(objects: ClusterObjects): NodeView['frontends'] {
  const nodes = new Map([['node-a', parseNode({ metadata: { name: 'node-a' } })]]);
  return viewOfNode(compileCluster({ ...objects, nodes }, SETTINGS), 'node-a')?.frontends ?? new Map();
}

function endpointsIn(objects: ClusterObjects, key = '10.96.0.7:80/TCP') {
  return frontendsOf(objects)
    .get(key)
    ?.inside.endpoints.map((it) => `${it.ip}:${it.port}`);
}

const READY = { addresses: ['10.244.1.10'], conditions: { ready: true } };
const LAST = { addresses: ['10.244.1.9'], conditions: { ready: false, serving: true, terminating: true } };
const DOWN = { addresses: ['10.244.1.8'], conditions: { ready: false } };

const CHOICES = [
  {
    name: 'ready ones alone while there are any',
    endpoints: [LAST, READY, DOWN],
    expected: ['10.244.1.10:8080'],
  },
  {
    name: 'serving and terminating ones as the last resort',
    endpoints: [LAST, DOWN],
    expected: ['10.244.1.9:8080'],
  },
  { name: 'none where none serves', endpoints: [DOWN], expected: [] },
  {
    name: 'sorted by value, not by text',
    endpoints: [READY, { addresses: ['10.244.1.9'] }],
    expected: ['10.244.1.9:8080', '10.244.1.10:8080'],
  },
];

for (const row of CHOICES) {
  test(`compileCluster() takes endpoints: ${row.name}`, () => {
    const objects = objectsOf({ services: [aService('web')], slices: [aSlice('s', 'web', row.endpoints)] });
    assert.deepEqual(endpointsIn(objects), row.expected);
  });
}

test('compileCluster() counts an endpoint once that stands in two slices', () => {
  const slices = [aSlice('s1', 'web', [READY]), aSlice('s2', 'web', [READY])];
  assert.deepEqual(endpointsIn(objectsOf({ services: [aService('web')], slices })), ['10.244.1.10:8080']);
});

test('compileCluster() gives an address that two Services claim to the first by name', () => {
  const services = [aService('web'), aService('api')];
  assert.equal(frontendsOf(objectsOf({ services })).get('10.96.0.7:80/TCP')?.service, 'api');
});

test('compileCluster() leaves cluster DNS to the node until a ready endpoint stands behind it', () => {
  const dns = aService('kube-dns', {}, 'kube-system');
  const own = objectsOf({ services: [dns] });
  assert.equal(frontendsOf(own).get('10.96.0.7:80/TCP')?.kind, 'node-local');
  assert.deepEqual(compileCluster(own, SETTINGS).cluster.dnsIps, ['10.96.0.7']);
  const slices = [aSlice('s', 'kube-dns', [READY], 'kube-system')];
  const taken = frontendsOf(objectsOf({ services: [dns], slices }));
  assert.equal(taken.get('10.96.0.7:80/TCP')?.kind, 'balanced');
});

test('NodeCompiler tells which frontends a change concerns, and keeps the others', () => {
  const inputs = new ServiceInputs();
  const compiler = new NodeCompiler(SETTINGS, 'node-a');
  const nodes = new Map([['node-a', parseNode({ metadata: { name: 'node-a' } })]]);
  const slice = aSlice('s', 'web', [READY]);
  const [web, api] = [aService('web'), aService('api', { clusterIPs: ['10.96.0.8'] })];
  const first = { ...objectsOf({ services: [web, api], slices: [slice] }), nodes };
  inputs.update(first, undefined);
  const before = new Map(compiler.compile(first, inputs, undefined).view?.frontends);
  const second = { ...objectsOf({ services: [web, api], slices: [aSlice('s', 'web', [])] }), nodes };
  const none = new Set<string>();
  const objects = { nodes: none, pods: none, services: none, endpointSlices: new Set(['shop/s']) };
  const services = inputs.update(second, objects) ?? none;
  const { view, changedFrontends } = compiler.compile(second, inputs, { objects, services });
  assert.deepEqual([...(changedFrontends ?? [])], ['10.96.0.7:80/TCP']);
  assert.equal(view?.frontends.get('10.96.0.8:80/TCP'), before.get('10.96.0.8:80/TCP'));
});

test('viewOfNode() shows peers that can be reached, sorted, and nothing for an unknown node', () => {
  const node = (name: string, address: string | undefined) =>
    parseNode({
      metadata: { name },
      spec: { podCIDR: '10.244.1.0/24' },
      status: { addresses: address === undefined ? [] : [{ type: 'InternalIP', address }] },
    });
  const nodes = [
    node('c', '10.89.0.13'),
    node('a', '10.89.0.11'),
    node('b', '10.89.0.12'),
    node('d', undefined),
  ];
  const objects = { ...objectsOf({}), nodes: new Map(nodes.map((it) => [it.name, it])) };
  const model = compileCluster(objects, SETTINGS);
  assert.deepEqual(
    viewOfNode(model, 'b')?.peers.map((it) => it.name),
    ['a', 'c'],
  );
  assert.equal(viewOfNode(model, 'z'), undefined);
});

test('compileCluster() gives direct return the node’s own endpoints, where every node can answer and clients would be hidden', () => {
  const slice = aSlice('web-1', 'web', [
    { addresses: ['10.0.0.1'], nodeName: 'node-a' },
    { addresses: ['10.0.0.2'], nodeName: 'node-b' },
  ]);
  const directAt = (
    service: ReturnType<typeof aService>,
    nodes = PAIR,
    nodePortAddresses: readonly Cidr[] = [],
  ) => {
    const objects = { ...objectsOf({ services: [service], slices: [slice] }), nodes: nodesOf(nodes) };
    const view = viewOfNode(compileCluster(objects, { ...SETTINGS, nodePortAddresses }), 'node-a');
    return [...(view?.frontends.values() ?? [])]
      .filter((it) => it.direct !== undefined)
      .map((it) => `${it.scope} ${it.ip} ${it.direct?.endpoints.map(({ ip }) => ip).join()}`);
  };
  const atNodes = 'node-port 192.0.2.1 10.0.0.1';
  const elsewhere = ['cluster-ip 10.96.0.7 10.0.0.1', 'load-balancer 198.51.100.7 10.0.0.1'];
  assert.deepEqual(directAt(aDirectService({})), [elsewhere[0], atNodes, elsewhere[1]]);
  assert.deepEqual(directAt(aDirectService({ externalTrafficPolicy: 'Local' })), [elsewhere[0]]);
  // The other node would not know the port: it has no address of the family, or serves node ports elsewhere.
  assert.deepEqual(directAt(aDirectService({}), { ...PAIR, 'node-b': ['fd00::2'] }), elsewhere);
  assert.deepEqual(directAt(aDirectService({}), PAIR, [parseCidr('192.0.2.1/32')]), elsewhere);
  // At further addresses of this one, clients are hidden.
  const [all, more] = [[parseCidr('192.0.2.0/24')], { ...PAIR, 'node-a': ['192.0.2.1', '192.0.2.9'] }];
  assert.deepEqual(directAt(aDirectService({}), more, all), [elsewhere[0], atNodes, elsewhere[1]]);
});

test('NodeCompiler forgets direct return at node ports where another node serves them no longer', () => {
  const inputs = new ServiceInputs();
  const compiler = new NodeCompiler(SETTINGS, 'node-a');
  const key = '192.0.2.1:30080/TCP';
  const first = { ...objectsOf({ services: [aDirectService({})] }), nodes: nodesOf(PAIR) };
  inputs.update(first, undefined);
  assert.ok(compiler.compile(first, inputs, undefined).view?.frontends.get(key)?.direct);
  const second = { ...first, nodes: nodesOf({ ...PAIR, 'node-b': ['fd00::2'] }) };
  const none = new Set<string>();
  const objects = { nodes: new Set(['node-b']), pods: none, services: none, endpointSlices: none };
  const services = inputs.update(second, objects) ?? none;
  const { view } = compiler.compile(second, inputs, { objects, services });
  assert.deepEqual(view?.frontends, viewOfNode(compileCluster(second, SETTINGS), 'node-a')?.frontends);
  assert.equal(view?.frontends.get(key)?.direct, undefined);
});

function aDirectService(spec: object) {
  return parseService({
    metadata: { namespace: 'shop', name: 'web', annotations: { 'fairlead.dev/forwarding': 'dsr' } },
    spec: {
      type: 'LoadBalancer',
      clusterIPs: ['10.96.0.7'],
      ports: [{ name: 'http', port: 80, nodePort: 30_080 }],
      ...spec,
    },
    status: { loadBalancer: { ingress: [{ ip: '198.51.100.7' }] } },
  });
}

/** Addresses of two nodes with pods. */
const PAIR: Readonly<Record<string, readonly string[]>> = {
  'node-a': ['192.0.2.1'],
  'node-b': ['192.0.2.2'],
};

function nodesOf(addresses: typeof PAIR): ClusterObjects['nodes'] {
  return new Map(
    Object.entries(addresses).map(([name, ips], at) => [
      name,
      parseNode({
        metadata: { name },
        spec: { podCIDRs: [`10.244.${at}.0/24`] },
        status: { addresses: ips.map((address) => ({ type: 'InternalIP', address })) },
      }),
    ]),
  );
}
