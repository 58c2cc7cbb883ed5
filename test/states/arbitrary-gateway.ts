// Random Gateways with their routes, small enough that names, paths and headers meet often. Only what the API lets in.

import fc from 'fast-check';
import type { NamedMatch } from '../../src/objects/gateway-api/common.ts';
import type {
  Gateway,
  Listener,
  ListenerSet,
  NamespaceChoice,
} from '../../src/objects/gateway-api/gateway.ts';
import type { GrpcRoute, GrpcRule } from '../../src/objects/gateway-api/grpc-route.ts';
import type {
  HttpFilter,
  HttpMatch,
  HttpRoute,
  HttpRule,
  PathMatch,
} from '../../src/objects/gateway-api/http-route.ts';
import type { StreamRoute } from '../../src/objects/gateway-api/stream-route.ts';
import type { GatewayObjects } from '../../src/oracle/route-objects.ts';
import {
  aBackend,
  aGateway,
  aGrant,
  aGrpcRoute,
  aGrpcRule,
  aListener,
  aListenerSet,
  anHttpRoute,
  aParent,
  aRule,
  aService,
  aServicePort,
  aSlice,
  aStreamRoute,
  aTlsPolicy,
  aWorld,
} from '../support/gateway-objects.ts';

// Repeated values are the likely ones.
const LISTENER_HOSTS = [undefined, undefined, '*.example.com', 'a.example.com', '*.a.example.com', 'b.org'];
const PROTOCOLS = [
  'HTTP 80',
  'HTTP 80',
  'HTTP 80',
  'HTTP 8080',
  'HTTPS 443',
  'HTTPS 443',
  'HTTPS 443',
  'TLS 443',
  'TCP 9000',
  'TCP 80',
  'UDP 80',
  'UDP 53',
];
const ROUTE_HOSTS = [
  '*.example.com',
  'a.example.com',
  'b.a.example.com',
  '*.a.example.com',
  'b.org',
  '*.org',
];
const PREFIXES = ['/', '/', '/a', '/a/', '/a/b', '/ab'];
const EXACTS = ['/', '/a', '/a/', '/a/b'];
const EXPRESSIONS = ['/a.*', '/[ab]+', '/a/(b|c)'];
const AGES = ['2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z'];
/** v3 has a policy, `shop/web` needs a grant from other namespaces, the rest leads nowhere or to no endpoint. */
const BACKENDS = ['v1', 'v2', 'v2', 'v3', 'v3', 'shop/web', 'shop/web', 'empty', 'nobody'];

/** `v1` and `v2` speak no UDP, `shop/dns` needs a grant. */
const UDP_BACKENDS = ['dns', 'dns', 'dns', 'shop/dns', 'shop/dns', 'mute', 'v1', 'nobody'];

const age = fc.constantFrom(...AGES);
const namespace = fc.constantFrom('infra', 'infra', 'shop');
export const rarely = <T>(value: fc.Arbitrary<T>, weight = 4): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });

const allowedFrom: fc.Arbitrary<NamespaceChoice> = fc.constantFrom(
  { from: 'all' },
  { from: 'all' },
  { from: 'all' },
  { from: 'all' },
  { from: 'same' },
  { from: 'selector', selector: [{ kind: 'in', key: 'team', values: new Set(['shop']) }] },
);

const listener: fc.Arbitrary<(name: string) => Listener> = fc
  .record({
    protocol: fc.constantFrom(...PROTOCOLS),
    hostname: fc.constantFrom(...LISTENER_HOSTS),
    namespaces: allowedFrom,
    isPassed: fc.boolean(),
    certificate: fc.constantFrom('tls', 'tls', 'tls', 'tls', 'tls', 'gone'),
  })
  .map(({ protocol, hostname, namespaces, isPassed, certificate }) => (name) => {
    const isNamed = hostname !== undefined && !/^(TCP|UDP)/.test(protocol);
    const made = aListener(`${name} ${protocol}${isNamed ? ` ${hostname}` : ''}`);
    const certificates = [{ group: '', kind: 'Secret', namespace: 'infra', name: certificate }];
    const mode = protocol.startsWith('TLS') && isPassed ? 'passthrough' : 'terminate';
    return {
      ...made,
      tls: made.tls && { ...made.tls, mode, certificates },
      allowedRoutes: { namespaces, kinds: undefined },
    };
  });

