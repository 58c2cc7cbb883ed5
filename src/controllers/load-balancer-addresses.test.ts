import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { clusterOf } from '../../test/support/cluster-of.ts';
import { parseIpRange, rangeHasIp } from '../base/ip-range.ts';
import { parseIp } from '../base/ip.ts';
import { LOAD_BALANCER_POOLS, NAMESPACES, SERVICES, type Draft } from '../kube/resource.ts';
import type { Namespace, Service } from '../objects/api-types.ts';
import type { LoadBalancerPool } from '../objects/load-balancer-pool.ts';
import type { Action } from './action.ts';
import { reconcileAddresses } from './load-balancer-addresses.ts';

type ServiceDraft = Draft<Service>;

interface World {
  readonly pools: readonly Draft<LoadBalancerPool>[];
  readonly services: readonly ServiceDraft[];
  readonly namespaces?: readonly Draft<Namespace>[];
}

interface Extra {
  readonly annotations?: Record<string, string>;
  readonly labels?: Record<string, string>;
  readonly spec?: Record<string, unknown>;
  readonly held?: readonly string[];
  readonly second?: number;
}

function aPool(name: string, cidrs: readonly string[], spec: object = {}): Draft<LoadBalancerPool> {
  return { metadata: { name }, spec: { cidrs, ...spec } };
}

function aService(name: string, extra: Extra = {}): ServiceDraft {
  const { annotations = {}, labels = {}, spec = {}, held = [], second = 0 } = extra;
  const ingress = held.map((ip) => ({ ip, ipMode: 'VIP' }));
  const creationTimestamp = new Date(second * 1000).toISOString();
  return {
    metadata: { namespace: 'shop', name, annotations, labels, creationTimestamp },
    spec: { type: 'LoadBalancer', ipFamilies: ['IPv4'], ports: [{ port: 80, protocol: 'TCP' }], ...spec },
    status: { loadBalancer: ingress.length === 0 ? {} : { ingress } },
  };
}

function reconcile({
  pools,
  services,
  namespaces = [{ metadata: { name: 'shop' } }],
}: World): readonly Action[] {
  const parts = [
    [LOAD_BALANCER_POOLS, pools],
    [SERVICES, services],
    [NAMESPACES, namespaces],
  ] as const;
  return reconcileAddresses({ cluster: clusterOf(...parts) });
}

/** Service -> its new addresses; "!" before the reason of a warning. Services whose status stays are left out. */
function outcome(world: World): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const action of reconcile(world)) {
    if (action.kind === 'patch' && action.resource.kind === 'Service')
      result[action.at.name] = ingressOf(action.patch['status']);
    if (action.kind === 'event' && action.event.type === 'Warning')
      result[`!${action.about.metadata.name}`] = action.event.message;
  }
  return result;
}

function ingressOf(status: unknown): readonly string[] {
  const { loadBalancer } = status as { loadBalancer: { ingress?: readonly { ip: string }[] } };
  return (loadBalancer.ingress ?? []).map(({ ip }) => ip);
}

const POOL = aPool('default', ['192.0.2.0/28', 'fd00:5::/120']);
const DUAL = { ipFamilies: ['IPv4', 'IPv6'] };
const ASK = 'fairlead.dev/load-balancer-ips';
const SHARE = 'fairlead.dev/allow-shared-ip';

