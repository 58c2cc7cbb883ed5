import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePort } from '../base/port.ts';
import type { HttpFilter, HttpRedirect, PathModifier } from '../objects/gateway-api/http-route.ts';
import {
  aBackend,
  aGateway,
  aGrpcRoute,
  aGrpcRule,
  aListener,
  anHttpRoute,
  aRule,
  aWorld,
} from '../../test/support/gateway-objects.ts';
import { forwardOf, requestOf, saidOf } from '../../test/support/gateway-table.ts';
import type { GatewayObjects } from './route-objects.ts';
import { route } from './route.ts';

const LISTENERS = [aListener('http HTTP 80'), aListener('more HTTP 8080'), aListener('https HTTPS 443')];

function worldOf(
  filters: readonly HttpFilter[],
  match = '/',
  backends: readonly string[] = ['v1'],
): GatewayObjects {
  return aWorld({
    gateways: [aGateway('gw', LISTENERS)],
    httpRoutes: [anHttpRoute('r', [aRule([match], backends, { filters })])],
  });
}

function aRedirect(rest: Partial<HttpRedirect> = {}): HttpRedirect {
  return {
    kind: 'redirect',
    scheme: undefined,
    hostname: undefined,
    port: undefined,
    path: undefined,
    statusCode: 302,
    ...rest,
  };
}

for (const { name, asked, filter, said } of [
  { name: 'nothing but the status', asked: 'a.com/x', filter: {}, said: 'http://a.com/x' },
  { name: 'the port of Host does not count', asked: 'a.com:81/x', filter: {}, said: 'http://a.com/x' },
  { name: 'the listener’s port', asked: 'port=8080 a.com/x', filter: {}, said: 'http://a.com:8080/x' },
  {
    name: 'the query stays',
    asked: 'a.com/x?y=z',
    filter: { hostname: 'b.com' },
    said: 'http://b.com/x?y=z',
  },
  { name: 'scheme https', asked: 'a.com/x', filter: { scheme: 'https' }, said: 'https://a.com/x' },
  {
    name: 'scheme https from another port',
    asked: 'port=8080 a.com/x',
    filter: { scheme: 'https' },
    said: 'https://a.com/x',
  },
  {
    name: 'scheme http, port 80',
    asked: 'port=8080 a.com/',
    filter: { scheme: 'http', port: 80 },
    said: 'http://a.com/',
  },
  { name: 'port 80 alone', asked: 'port=8080 a.com/', filter: { port: 80 }, said: 'http://a.com/' },
  { name: 'port 8443', asked: 'a.com/', filter: { port: 8443 }, said: 'http://a.com:8443/' },
  {
    name: 'scheme https, port 443',
    asked: 'a.com/',
    filter: { scheme: 'https', port: 443 },
    said: 'https://a.com/',
  },
  {
    name: 'scheme https, port 80',
    asked: 'a.com/',
    filter: { scheme: 'https', port: 80 },
    said: 'https://a.com:80/',
  },
  { name: 'on TLS', asked: 'sni=a.com a.com/x', filter: {}, said: 'https://a.com/x' },
  {
    name: 'from TLS to http',
    asked: 'sni=a.com a.com/x',
    filter: { scheme: 'http' },
    said: 'http://a.com/x',
  },
  {
    name: 'from TLS to port 8443',
    asked: 'sni=a.com a.com/x',
    filter: { port: 8443 },
    said: 'https://a.com:8443/x',
  },
  {
    name: 'another path',
    asked: 'a.com/x/y?z',
    filter: { path: { type: 'full', value: '/new' } as const },
    said: 'http://a.com/new?z',
  },
])
  test(`route() redirects: ${name}`, () => {
    const port = 'port' in filter ? parsePort(filter.port) : undefined;
    const world = worldOf([aRedirect({ ...filter, port })], '/', []);
    assert.equal(saidOf(route(world, requestOf(asked))), `302 ${said}`);
  });

test('route() redirects with the status of the filter', () => {
  const answers = [301, 303, 307, 308].map((statusCode) =>
    saidOf(route(worldOf([aRedirect({ statusCode })], '/', []), requestOf('a.com/'))),
  );
  assert.deepEqual(answers, [
    '301 http://a.com/',
    '303 http://a.com/',
    '307 http://a.com/',
    '308 http://a.com/',
  ]);
});

