// An object of each kind of the Gateway API with everything that it may say, for tests that change one thing of it.

const MANY = <T>(count: number, item: (i: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, i) => item(i));

const service = { group: '', kind: 'Service', name: 'web', namespace: 'other', port: 80 };
const secret = { group: '', kind: 'Secret', name: 'web-tls', namespace: 'certs' };
const config = { group: '', kind: 'ConfigMap', name: 'ca', namespace: 'certs' };
const parentRefs = [
  {
    group: 'gateway.networking.k8s.io',
    kind: 'Gateway',
    namespace: 'infra',
    name: 'public',
    sectionName: 'http',
    port: 80,
  },
];
const headers = {
  set: [{ name: 'X-Set', value: 'a, b' }],
  add: [{ name: 'X-Add', value: 'c' }],
  remove: ['X-Gone'],
};
const sharedFilters = [
  { type: 'RequestHeaderModifier', requestHeaderModifier: headers },
  { type: 'ResponseHeaderModifier', responseHeaderModifier: headers },
  {
    type: 'RequestMirror',
    requestMirror: { backendRef: service, fraction: { numerator: 1, denominator: 1000 } },
  },
  { type: 'RequestMirror', requestMirror: { backendRef: service, percent: 50 } },
  { type: 'ExtensionRef', extensionRef: { group: 'example.org', kind: 'Wasm', name: 'w' } },
];
const httpFilters = [
  ...sharedFilters,
  {
    type: 'URLRewrite',
    urlRewrite: {
      hostname: 'inner.example.com',
      path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' },
    },
  },
  {
    type: 'CORS',
    cors: {
      allowOrigins: ['https://*.example.com', 'http://a.example.org:8080'],
      allowCredentials: true,
      allowMethods: ['GET', 'PUT'],
      allowHeaders: ['X-A'],
      exposeHeaders: ['*'],
      maxAge: 60,
    },
  },
  {
    type: 'ExternalAuth',
    externalAuth: {
      protocol: 'HTTP',
      backendRef: service,
      http: { path: '/check', allowedHeaders: ['X-Key'], allowedResponseHeaders: ['X-User'] },
      forwardBody: { maxSize: 1024 },
    },
  },
];
const sessionPersistence = {
  sessionName: 'sid',
  absoluteTimeout: '24h',
  type: 'Cookie',
  cookieConfig: { lifetimeType: 'Permanent' },
};
const stream = { parentRefs, rules: [{ name: 'only', backendRefs: [{ ...service, weight: 7 }] }] };

const listeners = [
  {
    name: 'http',
    hostname: '*.example.com',
    port: 80,
    protocol: 'HTTP',
    allowedRoutes: {
      namespaces: { from: 'Selector', selector: { matchLabels: { team: 'a' } } },
      kinds: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute' }],
    },
  },
  {
    name: 'https',
    port: 443,
    protocol: 'HTTPS',
    tls: { mode: 'Terminate', certificateRefs: [secret], options: { 'fairlead.dev/issuer': 'x' } },
    allowedRoutes: { namespaces: { from: 'All' } },
  },
  {
    name: 'pass',
    port: 8443,
    protocol: 'TLS',
    tls: { mode: 'Passthrough' },
    allowedRoutes: { namespaces: { from: 'Same' } },
  },
  {
    name: 'own',
    port: 1,
    protocol: 'example.org/quic',
    allowedRoutes: { namespaces: { from: 'Same' } },
  },
];

