import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  anHttpRoute,
  aRule,
  aService,
  aServicePort,
  aSlice,
  aTlsPolicy,
  aGateway,
  aListener,
  aGrant,
  aStreamRoute,
  aWorld,
} from '../../test/support/gateway-objects.ts';
import { forwardOf, requestOf, saidOf } from '../../test/support/gateway-table.ts';
import { route } from './route.ts';
import type { GatewayObjects } from './route-objects.ts';

const TO_WEB = { httpRoutes: [anHttpRoute('r', [aRule([], ['web:80'])])] };

function worldOf(given: Partial<GatewayObjects>): GatewayObjects {
  return aWorld({ ...TO_WEB, ...given });
}

for (const { name, states, expected } of [
  {
    name: 'those that are ready',
    states: ['10.1.0.1', '10.1.0.2', '10.1.0.3 gone'],
    expected: ['10.1.0.1', '10.1.0.2'],
  },
  { name: 'no others where one is ready', states: ['10.1.0.1', '10.1.0.2 last'], expected: ['10.1.0.1'] },
  {
    name: 'those that serve their last where none is ready',
    states: ['10.1.0.1 gone', '10.1.0.2 last'],
    expected: ['10.1.0.2'],
  },
])
  test(`route() sends to endpoints: ${name}`, () => {
    const services = [aService('web', [aServicePort(80)])];
    const { backend } = forwardOf(worldOf({ services, endpointSlices: [aSlice('web', states)] }), 'a.com/');
    assert.deepEqual(
      backend.endpoints,
      expected.map((it) => `${it} 3000`),
    );
  });

test('route() sends to the port of the slices that has the name of the Service’s port', () => {
  const services = [
    aService('web', [aServicePort(80, { name: 'http' }), aServicePort(81, { name: 'admin' })]),
  ];
  const endpointSlices = [
    aSlice('web', ['10.1.0.1', '10.1.0.2'], { name: 'http', port: 3080, as: 'a' }),
    aSlice('web', ['10.1.0.2', '10.1.0.3'], { name: 'http', port: 3080, as: 'b' }),
    aSlice('web', ['10.1.0.4'], { name: 'admin', port: 3081, as: 'c' }),
    aSlice('web', ['10.1.0.5'], { name: 'http', port: 3080, protocol: 'UDP', as: 'd' }),
    aSlice('other', ['10.1.0.6'], { name: 'http', port: 3080 }),
    aSlice('shop/web', ['10.1.0.7'], { name: 'http', port: 3080 }),
  ];
  const { backend } = forwardOf(worldOf({ services, endpointSlices }), 'a.com/');
  assert.deepEqual(backend.endpoints, ['10.1.0.1 3080', '10.1.0.2 3080', '10.1.0.3 3080']);
});

for (const [appProtocol, said] of [
  [undefined, 'http'],
  ['http', 'http'],
  ['kubernetes.io/ws', 'http'],
  ['kubernetes.io/h2c', 'h2c'],
  ['https', '500'],
  ['kubernetes.io/wss', '500'],
  ['mysql', '500'],
  ['example.com/own', '500'],
] as const)
  test(`route() speaks to a port of ${appProtocol ?? 'nothing said'}: ${said}`, () => {
    const services = [aService('web', [aServicePort(80, { appProtocol })])];
    const world = worldOf({ services, endpointSlices: [aSlice('web', ['10.1.0.1'])] });
    if (said === '500') assert.equal(saidOf(route(world, requestOf('a.com/'))), '500');
    else assert.equal(forwardOf(world, 'a.com/').backend.protocol, said);
  });

const TLS_WORLD = {
  services: [
    aService('web', [
      aServicePort(80, { name: 'http', appProtocol: 'https' }),
      aServicePort(81, { name: 'b' }),
    ]),
  ],
  endpointSlices: [aSlice('web', ['10.1.0.1'], { name: 'http' })],
};

