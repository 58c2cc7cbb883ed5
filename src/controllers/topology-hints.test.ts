import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { clusterOf, served } from '../../test/support/cluster-of.ts';
import { ENDPOINT_SLICES, NODES, PODS, SERVICES, type Draft } from '../kube/resource.ts';
import type { Endpoint, EndpointSlice, Node, Pod, Service } from '../objects/api-types.ts';
import { endpointSliceController, reconcileSlices } from './endpoint-slices.ts';
import { withHints } from './topology-hints.ts';

const READY = { type: 'Ready', status: 'True' };

function aNode(name: string, zone: string | undefined, over: { cpu?: string; labels?: object; isReady?: boolean } = {}): Draft<Node> {
  const labels = { ...(zone === undefined ? {} : { 'topology.kubernetes.io/zone': zone }), ...over.labels };
  const conditions = [{ ...READY, status: over.isReady === false ? 'False' : 'True' }];
  return { metadata: { name, labels }, status: { allocatable: { cpu: over.cpu ?? '4' }, conditions } };
} // prettier-ignore

function aPod(name: string, nodeName: string, isReady = true): Draft<Pod> {
  const number = Number(name.slice(1));
  return {
    metadata: { namespace: 'shop', name, labels: { app: 'web' } },
    spec: { nodeName, containers: [] },
    status: {
      phase: 'Running',
      podIPs: [{ ip: `10.244.0.${number}` }],
      conditions: [{ ...READY, status: isReady ? 'True' : 'False' }],
    },
  };
}

function aService(spec: object, annotations: Record<string, string> = {}): Draft<Service> {
  return {
    metadata: { namespace: 'shop', name: 'web', annotations },
    spec: { ipFamilies: ['IPv4'], selector: { app: 'web' }, ports: [{ port: 80 }], ...spec },
  };
}

const AUTO = { 'service.kubernetes.io/topology-mode': 'Auto' };
const TWO_ZONES = [aNode('a', 'z1'), aNode('b', 'z2')];

interface World {
  readonly service: Draft<Service>;
  readonly pods: readonly Draft<Pod>[];
  readonly nodes: readonly Draft<Node>[];
  readonly slices?: readonly Draft<EndpointSlice>[];
}

function actionsOf({ service, pods, nodes, slices = [] }: World) {
  const cluster = clusterOf([SERVICES, [service]], [PODS, pods], [NODES, nodes], [ENDPOINT_SLICES, slices]);
  return reconcileSlices('shop/web', { cluster });
}

function endpointsOf(world: World): readonly Endpoint[] {
  return actionsOf(world).flatMap((action) =>
    action.kind === 'create' ? (action.object as unknown as EndpointSlice).endpoints : [],
  );
}

/** "z1 a" for an endpoint meant for zone z1 and node a, "-" for one without hints. */
function hintTexts(endpoints: readonly Endpoint[]): readonly string[] {
  return endpoints.map(({ hints }) => {
    const { forZones = [], forNodes = [] } = (hints ?? {}) as Record<string, readonly { name: string }[]>;
    return hints === undefined ? '-' : [...forZones, ...forNodes].map((it) => it.name).join(' ');
  });
}

const PODS_OF_BOTH = [aPod('p1', 'a'), aPod('p2', 'b'), aPod('p3', 'b', false)];
const ROWS = [
  { name: 'neither', service: aService({}), expected: ['-', '-', '-'] },
  { name: 'PreferSameZone', service: aService({ trafficDistribution: 'PreferSameZone' }), expected: ['z1', 'z2', '-'] },
  { name: 'PreferClose', service: aService({ trafficDistribution: 'PreferClose' }), expected: ['z1', 'z2', '-'] },
  { name: 'PreferSameNode', service: aService({ trafficDistribution: 'PreferSameNode' }), expected: ['z1 a', 'z2 b', '-'] },
  { name: 'topology-mode Auto', service: aService({}, AUTO), expected: ['z1', 'z2', '-'] },
  { name: 'topology-mode Auto, which comes before the field', service: aService({ trafficDistribution: 'PreferSameNode' }, AUTO), expected: ['z1', 'z2', '-'] },
  { name: 'topology-mode Disabled', service: aService({}, { 'service.kubernetes.io/topology-mode': 'Disabled' }), expected: ['-', '-', '-'] },
  { name: 'the older annotation', service: aService({}, { 'service.kubernetes.io/topology-aware-hints': 'auto' }), expected: ['z1', 'z2', '-'] },
]; // prettier-ignore

for (const { name, service, expected } of ROWS) {
  test(`hints with ${name}`, () => {
    assert.deepEqual(hintTexts(endpointsOf({ service, pods: PODS_OF_BOTH, nodes: TWO_ZONES })), expected);
  });
}

test('PreferSameNode gives a node hint alone where the node has no zone', () => {
  const service = aService({ trafficDistribution: 'PreferSameNode' });
  const endpoints = endpointsOf({ service, pods: [aPod('p1', 'a')], nodes: [aNode('a', undefined)] });
  assert.deepEqual(hintTexts(endpoints), ['a']);
});