const ROWS: readonly { readonly name: string; readonly world: World; readonly expected: object }[] = [
  {
    name: 'the lowest free address to the oldest first',
    world: { pools: [POOL], services: [aService('b', { second: 2 }), aService('c', { second: 1 })] },
    expected: { c: ['192.0.2.1'], b: ['192.0.2.2'] },
  },
  {
    name: 'an address of each family, in the order of the Service',
    world: { pools: [POOL], services: [aService('a', { spec: { ipFamilies: ['IPv6', 'IPv4'] } })] },
    expected: { a: ['fd00:5::1', '192.0.2.1'] },
  },
  {
    name: 'one family where the pool has no other and the Service takes that',
    world: { pools: [aPool('four', ['192.0.2.0/28'])], services: [aService('a', { spec: DUAL })] },
    expected: { a: ['192.0.2.1'] },
  },
  {
    name: 'nothing where both families are required and one is not there',
    world: {
      pools: [aPool('four', ['192.0.2.0/28'])],
      services: [aService('a', { spec: { ...DUAL, ipFamilyPolicy: 'RequireDualStack' } })],
    },
    expected: { '!a': 'no IPv6 address is free in the pools that may serve it (four)' },
  },
  {
    name: 'what is asked for, by annotation and by field, before others choose',
    world: {
      pools: [POOL],
      services: [
        aService('first', { second: 1 }),
        aService('note', { second: 2, annotations: { [ASK]: '192.0.2.1' } }),
        aService('field', { second: 3, spec: { loadBalancerIP: '192.0.2.9' } }),
      ],
    },
    expected: { first: ['192.0.2.2'], note: ['192.0.2.1'], field: ['192.0.2.9'] },
  },
  {
    name: 'another address once it is asked for',
    world: {
      pools: [POOL],
      services: [aService('a', { held: ['192.0.2.1'], annotations: { [ASK]: '192.0.2.5' } })],
    },
    expected: { a: ['192.0.2.5'], '!a': "192.0.2.1 is not the Service's any more: it has 192.0.2.5 now" },
  },
  {
    name: 'nothing but the reason to those who ask for what cannot be',
    world: {
      pools: [POOL, aPool('vip', ['198.51.100.0/30'], { serviceSelector: { matchLabels: { vip: 'yes' } } })],
      services: [
        aService('holder', { held: ['192.0.2.1'] }),
        aService('taken', { annotations: { [ASK]: '192.0.2.1' } }),
        aService('nowhere', { annotations: { [ASK]: '203.0.113.1' } }),
        aService('foreign', { annotations: { [ASK]: '198.51.100.1' } }),
        aService('six', { annotations: { [ASK]: 'fd00:5::1' } }),
        aService('words', { annotations: { [ASK]: 'any' }, held: ['192.0.2.3'] }),
      ],
    },
    expected: {
      '!taken': 'cannot have 192.0.2.1: shop/holder has it',
      '!nowhere': 'cannot have 203.0.113.1: no pool holds it',
      '!foreign': 'cannot have 198.51.100.1: pool vip is not for this Service',
      '!six': 'cannot have fd00:5::1: the Service has no IPv6 (spec.ipFamilies)',
      '!words': 'cannot have "any": it is no address',
    },
  },
  {
    name: 'pools by the labels of namespaces and Services',
    world: {
      namespaces: [{ metadata: { name: 'shop', labels: { team: 'a' } } }],
      pools: [
        aPool('a', ['192.0.2.0/30'], { namespaceSelector: { matchLabels: { team: 'b' } } }),
        aPool('b', ['198.51.100.0/30'], { serviceSelector: { matchLabels: { tier: 'web' } } }),
      ],
      services: [aService('web', { labels: { tier: 'web' } }), aService('db')],
    },
    expected: {
      web: ['198.51.100.1'],
      '!db': 'no IPv4 address is free in the pools that may serve it (there is none)',
    },
  },
  {
    name: 'addresses of a pool that is not automatic to those alone who ask',
    world: {
      pools: [aPool('kept', ['192.0.2.0/29'], { autoAssign: false })],
      services: [aService('a'), aService('b', { annotations: { [ASK]: '192.0.2.2' } })],
    },
    expected: {
      b: ['192.0.2.2'],
      '!a': 'no IPv4 address is free in the pools that may serve it (there is none)',
    },
  },
  {
    name: 'one address to Services that agree to share it, as long as their ports differ',
    world: {
      pools: [POOL],
      services: [
        aService('tcp', { second: 1, annotations: { [SHARE]: 'dns' } }),
        aService('udp', {
          second: 2,
          annotations: { [SHARE]: 'dns' },
          spec: { ports: [{ port: 80, protocol: 'UDP' }] },
        }),
        aService('clash', { second: 3, annotations: { [SHARE]: 'dns' } }),
        aService('local', {
          second: 4,
          annotations: { [SHARE]: 'dns' },
          spec: { externalTrafficPolicy: 'Local', ports: [{ port: 81, protocol: 'TCP' }] },
        }),
      ],
    },
    expected: { tcp: ['192.0.2.1'], udp: ['192.0.2.1'], clash: ['192.0.2.2'], local: ['192.0.2.3'] },
  },
  {
    name: 'an address that two hold to the older, another one to the younger',
    world: {
      pools: [POOL],
      services: [
        aService('young', { second: 2, held: ['192.0.2.1'] }),
        aService('old', { second: 1, held: ['192.0.2.1'] }),
      ],
    },
    expected: {
      young: ['192.0.2.2'],
      '!young': "192.0.2.1 is not the Service's any more: it has 192.0.2.2 now",
    },
  },
  {
    name: 'nothing to Services of other load balancers, nor their addresses to ours',
    world: {
      pools: [POOL],
      services: [
        aService('theirs', { spec: { loadBalancerClass: 'cloud.example/x' }, held: ['192.0.2.1'] }),
        aService('ours', { spec: { loadBalancerClass: 'fairlead.dev/pool' } }),
        aService('plain', { spec: { type: 'ClusterIP' } }),
      ],
    },
    expected: { ours: ['192.0.2.2'] },
  },
  {
    name: 'what is held, in whatever pool it is now, whom that may serve or not',
    world: {
      pools: [aPool('other', ['192.0.2.0/28'], { autoAssign: false })],
      services: [aService('a', { held: ['192.0.2.7'] })],
    },
    expected: {},
  },
  {
    name: 'another address when the pool is gone',
    world: { pools: [POOL], services: [aService('a', { held: ['203.0.113.7'] })] },
    expected: { a: ['192.0.2.1'], '!a': "203.0.113.7 is not the Service's any more: it has 192.0.2.1 now" },
  },
  {
    name: 'an asked address in the look in which a younger one lets it go',
    world: {
      pools: [POOL],
      services: [
        aService('a', { annotations: { [ASK]: '192.0.2.2' } }),
        aService('b', { annotations: { [ASK]: '192.0.2.1' }, held: ['192.0.2.2'] }),
      ],
    },
    expected: {
      a: ['192.0.2.2'],
      b: ['192.0.2.1'],
      '!b': "192.0.2.2 is not the Service's any more: it has 192.0.2.1 now",
    },
  },
  {
    name: 'no address twice out of two pools that overlap',
    world: {
      pools: [aPool('a', ['192.0.2.1/32']), aPool('b', ['192.0.2.1-192.0.2.2'])],
      services: [aService('a'), aService('b'), aService('c')],
    },
    expected: {
      a: ['192.0.2.1'],
      b: ['192.0.2.2'],
      '!c': 'no IPv4 address is free in the pools that may serve it (a, b)',
    },
  },
];

