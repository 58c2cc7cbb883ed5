import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparable } from '../../../test/support/comparable-gateway.ts';
import { gatewayObjects } from '../../../test/support/gateway-manifests.ts';
import type { HttpPort } from '../../model/gateway.ts';
import type { GatewayObjects } from './gateway-objects.ts';
import { GatewayCompiler, type CompiledGateway } from './gateway-compiler.ts';

const PLACE = { node: { name: 'node1', zone: undefined } };

const SHOP = `
kind: Gateway
metadata: { namespace: shop, name: public, generation: 3 }
spec:
  gatewayClassName: fairlead
  listeners:
    - { name: http, port: 80, protocol: HTTP }
---
kind: Service
metadata: { namespace: shop, name: web }
spec: { ports: [{ port: 80, targetPort: 8080 }], clusterIP: 10.96.1.1, clusterIPs: [10.96.1.1] }
---
kind: EndpointSlice
metadata: { namespace: shop, name: web-1, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ name: "", port: 8080, protocol: TCP }]
endpoints:
  - { addresses: [10.244.1.2], conditions: { ready: true } }
  - { addresses: [10.244.1.3], conditions: { ready: false } }
`;

function route(name: string, spec: string, more = ''): string {
  return `
---
kind: HTTPRoute
metadata: { namespace: shop, name: ${name}, generation: 1${more} }
spec: ${spec}
`;
}

function compiled(yaml: string): CompiledGateway {
  const found = new GatewayCompiler('shop/public').compile(gatewayObjects(yaml), PLACE);
  assert.ok(found);
  return found;
}

function conditionsOfRoute({ verdict }: CompiledGateway, name: string): readonly string[] {
  const found = verdict.routes.find((it) => it.name === name);
  return (found?.parents[0]?.conditions ?? []).map(
    ({ type, isTrue, reason }) => `${type} ${isTrue} ${reason}`,
  );
}

test('a plain route leads to the ready endpoints of its Service', () => {
  const it = compiled(
    SHOP +
      route('web', '{ parentRefs: [{ name: public }], rules: [{ backendRefs: [{ name: web, port: 80 }] }] }'),
  );
  const [port] = it.model.ports as readonly HttpPort[];
  assert.deepEqual(port?.listeners[0]?.hosts[0]?.entries, [
    {
      path: { type: 'prefix', value: '/' },
      method: undefined,
      headers: [],
      query: [],
      rule: 'HTTPRoute/shop/web/0',
    },
  ]);
  assert.deepEqual(it.model.rules.get('HTTPRoute/shop/web/0')?.backends, [
    { backend: 'shop/web:80 http', weight: 1, filters: [] },
  ]);
  assert.deepEqual(it.model.backends.get('shop/web:80 http')?.endpoints, [{ ip: '10.244.1.2', port: 8080 }]);
  assert.deepEqual(conditionsOfRoute(it, 'web'), [
    'Accepted true Accepted',
    'ResolvedRefs true ResolvedRefs',
  ]);
  assert.equal(it.verdict.listeners[0]?.attachedRoutes, 1);
});

test('what a route names and cannot have is said, and answered', () => {
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    [
      'no Service',
      '{ name: gone, port: 80 }',
      ['Accepted true Accepted', 'ResolvedRefs false BackendNotFound'],
    ],
    ['no port', '{ name: web, port: 81 }', ['Accepted true Accepted', 'ResolvedRefs false BackendNotFound']],
    [
      'no kind',
      '{ name: web, port: 80, kind: Pod }',
      ['Accepted true Accepted', 'ResolvedRefs false InvalidKind'],
    ],
    [
      'no grant',
      '{ name: web, namespace: other, port: 80 }',
      ['Accepted true Accepted', 'ResolvedRefs false RefNotPermitted'],
    ],
  ];
  for (const [what, ref, expected] of cases) {
    const it = compiled(
      SHOP + route('web', `{ parentRefs: [{ name: public }], rules: [{ backendRefs: [${ref}] }] }`),
    );
    assert.deepEqual(conditionsOfRoute(it, 'web'), expected, what);
    assert.deepEqual(it.model.rules.get('HTTPRoute/shop/web/0')?.backends, [
      { backend: undefined, weight: 1, filters: [] },
    ]);
  }
});

test('a route that stays is judged anew by a Service that goes and comes', () => {
  const objects = gatewayObjects(
    SHOP +
      route('web', '{ parentRefs: [{ name: public }], rules: [{ backendRefs: [{ name: web, port: 80 }] }] }'),
  );
  const compiler = new GatewayCompiler('shop/public');
  const resolved = [objects.services, new Map(), objects.services].map((services) => {
    const it = compiler.compile({ ...objects, services }, PLACE);
    return it && conditionsOfRoute(it, 'web')[1];
  });
  const [yes, no] = ['ResolvedRefs true ResolvedRefs', 'ResolvedRefs false BackendNotFound'];
  assert.deepEqual(resolved, [yes, no, yes]);
});