const four = ['p1', 'p2', 'p3', 'p4'];
const FALLBACKS = [
  { name: 'one zone', nodes: [aNode('a', 'z1'), aNode('b', 'z1')], pods: four.map((it) => aPod(it, 'a')), because: /one zone alone/ },
  { name: 'a node without a zone', nodes: [...TWO_ZONES, aNode('c', undefined)], pods: four.map((it) => aPod(it, 'a')), because: /lacks its zone/ },
  { name: 'a node without CPUs', nodes: [...TWO_ZONES, aNode('c', 'z2', { cpu: '0' })], pods: four.map((it) => aPod(it, 'a')), because: /allocatable CPUs/ },
  { name: 'fewer endpoints than zones', nodes: TWO_ZONES, pods: [aPod('p1', 'a')], because: /fewer endpoints than zones/ },
  { name: 'three endpoints for two equal zones', nodes: TWO_ZONES, pods: [aPod('p1', 'a'), aPod('p2', 'b'), aPod('p3', 'b')], because: /overloaded/ },
  { name: 'an endpoint whose node is not known', nodes: TWO_ZONES, pods: [aPod('p1', 'a'), aPod('p2', 'gone')], because: /10\.244\.0\.2 has no zone/ },
]; // prettier-ignore

for (const { name, nodes, pods, because } of FALLBACKS) {
  test(`proportional hints fall back with ${name}, and an event says why`, () => {
    const actions = actionsOf({ service: aService({}, AUTO), pods, nodes });
    const events = actions.flatMap((it) => (it.kind === 'event' ? [it.event] : []));
    assert.equal(events.length, 1);
    assert.equal(events[0]?.reason, 'TopologyAwareHintsDisabled');
    assert.match(events[0].message, because);
    const endpoints = endpointsOf({ service: aService({}, AUTO), pods, nodes });
    assert.deepEqual(hintTexts(endpoints), pods.map(() => '-')); // prettier-ignore
  });
}

test('nodes of the control plane and nodes that are not ready have no share', () => {
  const nodes = [
    ...TWO_ZONES,
    aNode('c', 'z3', { labels: { 'node-role.kubernetes.io/control-plane': '' } }),
    aNode('d', undefined, { isReady: false }),
  ];
  const endpoints = endpointsOf({ service: aService({}, AUTO), pods: [aPod('p1', 'a'), aPod('p2', 'b')], nodes }); // prettier-ignore
  assert.deepEqual(hintTexts(endpoints), ['z1', 'z2']);
});

test('a zone with more CPUs is given endpoints of the other one', () => {
  const nodes = [aNode('a', 'z1', { cpu: '2' }), aNode('b', 'z2', { cpu: '6' })];
  const pods = Array.from({ length: 8 }, (_, i) => aPod(`p${i + 1}`, 'a'));
  const endpoints = endpointsOf({ service: aService({}, AUTO), pods, nodes });
  const texts = hintTexts(endpoints);
  assert.deepEqual([texts.filter((it) => it === 'z1').length, texts.filter((it) => it === 'z2').length], [2, 6]); // prettier-ignore
});

/** The slices that a first run makes, as the server has them then. */
function slicesAfter(world: World): readonly Draft<EndpointSlice>[] {
  return actionsOf(world).flatMap((action, i) => {
    if (action.kind !== 'create') return [];
    const draft = action.object as unknown as Draft<EndpointSlice>;
    return [served(ENDPOINT_SLICES, { ...draft, metadata: { ...draft.metadata, name: `web-${i}` } })];
  });
}

for (const service of [aService({ trafficDistribution: 'PreferSameNode' }), aService({}, AUTO)]) {
  const text = JSON.stringify([service.spec?.trafficDistribution, service.metadata.annotations]);
  test(`slices are not written again where nothing changed, ${text}`, () => {
    const world = { service, pods: PODS_OF_BOTH, nodes: TWO_ZONES };
    assert.deepEqual(actionsOf({ ...world, slices: slicesAfter(world) }), []);
  });

  test(`a node that moves to another zone changes what is hinted, ${text}`, () => {
    const world = { service, pods: PODS_OF_BOTH, nodes: TWO_ZONES };
    const nodes = [aNode('a', 'z1'), aNode('b', 'z9')];
    const [action] = actionsOf({ ...world, nodes, slices: slicesAfter(world) });
    assert.equal(action?.kind, 'patch');
    const { endpoints } = action.patch as unknown as EndpointSlice;
    assert.match(hintTexts(endpoints).join(), /z9/);
    assert.equal(endpoints[1]?.zone, 'z9');
  });
}

test('hints go where they are not asked for any more', () => {
  const world = { service: aService({}, AUTO), pods: PODS_OF_BOTH, nodes: TWO_ZONES };
  const [action] = actionsOf({ ...world, service: aService({}), slices: slicesAfter(world) });
  assert.equal(action?.kind, 'patch');
  assert.deepEqual(hintTexts((action.patch as unknown as EndpointSlice).endpoints), ['-', '-', '-']);
});

