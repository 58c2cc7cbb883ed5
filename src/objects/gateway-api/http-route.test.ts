import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '../../base/errors.ts';
import { parseGrpcRoute } from './grpc-route.ts';
import { parseHttpRoute } from './http-route.ts';
import { parseTcpRoute, parseTlsRoute, parseUdpRoute } from './stream-route.ts';

const metadata = {
  name: 'web',
  namespace: 'shop',
  uid: 'u1',
  generation: 3,
  creationTimestamp: '2026-01-02T03:04:05Z',
};
const META = {
  name: 'web',
  namespace: 'shop',
  uid: 'u1',
  labels: new Map(),
  generation: 3,
  createdAt: '2026-01-02T03:04:05Z',
};
const GATEWAY = { group: 'gateway.networking.k8s.io', kind: 'Gateway' };
const SERVICE = { group: '', kind: 'Service', namespace: 'shop' };

function rule(of: Record<string, unknown>): unknown {
  return { metadata, spec: { rules: [of] } };
}

function filter(of: Record<string, unknown>): unknown {
  return rule({ filters: [of] });
}

test('parseHttpRoute() fills in what the smallest route leaves out', () => {
  const route = parseHttpRoute({
    metadata,
    spec: { parentRefs: [{ name: 'public' }], rules: [{ backendRefs: [{ name: 'web', port: 80 }] }] },
  });
  assert.deepEqual(route, {
    ...META,
    parents: [{ ...GATEWAY, namespace: 'shop', name: 'public', sectionName: undefined, port: undefined }],
    hostnames: [],
    rules: [
      {
        name: undefined,
        matches: [{ path: { type: 'prefix', value: '/' }, headers: [], query: [], method: undefined }],
        filters: [],
        backends: [{ ...SERVICE, name: 'web', port: 80, weight: 1, filters: [] }],
        timeouts: { requestMs: undefined, backendRequestMs: undefined },
        retry: undefined,
        persistence: undefined,
      },
    ],
  });
});

test('parseHttpRoute() takes a route without rules for one rule that leads nowhere', () => {
  const { rules } = parseHttpRoute({ metadata, spec: {} });
  assert.deepEqual([rules.length, rules[0]?.backends, rules[0]?.matches[0]?.path.value], [1, [], '/']);
  assert.deepEqual(parseHttpRoute({ metadata, spec: { rules: [] } }).rules, []);
});

test('parseHttpRoute() reads everything that a rule may say', () => {
  const route = parseHttpRoute({
    metadata,
    spec: {
      parentRefs: [
        { group: '', kind: 'Service', namespace: 'infra', name: 'web', sectionName: 'https', port: 443 },
      ],
      hostnames: ['Shop.Example.com', '*.example.org'],
      rules: [
        {
          name: 'first',
          matches: [
            {
              path: { type: 'RegularExpression', value: '^/v[0-9]+' },
              headers: [
                { name: 'X-Canary', value: 'Yes' },
                { name: 'x-canary', value: 'ignored' },
                { type: 'RegularExpression', name: 'Accept', value: 'json$' },
              ],
              queryParams: [
                { name: 'Q', value: '1' },
                { type: 'Exact', name: 'q', value: '2' },
              ],
              method: 'GET',
            },
          ],
          backendRefs: [
            {
              group: 'example.org',
              kind: 'Bucket',
              namespace: 'store',
              name: 'b',
              weight: 0,
              filters: [
                {
                  type: 'RequestHeaderModifier',
                  requestHeaderModifier: { set: [{ name: 'X-A', value: 'b' }] },
                },
              ],
            },
          ],
          timeouts: { request: '1h30m5s10ms', backendRequest: '0s' },
          retry: { codes: [500, 503], attempts: 2, backoff: '100ms' },
          sessionPersistence: {
            sessionName: 'sid',
            absoluteTimeout: '24h',
            cookieConfig: { lifetimeType: 'Permanent' },
          },
        },
      ],
    },
  });
  assert.deepEqual(route.parents, [
    { group: '', kind: 'Service', namespace: 'infra', name: 'web', sectionName: 'https', port: 443 },
  ]);
  assert.deepEqual(route.hostnames, ['shop.example.com', '*.example.org']);
  assert.deepEqual(route.rules, [
    {
      name: 'first',
      matches: [
        {
          path: { type: 'regex', value: '^/v[0-9]+' },
          headers: [
            { type: 'exact', name: 'x-canary', value: 'Yes' },
            { type: 'regex', name: 'accept', value: 'json$' },
          ],
          query: [
            { type: 'exact', name: 'Q', value: '1' },
            { type: 'exact', name: 'q', value: '2' },
          ],
          method: 'GET',
        },
      ],
      filters: [],
      backends: [
        {
          group: 'example.org',
          kind: 'Bucket',
          namespace: 'store',
          name: 'b',
          port: undefined,
          weight: 0,
          filters: [{ kind: 'request-headers', set: [{ name: 'x-a', value: 'b' }], add: [], remove: [] }],
        },
      ],
      timeouts: { requestMs: 5_405_010, backendRequestMs: 0 },
      retry: { codes: [500, 503], attempts: 2, backoffMs: 100 },
      persistence: {
        type: 'cookie',
        sessionName: 'sid',
        absoluteTimeoutMs: 86_400_000,
        cookieLifetime: 'permanent',
      },
    },
  ]);
});