for (const { name, world, expected } of ROWS) {
  test(`reconcileAddresses() gives ${name}`, () => assert.deepEqual(outcome(world), expected));
}

test('reconcileAddresses() counts in the pools, and names those that overlap', () => {
  const pools = [aPool('a', ['192.0.2.0/28']), aPool('b', ['192.0.2.8-192.0.2.19', 'fd00::/64'])];
  const actions = reconcile({ pools, services: [aService('x', { held: ['192.0.2.9'] })] });
  const statuses = actions.flatMap((it) =>
    it.kind === 'patch' && it.resource.kind === 'LoadBalancerPool' ? [it.patch['status']] : [],
  );
  assert.deepEqual(statuses, [
    { used: 1, free: '13', overlaps: ['b'] },
    { used: 1, free: String(2n ** 64n + 10n), overlaps: ['a'] },
  ]);
});

// The property: whatever happens in whatever order, no address is two Services' unless they share it, every one lies in a pool, and nobody loses
// an address that a pool still holds and nobody asked to change.

const CIDRS = [
  '192.0.2.0/29',
  '192.0.2.4-192.0.2.9',
  '198.51.100.0/30',
  'fd00:5::/126',
  'fd00:5::2-fd00:5::9',
];
const IPS = ['192.0.2.1', '192.0.2.5', '198.51.100.1', '198.51.100.2', 'fd00:5::3', '203.0.113.1'];