test('a node’s CPUs concern the Services alone that ask for proportional hints, its zone concerns all', () => {
  const other = { ...aService({}), metadata: { namespace: 'shop', name: 'other' } };
  const cluster = clusterOf([SERVICES, [aService({}, AUTO), other]]);
  const nodeSource = endpointSliceController.sources.find((it) => it.resource === NODES);
  const keys = (before: Draft<Node>, after: Draft<Node>): readonly string[] =>
    [...(nodeSource?.keysOf({ kind: 'nodes', key: 'a', before, after }, cluster) ?? [])].sort((a, b) => (a < b ? -1 : 1));
  assert.deepEqual(keys(aNode('a', 'z1'), aNode('a', 'z1', { labels: { x: 'y' } })), []);
  assert.deepEqual(keys(aNode('a', 'z1'), aNode('a', 'z1', { cpu: '8' })), ['shop/web']);
  assert.deepEqual(keys(aNode('a', 'z1'), aNode('a', 'z1', { isReady: false })), ['shop/web']);
  assert.deepEqual(keys(aNode('a', 'z1'), aNode('a', 'z2')), ['shop/other', 'shop/web']);
}); // prettier-ignore

test('hints that burden no endpoint too much are kept, others are given anew', () => {
  const nodes = TWO_ZONES.map((it) => served(NODES, it));
  const endpoints = Array.from({ length: 20 }, (_, i): Endpoint => ({
    addresses: [`10.0.0.${i}`],
    zone: 'z1',
    conditions: { ready: true },
  }));
  /** Endpoints of zone 1, where the first `count` are meant for it now. */
  const inFirstZone = (count: number): number => {
    const zoneNow = (it: Endpoint): string => (endpoints.indexOf(it) < count ? 'z1' : 'z2');
    const hinted = withHints({ mode: 'proportional', endpoints, nodes, zoneNow });
    return hintTexts(hinted.endpoints).filter((it) => it === 'z1').length;
  };
  // Nine of twenty for half of the CPUs are 1.11 times their share, eight are 1.25 times.
  assert.deepEqual([8, 9, 11, 12].map(inFirstZone), [10, 9, 11, 10]);
});

const ZONES = ['z1', 'z2', 'z3'];
const arbitraryNodes = fc.array(fc.record({ zone: fc.constantFrom(...ZONES), cpu: fc.integer({ min: 1, max: 16 }) }), { maxLength: 6 }); // prettier-ignore
const arbitraryEndpoints = fc.array(
  fc.record({
    zone: fc.constantFrom(...ZONES),
    ready: fc.boolean(),
    now: fc.option(fc.constantFrom(...ZONES, 'gone'), { nil: undefined }),
  }),
  { maxLength: 30 },
);

test('either every ready endpoint has one hint and no zone is overloaded by more than a fifth, or none has and a reason is given', () => {
  fc.assert(
    fc.property(arbitraryNodes, arbitraryEndpoints, (nodeShares, shapes) => {
      const nodes = nodeShares.map(({ zone, cpu }, i) => served(NODES, aNode(`n${i}`, zone, { cpu: String(cpu) }))); // prettier-ignore
      const zonesNow = new Map<string, string | undefined>();
      const endpoints = shapes.map(({ zone, ready, now }, i): Endpoint => {
        zonesNow.set(`10.0.0.${i}`, now);
        return { addresses: [`10.0.0.${i}`], zone, conditions: { ready } };
      });
      const zoneNow = (it: Endpoint): string | undefined => zonesNow.get(it.addresses[0] ?? '');
      const result = withHints({ mode: 'proportional', endpoints, nodes, zoneNow });
      const ready = result.endpoints.filter((it) => it.conditions?.ready === true);
      assert.deepEqual(result.endpoints.map((it) => it.addresses), endpoints.map((it) => it.addresses)); // prettier-ignore
      assert.ok(result.endpoints.every((it) => it.conditions?.ready === true || it.hints === undefined));
      if (result.because !== undefined) return assert.ok(ready.every((it) => it.hints === undefined));
      assert.ok(ready.every((it) => it.hints?.forZones?.length === 1));
      const totalCpu = nodeShares.reduce((sum, it) => sum + it.cpu, 0);
      for (const zone of new Set(nodeShares.map((it) => it.zone))) {
        const cpu = nodeShares.reduce((sum, it) => sum + (it.zone === zone ? it.cpu : 0), 0);
        const count = ready.filter((it) => it.hints?.forZones?.[0]?.name === zone).length;
        // A zone's traffic over its endpoints, where one endpoint of all would have 1.
        assert.ok(((cpu / totalCpu) * ready.length) / count <= 1.2 + 1e-9, `${zone} has ${count}`);
      }
      const again = withHints({ mode: 'proportional', endpoints, nodes, zoneNow: (it) => result.endpoints.find((each) => each.addresses[0] === it.addresses[0])?.hints?.forZones?.[0]?.name }); // prettier-ignore
      assert.deepEqual(again.endpoints, result.endpoints, 'what holds stays');
    }),
  );
});