/** The API refuses two listeners of one port, protocol and name in one object. */
function listeners(maxLength: number): fc.Arbitrary<readonly Listener[]> {
  return fc
    .array(listener, { minLength: 1, maxLength })
    .map((all) => all.map((it, at) => it(`l${at}`)))
    .map((all) => all.filter((it, at) => all.findIndex((other) => keyOf(other) === keyOf(it)) === at));
}

function keyOf({ port, protocol, hostname }: Listener): string {
  return `${port} ${protocol} ${hostname ?? ''}`;
}

const aNumber = { type: 'IPAddress', value: '10.90.0.7' };
const aName = { type: 'Hostname', value: 'gw.example.com' };

const gateway: fc.Arbitrary<Gateway> = fc
  .record({
    all: listeners(3),
    allowedListeners: fc.constantFrom(undefined, { from: 'all' } as const),
    addresses: rarely(fc.constantFrom([aNumber], [aNumber, aName])),
  })
  .map(({ all, allowedListeners, addresses }) =>
    aGateway('gw', all, { allowedListeners, addresses: addresses ?? [] }),
  );

const listenerSet: fc.Arbitrary<ListenerSet> = fc
  .record({ all: listeners(2), createdAt: age, key: fc.constantFrom('more', 'shop/more') })
  .map(({ all, createdAt, key }) => ({ ...aListenerSet(key, all, { parent: aParent('gw') }), createdAt }));

const parents = fc
  .constantFrom('gw', 'gw', 'gw', 'gw', 'gw', 'gw', 'gw#l0', 'gw#l1', 'gw:80', 'gw:443', 'more', 'shop/more')
  .map((it) => [aParent(it, it.endsWith('more') ? { kind: 'ListenerSet' } : {})]);

const hostnames = fc.uniqueArray(fc.constantFrom(...ROUTE_HOSTS), { maxLength: 2 });

const path: fc.Arbitrary<PathMatch> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(...PREFIXES).map((value): PathMatch => ({ type: 'prefix', value })),
  },
  { weight: 2, arbitrary: fc.constantFrom(...EXACTS).map((value): PathMatch => ({ type: 'exact', value })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...EXPRESSIONS).map((value): PathMatch => ({ type: 'regex', value })),
  },
);

const named = (...names: string[]): fc.Arbitrary<NamedMatch> =>
  fc.record({
    type: fc.constantFrom('exact', 'exact', 'regex'),
    name: fc.constantFrom(...names),
    value: fc.constantFrom('1', '1', '2', '[12]'),
  });

/** Each name once, as the API wants it. */
const namedOnce = (...names: string[]): fc.Arbitrary<readonly NamedMatch[]> =>
  rarely(fc.uniqueArray(named(...names), { minLength: 1, maxLength: 2, selector: (it) => it.name }), 2).map(
    (it) => it ?? [],
  );

const match: fc.Arbitrary<HttpMatch> = fc.record({
  path,
  headers: namedOnce('x', 'y'),
  query: namedOnce('p', 'q'),
  method: rarely(fc.constantFrom('GET', 'POST'), 6),
});

const weightedOf = (keys: readonly string[]): fc.Arbitrary<ReturnType<typeof aBackend>> =>
  fc
    .record({ key: fc.constantFrom(...keys), weight: fc.constantFrom(1, 1, 1, 3, 0) })
    .map(({ key, weight }) => aBackend(`${key}*${weight}`));
const weighted = weightedOf(BACKENDS);

const change = fc.constantFrom(
  { set: [{ name: 'X-Set', value: 'new' }], add: [], remove: [] },
  { set: [], add: [{ name: 'x', value: 'added' }], remove: ['y'] },
);