for (const { name, policies, expected } of [
  { name: 'for the whole Service', policies: [aTlsPolicy('p', 'web')], expected: 'infra/p' },
  {
    name: 'for the port before the Service',
    policies: [aTlsPolicy('p', 'web'), aTlsPolicy('q', 'web:http')],
    expected: 'infra/q',
  },
  {
    name: 'the older one',
    policies: [aTlsPolicy('p', 'web'), aTlsPolicy('q', 'web', { createdAt: '2020-01-01T00:00:00Z' })],
    expected: 'infra/q',
  },
  {
    name: 'the first by name',
    policies: [aTlsPolicy('q', 'web'), aTlsPolicy('p', 'web')],
    expected: 'infra/p',
  },
  {
    name: 'of its own namespace alone',
    policies: [aTlsPolicy('shop/p', 'shop/web'), aTlsPolicy('q', 'web')],
    expected: 'infra/q',
  },
  {
    name: 'by the machine’s own authorities',
    policies: [aTlsPolicy('p', 'web', { caCertificates: [], usesSystemAuthorities: true })],
    expected: 'infra/p',
  },
])
  test(`route() trusts a backend by a BackendTLSPolicy: ${name}`, () => {
    const world = worldOf({ ...TLS_WORLD, tlsPolicies: policies });
    const { tls, protocol } = forwardOf(world, 'a.com/').backend;
    assert.deepEqual(
      { policy: tls?.policy, hostname: tls?.hostname, protocol },
      {
        policy: expected,
        hostname: 'backend.example.com',
        protocol: 'http',
      },
    );
  });

test('route() sends nothing to a backend that nobody can be trusted for', () => {
  const gone = { group: '', kind: 'ConfigMap', namespace: 'infra', name: 'gone' };
  const tlsPolicies = [aTlsPolicy('p', 'web', { caCertificates: [gone] })];
  assert.equal(
    saidOf(route(worldOf({ ...TLS_WORLD, tlsPolicies }), requestOf('a.com/'))),
    '500 or 502 or 503 or 504',
  );
  const one = forwardOf(
    worldOf({
      ...TLS_WORLD,
      tlsPolicies: [aTlsPolicy('p', 'web', { caCertificates: [gone, { ...gone, name: 'ca' }] })],
    }),
    'a.com/',
  );
  assert.equal(one.backend.tls?.policy, 'infra/p');
});

test('route() shows backends the Gateway’s certificate, where it may use it', () => {
  const certificate = { group: '', kind: 'Secret', namespace: 'shop', name: 'tls' };
  const world = worldOf({
    ...TLS_WORLD,
    tlsPolicies: [aTlsPolicy('p', 'web')],
    gateways: [aGateway('gw', [aListener('http HTTP 80')], { backendClientCertificate: certificate })],
    certificates: new Set(['shop/tls']),
  });
  assert.equal(forwardOf(world, 'a.com/').backend.tls?.clientCertificate, undefined);
  const granted = { ...world, grants: [aGrant('Gateway infra > Secret shop')] };
  assert.equal(forwardOf(granted, 'a.com/').backend.tls?.clientCertificate, 'shop/tls');
});

test('route() adds TLS to streams by a BackendTLSPolicy, but not to those that it does not open', () => {
  const tls = { mode: 'passthrough', certificates: [], options: new Map() } as const;
  const world = worldOf({
    ...TLS_WORLD,
    tlsPolicies: [aTlsPolicy('p', 'web')],
    gateways: [aGateway('gw', [aListener('end TLS 443 a.com'), aListener('pass TLS 443 b.com', { tls })])],
    streamRoutes: [aStreamRoute('TLSRoute', 'r', ['web:80'], { hostnames: ['a.com', 'b.com'] })],
  });
  const policies = ['sni=a.com x/', 'sni=b.com x/'].map((it) => {
    const answer = route(world, requestOf(it));
    assert.ok(answer.kind === 'stream');
    return answer.choices.map(({ outcome }) => outcome.kind === 'forward' && outcome.backend.tls?.policy);
  });
  assert.deepEqual(policies, [['infra/p'], [undefined]]);
});