// The table of HTTPPathModifier.
for (const [asked, prefix, value, expected] of [
  ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
  ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
  ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'],
  ['/foo/bar', '/foo/', '/xyz/', '/xyz/bar'],
  ['/foo', '/foo', '/xyz', '/xyz'],
  ['/foo/', '/foo', '/xyz', '/xyz/'],
  ['/foo/bar', '/foo', '', '/bar'],
  ['/foo/', '/foo', '', '/'],
  ['/foo', '/foo', '', '/'],
  ['/foo/', '/foo', '/', '/'],
  ['/foo', '/foo', '/', '/'],
  ['/foo', '/', '/xyz', '/xyz/foo'],
  ['/', '/', '/xyz', '/xyz/'],
] as const)
  test(`route() replaces the prefix "${prefix}" of "${asked}" by "${value}"`, () => {
    const path: PathModifier = { type: 'prefix', value };
    const rewritten = worldOf([{ kind: 'rewrite', hostname: undefined, path }], prefix);
    assert.equal(forwardOf(rewritten, `a.com${asked}?q`).request.target, `${expected}?q`);
    const redirected = worldOf([aRedirect({ path })], prefix, []);
    assert.equal(saidOf(route(redirected, requestOf(`a.com${asked}`))), `302 http://a.com${expected}`);
  });

test('route() replaces the prefix that has matched, not the shortest one', () => {
  const filters = [{ kind: 'rewrite', hostname: undefined, path: { type: 'prefix', value: '/x' } }] as const;
  const rules = [aRule(['/a', '/a/b'], ['v1'], { filters })];
  const world = aWorld({ httpRoutes: [anHttpRoute('r', rules)] });
  assert.equal(forwardOf(world, 'a.com/a/b/c').request.target, '/x/c');
  assert.equal(forwardOf(world, 'a.com/a/c').request.target, '/x/c');
});

test('route() forwards what was sent where no filter says otherwise', () => {
  const { request } = forwardOf(worldOf([]), 'PUT A.com:8080/x//y?a=b&c | X-One: 1 | x-ONE: 2 | Y:  z ');
  assert.deepEqual(request, {
    method: 'PUT',
    host: 'A.com:8080',
    target: '/x//y?a=b&c',
    headers: new Map([
      ['x-one', '1,2'],
      ['y', 'z'],
    ]),
  });
});

test('route() rewrites hostname and path', () => {
  const filter = {
    kind: 'rewrite',
    hostname: 'one.example.org',
    path: { type: 'full', value: '/one' },
  } as const;
  const { request } = forwardOf(worldOf([filter]), 'a.com:8080/x/y?z');
  assert.deepEqual([request.host, request.target], ['one.example.org', '/one?z']);
});

const CHANGE = {
  set: [
    { name: 'X-Set', value: 'set-overwrites-values' },
    { name: 'x-new', value: 'new' },
  ],
  add: [
    { name: 'X-Append', value: 'b,c' },
    { name: 'X-Add', value: 'added' },
  ],
  remove: ['X-Remove', 'X-Nobody'],
};

test('route() sets, adds and removes headers of requests, in any case', () => {
  const world = worldOf([{ kind: 'request-headers', ...CHANGE }]);
  const { request, responseChanges } = forwardOf(
    world,
    'a.com/ | x-set: one | x-set: two | x-append: a | X-REMOVE: x | Stays: y',
  );
  assert.deepEqual(
    request.headers,
    new Map([
      ['x-set', 'set-overwrites-values'],
      ['x-append', 'a,b,c'],
      ['stays', 'y'],
      ['x-new', 'new'],
      ['x-add', 'added'],
    ]),
  );
  assert.deepEqual(responseChanges, []);
});

test('route() takes a change of Host for one of the request’s host', () => {
  const change = { set: [{ name: 'Host', value: 'b.com' }], add: [], remove: [] };
  const { request } = forwardOf(worldOf([{ kind: 'request-headers', ...change }]), 'a.com/');
  assert.deepEqual([request.host, request.headers], ['b.com', new Map()]);
});

test('route() changes headers of responses by the rule, then by the backend', () => {
  const own = { ...CHANGE, remove: [] };
  const backends = [{ ...aBackend('v1'), filters: [{ kind: 'response-headers', ...own } as const] }];
  const rules = [aRule([], [], { filters: [{ kind: 'response-headers', ...CHANGE }], backends })];
  const { responseChanges, request } = forwardOf(aWorld({ httpRoutes: [anHttpRoute('r', rules)] }), 'a.com/');
  assert.deepEqual(
    responseChanges.map(({ set, add, remove }) => ({ set, add, remove })),
    [CHANGE, own],
  );
  assert.deepEqual(request.headers, new Map());
});