const change = fc.oneof(
  fc.record({
    kind: fc.constant('pool' as const),
    name: fc.nat(2),
    cidrs: fc.subarray(CIDRS, { minLength: 1 }),
  }),
  fc.record({ kind: fc.constant('no-pool' as const), name: fc.nat(2) }),
  fc.record({
    kind: fc.constant('service' as const),
    name: fc.nat(7),
    families: fc.constantFrom(['IPv4'], ['IPv6'], ['IPv4', 'IPv6']),
    policy: fc.constantFrom('PreferDualStack', 'RequireDualStack'),
    asked: fc.option(fc.constantFrom(...IPS), { nil: undefined }),
    share: fc.option(fc.constantFrom('x', 'y'), { nil: undefined }),
    port: fc.nat(2),
  }),
  fc.record({ kind: fc.constant('no-service' as const), name: fc.nat(7) }),
);

test('reconcileAddresses() gives no address twice and none from nowhere, in whatever order things happen', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const pools = new Map<string, Draft<LoadBalancerPool>>();
      const services = new Map<string, ServiceDraft>();
      for (const [second, it] of changes.entries()) {
        const before = new Map([...services].map(([name, service]) => [name, ingressOf(service.status)]));
        const name = `n${it.name}`;
        if (it.kind === 'pool') pools.set(name, aPool(name, [...new Set(it.cidrs)]));
        if (it.kind === 'no-pool') pools.delete(name);
        if (it.kind === 'no-service') services.delete(name);
        if (it.kind === 'service') {
          const fresh = aService(name, {
            second,
            held: before.get(name) ?? [],
            annotations: {
              ...(it.asked === undefined ? {} : { [ASK]: it.asked }),
              ...(it.share === undefined ? {} : { [SHARE]: it.share }),
            },
            spec: {
              ipFamilies: it.families,
              ipFamilyPolicy: it.policy,
              ports: [{ port: it.port + 1, protocol: 'TCP' }],
            },
          });
          services.set(name, fresh);
        }
        const world = (): World => ({ pools: [...pools.values()], services: [...services.values()] });
        apply(services, reconcile(world()));
        checkAddresses(pools, services);
        const again = reconcile(world()).filter(
          (each) => each.kind === 'patch' && each.resource.kind === 'Service',
        );
        assert.deepEqual(again, [], 'a second look finds nothing to do');
        if (it.kind !== 'service' && it.kind !== 'no-pool' && it.kind !== 'pool') {
          for (const [each, service] of services) {
            const had = (before.get(each) ?? []).filter((ip) => !ingressOf(service.status).includes(ip));
            const asked = service.metadata.annotations?.[ASK];
            assert.ok(had.length === 0 || asked !== undefined, `${each} lost ${had.join()}`);
          }
        }
      }
    }),
  );
});

function apply(services: Map<string, ServiceDraft>, actions: readonly Action[]): void {
  for (const action of actions) {
    if (action.kind !== 'patch' || action.resource.kind !== 'Service') continue;
    const service = services.get(action.at.name);
    assert.ok(service);
    services.set(action.at.name, { ...service, status: action.patch['status'] as never });
  }
}

function checkAddresses(
  pools: ReadonlyMap<string, Draft<LoadBalancerPool>>,
  services: ReadonlyMap<string, ServiceDraft>,
): void {
  const ranges = [...pools.values()].flatMap((pool) =>
    (pool.spec as LoadBalancerPool['spec']).cidrs.map(parseIpRange),
  );
  const seen = new Map<string, ServiceDraft>();
  for (const service of services.values()) {
    for (const ip of ingressOf(service.status)) {
      assert.ok(
        ranges.some((range) => rangeHasIp(range, parseIp(ip))),
        `${ip} is in no pool`,
      );
      const other = seen.get(ip);
      const key = service.metadata.annotations?.[SHARE];
      const isShared = key !== undefined && key === other?.metadata.annotations?.[SHARE];
      const [port, otherPort] = [service, other].map((it) => it?.spec?.ports?.[0]?.port);
      assert.ok(other === undefined || (isShared && port !== otherPort), `${ip} is given twice`);
      seen.set(ip, service);
    }
  }
}