const BACKEND = { ...SERVICE, name: 'copy', port: 80, weight: 1 };
const backendRef = { name: 'copy', port: 80 };

const FILTERS: readonly { name: string; given: Record<string, unknown>; read: unknown }[] = [
  {
    name: 'response headers, of one name the first',
    given: {
      type: 'ResponseHeaderModifier',
      responseHeaderModifier: {
        add: [
          { name: 'X-A', value: '1' },
          { name: 'x-a', value: '2' },
        ],
        remove: ['X-B', 'x-b'],
      },
    },
    read: { kind: 'response-headers', set: [], add: [{ name: 'x-a', value: '1' }], remove: ['x-b'] },
  },
  {
    name: 'mirror of all',
    given: { type: 'RequestMirror', requestMirror: { backendRef } },
    read: { kind: 'mirror', backend: BACKEND, numerator: 100, denominator: 100 },
  },
  {
    name: 'mirror of a percentage',
    given: { type: 'RequestMirror', requestMirror: { backendRef, percent: 0 } },
    read: { kind: 'mirror', backend: BACKEND, numerator: 0, denominator: 100 },
  },
  {
    name: 'mirror of a fraction',
    given: {
      type: 'RequestMirror',
      requestMirror: { backendRef, fraction: { numerator: 1, denominator: 1000 } },
    },
    read: { kind: 'mirror', backend: BACKEND, numerator: 1, denominator: 1000 },
  },
  {
    name: 'empty redirect',
    given: { type: 'RequestRedirect', requestRedirect: {} },
    read: {
      kind: 'redirect',
      scheme: undefined,
      hostname: undefined,
      port: undefined,
      path: undefined,
      statusCode: 302,
    },
  },
  {
    name: 'full redirect',
    given: {
      type: 'RequestRedirect',
      requestRedirect: {
        scheme: 'https',
        hostname: 'WWW.example.com',
        port: 8443,
        path: { type: 'ReplaceFullPath', replaceFullPath: '/new' },
        statusCode: 308,
      },
    },
    read: {
      kind: 'redirect',
      scheme: 'https',
      hostname: 'www.example.com',
      port: 8443,
      path: { type: 'full', value: '/new' },
      statusCode: 308,
    },
  },
  {
    name: 'rewrite',
    given: {
      type: 'URLRewrite',
      urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '' } },
    },
    read: { kind: 'rewrite', hostname: undefined, path: { type: 'prefix', value: '' } },
  },
  {
    name: 'empty CORS',
    given: { type: 'CORS', cors: {} },
    read: {
      kind: 'cors',
      allowOrigins: [],
      allowCredentials: false,
      allowMethods: [],
      allowHeaders: [],
      exposeHeaders: [],
      maxAgeS: 5,
    },
  },
  {
    name: 'external authority over HTTP',
    given: {
      type: 'ExternalAuth',
      externalAuth: {
        protocol: 'HTTP',
        backendRef,
        http: { path: '/check', allowedHeaders: ['X-Key'], allowedResponseHeaders: ['X-User'] },
        forwardBody: { maxSize: 1024 },
      },
    },
    read: {
      kind: 'external-auth',
      protocol: 'http',
      backend: BACKEND,
      pathPrefix: '/check',
      allowedHeaders: ['x-key'],
      allowedResponseHeaders: ['x-user'],
      forwardBodyBytes: 1024,
    },
  },
  {
    name: 'external authority over gRPC',
    given: {
      type: 'ExternalAuth',
      externalAuth: { protocol: 'GRPC', backendRef, grpc: { allowedHeaders: ['X-Key'] } },
    },
    read: {
      kind: 'external-auth',
      protocol: 'grpc',
      backend: BACKEND,
      pathPrefix: '',
      allowedHeaders: ['x-key'],
      allowedResponseHeaders: [],
      forwardBodyBytes: 0,
    },
  },
  {
    name: 'extension',
    given: { type: 'ExtensionRef', extensionRef: { group: 'example.org', kind: 'Wasm', name: 'w' } },
    read: {
      kind: 'extension',
      ref: { group: 'example.org', kind: 'Wasm', namespace: 'shop', name: 'w' },
    },
  },
];

for (const row of FILTERS) {
  test(`parseHttpRoute() reads filters: ${row.name}`, () => {
    assert.deepEqual(parseHttpRoute(filter(row.given)).rules[0]?.filters, [row.read]);
  });
}