const filter: fc.Arbitrary<HttpFilter> = fc.oneof(
  change.map((it) => ({ kind: 'request-headers' as const, ...it })),
  change.map((it) => ({ kind: 'response-headers' as const, ...it })),
  fc.record({
    kind: fc.constant('rewrite' as const),
    hostname: fc.constantFrom(undefined, 'rewritten.org'),
    path: fc.constantFrom(
      undefined,
      { type: 'full' as const, value: '/full' },
      { type: 'prefix' as const, value: '/new' },
    ),
  }),
  fc.constant({
    kind: 'cors' as const,
    allowOrigins: ['https://*.example.com'],
    allowCredentials: true,
    allowMethods: ['GET'],
    allowHeaders: ['x'],
    exposeHeaders: [],
    maxAgeS: 5,
  }),
);

const redirect: fc.Arbitrary<HttpFilter> = fc.record({
  kind: fc.constant('redirect' as const),
  scheme: fc.constantFrom(undefined, 'https'),
  hostname: fc.constantFrom(undefined, 'elsewhere.org'),
  port: fc.constant(undefined),
  path: fc.constantFrom(undefined, { type: 'prefix' as const, value: '' }),
  statusCode: fc.constantFrom(301, 302),
});

/** Says yes to everything, where it is there. */
const authority: fc.Arbitrary<HttpFilter> = fc.record({
  kind: fc.constant('external-auth' as const),
  protocol: fc.constantFrom('http', 'grpc'),
  backend: fc.constantFrom('v1', 'v2', 'v3', 'shop/web', 'empty', 'nobody').map((it) => aBackend(it)),
  pathPrefix: fc.constant(''),
  allowedHeaders: fc.constantFrom([], ['x']),
  allowedResponseHeaders: fc.constant(['x-nothing']),
  forwardBodyBytes: fc.constantFrom(0, 1000),
});

const httpRule: fc.Arbitrary<HttpRule> = fc
  .record({
    matches: fc.array(match, { minLength: 1, maxLength: 2 }),
    filter: rarely(
      fc.oneof(
        { weight: 4, arbitrary: filter },
        { weight: 1, arbitrary: redirect },
        { weight: 3, arbitrary: authority },
      ),
      2,
    ),
    backends: fc.array(weighted, { minLength: 1, maxLength: 3 }),
  })
  .map(({ matches, filter: one, backends }) => {
    // "RequestRedirect filter must not be used together with backendRefs"; a prefix is replaced where exactly one prefix is matched.
    const isPrefix = one !== undefined && 'path' in one && one.path?.type === 'prefix';
    const [first] = matches;
    const value = first?.path.type === 'prefix' ? first.path.value : '/a';
    return aRule([], [], {
      matches: isPrefix && first !== undefined ? [{ ...first, path: { type: 'prefix', value } }] : matches,
      filters: one === undefined ? [] : [one],
      backends: one?.kind === 'redirect' ? [] : backends,
    });
  });

const meta = fc.record({ namespace, createdAt: age, parents, hostnames });

const httpRoute: fc.Arbitrary<(name: string) => HttpRoute> = fc
  .record({ meta, rules: fc.array(httpRule, { minLength: 1, maxLength: 3 }) })
  .map(
    ({ meta: { namespace: of, ...rest }, rules }) =>
      (name) =>
        anHttpRoute(`${of}/${name}`, rules, rest),
  );

const grpcRule: fc.Arbitrary<GrpcRule> = fc
  .record({
    match: fc.constantFrom(
      '',
      'pkg.A/Get',
      'pkg.A/',
      '/Get',
      'pkg.A/Get x:1',
      ' x:1',
      '~pkg\\.[AB]/(Get|Put)',
    ),
    backends: fc.array(weighted, { minLength: 1, maxLength: 2 }),
  })
  .map(({ match: text, backends }) => aGrpcRule([text], [], { backends }));