test('routes that change one by one are compiled as anew, and the others are the same objects', () => {
  const spec = (path: string, service: string, name = 'shop.example'): string =>
    `{ parentRefs: [{ name: public }], hostnames: [${name}], rules: [{ matches: [{ path: { value: ${path} } }], backendRefs: [{ name: ${service}, port: 80 }] }] }`;
  const other = SHOP.slice(SHOP.indexOf('---')).replaceAll('web', 'api');
  const parsed = (name: string, text: string): GatewayObjects['httpRoutes'] =>
    gatewayObjects(route(name, text)).httpRoutes;
  const [one, two, far] = [
    parsed('one', spec('/one', 'web')),
    parsed('two', spec('/two', 'web')),
    parsed('far', spec('/far', 'web', 'far.example')),
  ];
  const steps: readonly (readonly GatewayObjects['httpRoutes'][])[] = [
    [one, two, far],
    [one, parsed('two', spec('/two', 'api')), far],
    [one, parsed('two', spec('/else', 'api')), far],
    [one, two, far],
    [one, parsed('two', spec('/two', 'web', 'far.example')), far],
    [one, parsed('two', spec('/two', 'nobody')), far],
    [one, parsed('two', '{ parentRefs: [{ name: elsewhere }] }'), far],
    [two, far],
    [far, two],
    [one, two, far],
    [parsed('one', spec('/one', 'api')), parsed('two', spec('/two', 'api')), far],
  ];
  const objects = gatewayObjects(SHOP + other);
  const compiler = new GatewayCompiler('shop/public');
  const farTables = steps.map((maps, at) => {
    const httpRoutes = new Map(maps.flatMap((it) => [...it]));
    const [kept, anew] = [compiler, new GatewayCompiler('shop/public')].map((it) =>
      it.compile({ ...objects, httpRoutes }, PLACE),
    );
    assert.ok(kept && anew);
    assert.deepEqual(comparable(kept), comparable(anew), `step ${at}`);
    const [port] = kept.model.ports as readonly HttpPort[];
    return port?.listeners[0]?.hosts.find((it) => it.hostname === 'far.example');
  });
  assert.equal(farTables[0], farTables[3]);
  assert.notEqual(farTables[3], farTables[4]);
});

test('a route that no listener takes has no place in the proxy', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    [
      'no such section',
      '{ parentRefs: [{ name: public, sectionName: other }], rules: [{}] }',
      'NoMatchingParent',
    ],
    ['no such port', '{ parentRefs: [{ name: public, port: 81 }], rules: [{}] }', 'NoMatchingParent'],
  ];
  for (const [what, spec, reason] of cases) {
    const it = compiled(SHOP + route('web', spec));
    assert.deepEqual(conditionsOfRoute(it, 'web')[0], `Accepted false ${reason}`, what);
    assert.equal(it.model.rules.size, 0, what);
    assert.equal(it.verdict.listeners[0]?.attachedRoutes, 0, what);
  }
  const other = route('web', '{ parentRefs: [{ name: public, namespace: shop }], rules: [{}] }').replace(
    'namespace: shop, name: web',
    'namespace: other, name: web',
  );
  assert.deepEqual(
    conditionsOfRoute(compiled(SHOP + other), 'web')[0],
    'Accepted false NotAllowedByListeners',
  );
});

test('the more specific of names and paths comes first, whatever the order of the objects', () => {
  const rule = (path: string): string =>
    `{ matches: [{ path: ${path} }], backendRefs: [{ name: web, port: 80 }] }`;
  const routes = [
    route('a', `{ parentRefs: [{ name: public }], rules: [${rule('{ type: PathPrefix, value: / }')}] }`),
    route('b', `{ parentRefs: [{ name: public }], rules: [${rule('{ type: Exact, value: /one }')}] }`),
    route('c', `{ parentRefs: [{ name: public }], rules: [${rule('{ type: PathPrefix, value: /one }')}] }`),
    route('d', `{ parentRefs: [{ name: public }], hostnames: [a.example.com], rules: [{}] }`),
  ];
  for (const order of [routes, [...routes].reverse()]) {
    const [port] = compiled(SHOP + order.join('')).model.ports as readonly HttpPort[];
    const tables = port?.listeners[0]?.hosts ?? [];
    assert.deepEqual(
      tables.map(({ hostname }) => hostname),
      ['a.example.com', undefined],
    );
    assert.deepEqual(
      tables[1]?.entries.map((it) => it.rule.split('/')[2]),
      ['b', 'c', 'a'],
    );
  }
});