/** Specifications by kind; every one of them is taken as it is, without a default added. */
export const WHOLE_SPECS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  GatewayClass: {
    controllerName: 'fairlead.dev/gateway',
    parametersRef: { group: 'example.org', kind: 'Settings', name: 's', namespace: 'infra' },
    description: 'd'.repeat(64),
  },
  Gateway: {
    gatewayClassName: 'fairlead',
    listeners,
    addresses: [
      { type: 'IPAddress', value: '10.0.0.1' },
      { type: 'IPAddress', value: 'fd00::1' },
      { type: 'Hostname', value: 'a.example.com' },
      { type: 'example.org/pool', value: 'x' },
      { type: 'IPAddress' },
    ],
    infrastructure: {
      labels: { 'example.org/team': 'a' },
      annotations: Object.fromEntries(MANY(16, (i) => [`example.org/a${i}`, 'x'])),
      parametersRef: { group: 'example.org', kind: 'Settings', name: 's' },
    },
    allowedListeners: { namespaces: { from: 'Selector', selector: { matchLabels: { team: 'a' } } } },
    tls: {
      backend: { clientCertificateRef: secret },
      frontend: {
        default: { validation: { caCertificateRefs: [config], mode: 'AllowValidOnly' } },
        perPort: [
          {
            port: 443,
            tls: { validation: { caCertificateRefs: [config], mode: 'AllowInsecureFallback' } },
          },
          { port: 8443, tls: {} },
        ],
      },
    },
    defaultScope: 'All',
  },
  HTTPRoute: {
    parentRefs,
    useDefaultGateways: 'All',
    hostnames: ['a.example.com', '*.example.org'],
    rules: [
      {
        name: 'first',
        matches: [
          {
            path: { type: 'PathPrefix', value: "/v1/a~b%20c;d='e'" },
            headers: [
              { type: 'Exact', name: 'X-A', value: 'yes' },
              { type: 'RegularExpression', name: 'X-B', value: '^a.*$' },
            ],
            queryParams: [{ type: 'RegularExpression', name: 'q', value: '[0-9]+' }],
            method: 'GET',
          },
        ],
        filters: httpFilters,
        backendRefs: [{ ...service, weight: 1_000_000, filters: httpFilters }],
        timeouts: { request: '1h30m5s10ms', backendRequest: '10s' },
        retry: { codes: [500, 503], attempts: 1, backoff: '100ms' },
        sessionPersistence,
      },
      {
        matches: [{ path: { type: 'RegularExpression', value: '//[^#]*/../' } }],
        filters: [
          {
            type: 'RequestRedirect',
            requestRedirect: {
              scheme: 'https',
              hostname: 'www.example.com',
              path: { type: 'ReplaceFullPath', replaceFullPath: '/new' },
              port: 8443,
              statusCode: 308,
            },
          },
        ],
      },
    ],
  },
  GRPCRoute: {
    parentRefs,
    useDefaultGateways: 'None',
    hostnames: ['grpc.example.com'],
    rules: [
      {
        name: 'first',
        matches: [
          {
            method: { type: 'Exact', service: 'Shop.v1.Cart', method: 'Get_1' },
            headers: [{ type: 'Exact', name: 'x-a', value: 'yes' }],
          },
          { method: { type: 'RegularExpression', service: 'a|b', method: '.*' } },
        ],
        filters: sharedFilters,
        backendRefs: [{ ...service, weight: 0, filters: sharedFilters }],
        sessionPersistence: { ...sessionPersistence, type: 'Header', cookieConfig: undefined },
      },
    ],
  },
  TLSRoute: { ...stream, hostnames: MANY(1024, (i) => `a${i}.example.com`) },
  TCPRoute: stream,
  UDPRoute: stream,
  ReferenceGrant: {
    from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'web' }],
    to: [
      { group: '', kind: 'Service' },
      { group: '', kind: 'Secret', name: 's' },
    ],
  },
  BackendTLSPolicy: {
    targetRefs: [
      { group: '', kind: 'Service', name: 'web', sectionName: 'a' },
      { group: '', kind: 'Service', name: 'web', sectionName: 'b' },
    ],
    validation: {
      caCertificateRefs: MANY(16, (i) => ({ group: '', kind: 'ConfigMap', name: `ca${i}` })),
      hostname: 'web.example.com',
      subjectAltNames: [
        { type: 'Hostname', hostname: '*.example.com' },
        { type: 'URI', uri: 'spiffe://shop/web' },
      ],
    },
    options: { 'fairlead.dev/x': 'y' },
  },
  ListenerSet: {
    parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'public', namespace: 'infra' },
    listeners,
  },
};

/** Where an object has texts, as the names on the way to each; of places that differ in numbers of elements alone one. */
export function textPlaces(spec: unknown): Iterable<readonly string[]> {
  const places = [...textsOf(spec, [])];
  return new Map(places.map((at) => [at.join('.').replaceAll(/\.\d+/g, ''), at])).values();
}

function* textsOf(value: unknown, at: readonly string[]): Generator<readonly string[]> {
  if (typeof value === 'string') yield at;
  else if (typeof value === 'object' && value !== null)
    for (const [key, item] of Object.entries(value)) yield* textsOf(item, [...at, key]);
}

/** The same with another text at a place that `textPlaces` found. */
export function withText<T>(spec: T, at: readonly string[], text: string): T {
  const changed = structuredClone(spec);
  type Loose = Record<string, unknown>;
  const parent = at.slice(0, -1).reduce((it: unknown, step) => (it as Loose)[step], changed) as Loose;
  parent[at.at(-1) ?? ''] = text;
  return changed;
}