const grpcRoute: fc.Arbitrary<(name: string) => GrpcRoute> = fc
  .record({ meta, rules: fc.array(grpcRule, { minLength: 1, maxLength: 2 }) })
  .map(
    ({ meta: { namespace: of, ...rest }, rules }) =>
      (name) =>
        aGrpcRoute(`${of}/${name}`, rules, rest),
  );

const streamRoute: fc.Arbitrary<(name: string) => StreamRoute> = fc
  .record({
    kind: fc.constantFrom('TLSRoute', 'TCPRoute'),
    meta,
    backends: fc.array(weighted, { minLength: 1, maxLength: 2 }),
  })
  .map(({ kind, meta: { namespace: of, hostnames: names, ...rest }, backends }) => (name) => {
    const own = kind === 'TCPRoute' ? [] : names.length > 0 ? names : ['*.example.com'];
    const rules = [{ name: undefined, backends }];
    return aStreamRoute(kind, `${of}/${name}`, [], { ...rest, hostnames: own, rules });
  });

const udpRoute: fc.Arbitrary<(name: string) => StreamRoute> = fc
  .record({ meta, backends: fc.array(weightedOf(UDP_BACKENDS), { minLength: 1, maxLength: 3 }) })
  .map(({ meta: { namespace: of, ...rest }, backends }) => (name) => {
    const rules = [{ name: undefined, backends }];
    return aStreamRoute('UDPRoute', `${of}/${name}`, [], { ...rest, hostnames: [], rules });
  });

/** With a certificate `infra/tls`; names are unique by kind. */
export const anyGateway: fc.Arbitrary<GatewayObjects> = fc
  .record({
    gateway,
    listenerSets: fc.uniqueArray(listenerSet, { maxLength: 2, selector: (it) => it.namespace }),
    httpRoutes: fc.array(httpRoute, { minLength: 1, maxLength: 5 }),
    grpcRoutes: fc.array(grpcRoute, { maxLength: 2 }),
    streamRoutes: fc.array(streamRoute, { maxLength: 2 }),
    udpRoutes: fc.array(udpRoute, { maxLength: 2 }),
    grants: fc.subarray([
      'HTTPRoute infra > Service shop',
      'GRPCRoute infra > Service shop/web',
      'TLSRoute infra > Service shop',
      'UDPRoute infra > Service shop/dns',
    ]),
    isTrusted: fc.boolean(),
    subjectAltNames: fc.subarray([
      { type: 'hostname', value: 'backend.example.com' },
      { type: 'uri', value: 'spiffe://backend' },
    ] as const),
  })
  .map(({ gateway: own, listenerSets, grants, isTrusted, subjectAltNames, ...routes }) =>
    aWorld({
      gateways: [own],
      listenerSets,
      httpRoutes: routes.httpRoutes.map((it, at) => it(`r${at}`)),
      grpcRoutes: routes.grpcRoutes.map((it, at) => it(`r${at}`)),
      streamRoutes: [...routes.streamRoutes, ...routes.udpRoutes].map((it, at) => it(`r${at}`)),
      grants: grants.map((it, at) => ({ ...aGrant(it), name: `grant${at}` })),
      tlsPolicies: [aTlsPolicy('p', 'v3', { subjectAltNames })],
      ...(isTrusted ? {} : { authorities: new Set<string>() }),
      services: [
        aService('shop/web', [aServicePort(8080, { appProtocol: 'kubernetes.io/h2c' })]),
        ...['dns', 'shop/dns', 'mute'].map((it) => aService(it, [aServicePort(8080, { protocol: 'UDP' })])),
      ],
      endpointSlices: [
        aSlice('shop/web', ['10.1.0.1', '10.1.0.2 last']),
        aSlice('dns', ['10.1.1.1', '10.1.1.2 last', '10.1.1.3'], { protocol: 'UDP' }),
        aSlice('dns', ['fd01::1'], { protocol: 'UDP', as: '6' }),
        aSlice('shop/dns', ['fd01::2'], { protocol: 'UDP' }),
      ],
    }),
  );