test('parseGrpcRoute() reads methods and fills in what is left out', () => {
  const route = parseGrpcRoute({
    metadata,
    spec: {
      rules: [
        { backendRefs: [{ name: 'web', port: 80 }] },
        {
          matches: [
            { method: { service: 'shop.Cart', method: '' }, headers: [{ name: 'X-A', value: '1' }] },
            { method: { type: 'RegularExpression', method: 'Get.*' } },
            { method: { service: '' } },
          ],
          filters: [{ type: 'RequestMirror', requestMirror: { backendRef } }],
        },
      ],
    },
  });
  assert.deepEqual(route.rules[0]?.matches, [{ method: undefined, headers: [] }]);
  assert.deepEqual(route.rules[1]?.matches, [
    {
      method: { type: 'exact', service: 'shop.Cart', method: undefined },
      headers: [{ type: 'exact', name: 'x-a', value: '1' }],
    },
    { method: { type: 'regex', service: undefined, method: 'Get.*' }, headers: [] },
    { method: undefined, headers: [] },
  ]);
  assert.deepEqual([route.rules[1]?.filters[0]?.kind, parseGrpcRoute({ metadata }).rules], ['mirror', []]);
});

for (const [kind, parse, hostnames] of [
  ['TLSRoute', parseTlsRoute, ['a.example.com']],
  ['TCPRoute', parseTcpRoute, []],
  ['UDPRoute', parseUdpRoute, []],
] as const) {
  test(`a ${kind} is read with its backends; names are of TLS alone`, () => {
    const route = parse({
      metadata,
      spec: {
        hostnames: ['A.example.com'],
        rules: [{ name: 'r', backendRefs: [{ name: 'web', port: 53, weight: 7 }] }],
      },
    });
    assert.deepEqual(route, {
      ...META,
      kind,
      parents: [],
      hostnames,
      rules: [{ name: 'r', backends: [{ ...SERVICE, name: 'web', port: 53, weight: 7 }] }],
    });
  });
}

const MALFORMED: readonly { name: string; parse?: (raw: unknown) => unknown; raw: unknown; field: string }[] =
  [
    { name: 'no name', raw: { spec: {} }, field: 'metadata.name' },
    {
      name: 'relative prefix',
      raw: rule({ matches: [{ path: { value: 'a' } }] }),
      field: 'spec.rules[0].matches[0].path.value',
    },
    {
      name: 'unknown type of path',
      raw: rule({ matches: [{ path: { type: 'Glob', value: '/' } }] }),
      field: 'spec.rules[0].matches[0].path.type',
    },
    {
      name: 'unknown filter',
      raw: filter({ type: 'Teapot' }),
      field: 'spec.rules[0].filters[0].type',
    },
    {
      name: 'filter without its member',
      raw: filter({ type: 'URLRewrite' }),
      field: 'spec.rules[0].filters[0].urlRewrite',
    },
    {
      name: 'mirror without backend',
      raw: filter({ type: 'RequestMirror' }),
      field: 'spec.rules[0].filters[0].requestMirror.backendRef.name',
    },
    {
      name: 'mirror of more than all',
      raw: filter({ type: 'RequestMirror', requestMirror: { backendRef, percent: 101 } }),
      field: 'spec.rules[0].filters[0].requestMirror.percent',
    },
    {
      name: 'mirror of two shares',
      raw: filter({
        type: 'RequestMirror',
        requestMirror: { backendRef, percent: 1, fraction: { numerator: 1 } },
      }),
      field: 'spec.rules[0].filters[0].requestMirror',
    },
    {
      name: 'status of a redirect',
      raw: filter({ type: 'RequestRedirect', requestRedirect: { statusCode: 200 } }),
      field: 'spec.rules[0].filters[0].requestRedirect.statusCode',
    },
    {
      name: 'weight',
      raw: rule({ backendRefs: [{ name: 'a', port: 1, weight: 1_000_001 }] }),
      field: 'spec.rules[0].backendRefs[0].weight',
    },
    {
      name: 'port',
      raw: rule({ backendRefs: [{ name: 'a', port: 0 }] }),
      field: 'spec.rules[0].backendRefs[0].port',
    },
    {
      name: 'duration',
      raw: rule({ timeouts: { request: '1.5s' } }),
      field: 'spec.rules[0].timeouts.request',
    },
    {
      name: 'status to try again after',
      raw: rule({ retry: { codes: [200] } }),
      field: 'spec.rules[0].retry.codes[0]',
    },
    {
      name: 'HTTP filter in a GRPCRoute',
      parse: parseGrpcRoute,
      raw: filter({ type: 'RequestRedirect', requestRedirect: {} }),
      field: 'spec.rules[0].filters[0].type',
    },
    {
      name: 'list that is none',
      parse: parseTcpRoute,
      raw: { metadata, spec: { rules: {} } },
      field: 'spec.rules',
    },
    {
      name: 'name that is none',
      parse: parseTlsRoute,
      raw: { metadata, spec: { hostnames: [7] } },
      field: 'spec.hostnames[0]',
    },
  ];

for (const row of MALFORMED) {
  test(`parsers of routes name the malformed field: ${row.name}`, () => {
    assert.throws(
      () => (row.parse ?? parseHttpRoute)(row.raw),
      (error) => hasCode(error, 'invalid') && error.details['field'] === row.field,
    );
  });
}