test('route() applies filters of a backend to its own requests alone', () => {
  const filters = [
    { kind: 'request-headers', set: [{ name: 'X', value: '1' }], add: [], remove: [] },
  ] as const;
  const backends = [
    { ...aBackend('v1*1'), filters },
    aBackend('v2*3'),
    { ...aBackend('v3*1'), filters: [aRedirect()] },
  ];
  const answer = route(
    aWorld({ httpRoutes: [anHttpRoute('r', [aRule([], [], { backends })])] }),
    requestOf('a.com/'),
  );
  assert.equal(saidOf(answer), '1 v1, 3 v2, 1 302 http://a.com/');
  const headers =
    answer.kind === 'rule'
      ? answer.choices.map(({ outcome }) => outcome.kind === 'forward' && outcome.request.headers.get('x'))
      : [];
  assert.deepEqual(headers, ['1', undefined, false]);
});

test('route() never skips a filter that it does not know', () => {
  const ref = { group: 'x.io', kind: 'Filter', namespace: 'infra', name: 'f' };
  assert.equal(saidOf(route(worldOf([{ kind: 'extension', ref }]), requestOf('a.com/'))), '500');
});

test('route() ends with the first filter that answers', () => {
  const extension = {
    kind: 'extension',
    ref: { group: 'x.io', kind: 'Filter', namespace: 'infra', name: 'f' },
  } as const;
  assert.equal(
    saidOf(route(worldOf([aRedirect(), extension], '/', []), requestOf('a.com/'))),
    '302 http://a.com/',
  );
  assert.equal(saidOf(route(worldOf([extension, aRedirect()], '/', []), requestOf('a.com/'))), '500');
});

test('route() does not ask the filters of a backend that leads nowhere', () => {
  const backends = [
    { ...aBackend('nobody'), filters: [aRedirect()] },
    { ...aBackend('empty'), filters: [aRedirect()] },
  ];
  const world = aWorld({ httpRoutes: [anHttpRoute('r', [aRule([], [], { backends })])] });
  assert.equal(saidOf(route(world, requestOf('a.com/'))), '1 500, 1 302 http://a.com/');
});

test('route() mirrors by share, and leaves out what leads nowhere', () => {
  const mirror = (to: string, numerator: number, denominator: number): HttpFilter => ({
    kind: 'mirror',
    backend: aBackend(to),
    numerator,
    denominator,
  });
  const world = worldOf([
    mirror('v2', 1, 4),
    mirror('nobody', 1, 1),
    mirror('shop/v3', 1, 1),
    mirror('v3', 100, 100),
  ]);
  const { mirrors, backend } = forwardOf(world, 'a.com/');
  assert.equal(backend.service, 'v1');
  assert.deepEqual(
    mirrors.map((it) => [it.backend.service, it.share]),
    [
      ['v2', 0.25],
      ['v3', 1],
    ],
  );
});

const AUTH = {
  kind: 'external-auth',
  protocol: 'grpc',
  pathPrefix: '',
  allowedHeaders: [],
  allowedResponseHeaders: [],
  forwardBodyBytes: 0,
} as const;

test('route() asks an authority in its own protocol, and lets nothing pass without one', () => {
  const { auth } = forwardOf(worldOf([{ ...AUTH, backend: aBackend('v2') }]), 'a.com/');
  assert.deepEqual([auth?.backend.service, auth?.backend.protocol], ['v2', 'h2c']);
  for (const name of ['nobody', 'empty']) {
    const world = worldOf([{ ...AUTH, backend: aBackend(name) }]);
    assert.equal(saidOf(route(world, requestOf('a.com/'))), '403 or 500 or 502 or 503 or 504');
  }
});

test('route() applies filters of GRPCRoutes', () => {
  const filters = [{ kind: 'request-headers', ...CHANGE } as const];
  const world = aWorld({ grpcRoutes: [aGrpcRoute('r', [aGrpcRule([], ['v1'], { filters })])] });
  const { request } = forwardOf(world, 'POST a.com/x.S/M | content-type: application/grpc | x-set: 1');
  assert.equal(request.headers.get('x-set'), 'set-overwrites-values');
});

test('route() tells timeouts, retries and persistence of the rule', () => {
  const rest = {
    timeouts: { requestMs: 500, backendRequestMs: 0 },
    retry: { codes: [500], attempts: 2, backoffMs: undefined },
    persistence: {
      type: 'cookie',
      sessionName: 's',
      absoluteTimeoutMs: undefined,
      cookieLifetime: 'session',
    },
  } as const;
  const answer = route(
    aWorld({ httpRoutes: [anHttpRoute('r', [aRule([], ['v1'], rest)])] }),
    requestOf('a.com/'),
  );
  assert.ok(answer.kind === 'rule');
  const { timeouts, retry, persistence, listener, rule } = answer;
  assert.deepEqual({ timeouts, retry, persistence }, rest);
  assert.deepEqual([listener, rule], ['infra/gw/http', 'HTTPRoute infra/r rule 0']);
});
