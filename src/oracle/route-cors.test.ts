import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HttpCors } from '../objects/gateway-api/http-route.ts';
import { anHttpRoute, aRule, aWorld } from '../../test/support/gateway-objects.ts';
import { forwardOf, requestOf, saidOf } from '../../test/support/gateway-table.ts';
import type { GatewayObjects, Response } from './route-objects.ts';
import { route } from './route.ts';

function worldOf(cors: HttpCors, backend = 'v1'): GatewayObjects {
  return aWorld({ httpRoutes: [anHttpRoute('r', [aRule([], [backend], { filters: [cors] })])] });
}

function aCors(rest: Partial<HttpCors> = {}): HttpCors {
  return {
    kind: 'cors',
    allowOrigins: ['https://www.foo.com', 'https://*.bar.com'],
    allowCredentials: true,
    allowMethods: ['GET', 'OPTIONS'],
    allowHeaders: ['x-header-1', 'x-header-2'],
    exposeHeaders: ['x-header-3'],
    maxAgeS: 3600,
    ...rest,
  };
}

const STAR = aCors({
  allowOrigins: ['*'],
  allowMethods: ['*'],
  allowHeaders: ['*'],
  exposeHeaders: ['*', 'x-header-3'],
});

function headersOf({ headers }: Pick<Response, 'headers'>): Record<string, string> {
  return Object.fromEntries(
    headers.map((it) => [it.name.replace('access-control-', ''), it.values.join(' or ')]),
  );
}

const ASKED = 'access-control-request-method: PUT | access-control-request-headers: x-a, x-b';

for (const { name, cors, origin, expected } of [
  {
    name: 'what is listed',
    cors: aCors(),
    origin: 'https://www.foo.com',
    expected: {
      'allow-origin': 'https://www.foo.com',
      'allow-credentials': 'true',
      'allow-methods': 'GET, OPTIONS',
      'allow-headers': 'x-header-1, x-header-2',
      'expose-headers': 'x-header-3',
      'max-age': '3600',
    },
  },
  {
    name: 'stars without credentials: a star, or what was asked for',
    cors: { ...STAR, allowCredentials: false },
    origin: 'https://any.com:12345',
    expected: {
      'allow-origin': '* or https://any.com:12345',
      'allow-methods': '* or PUT',
      'allow-headers': '* or x-a, x-b',
      'expose-headers': '*, x-header-3',
      'max-age': '3600',
    },
  },
  {
    name: 'stars with credentials: what was asked for, and no star',
    cors: STAR,
    origin: 'https://any.com',
    expected: {
      'allow-origin': 'https://any.com',
      'allow-credentials': 'true',
      'allow-methods': 'PUT',
      'allow-headers': 'x-a, x-b',
      'expose-headers': 'x-header-3',
      'max-age': '3600',
    },
  },
  {
    name: 'empty lists: no headers of them',
    cors: aCors({
      allowCredentials: false,
      allowMethods: [],
      allowHeaders: [],
      exposeHeaders: [],
      maxAgeS: 5,
    }),
    origin: 'https://x.bar.com',
    expected: { 'allow-origin': 'https://x.bar.com', 'max-age': '5' },
  },
  { name: 'another origin: nothing', cors: aCors(), origin: 'https://foobar.com', expected: {} },
])
  test(`route() answers a preflight with ${name}`, () => {
    const world = worldOf(cors, 'nobody');
    const answer = route(world, requestOf(`OPTIONS a.com/ | Origin: ${origin} | ${ASKED}`));
    assert.ok(answer.kind === 'rule');
    const [choice] = answer.choices;
    assert.ok(answer.choices.length === 1 && choice?.outcome.kind === 'respond');
    assert.deepEqual(headersOf(choice.outcome), expected);
    assert.deepEqual(choice.outcome.statuses, origin === 'https://foobar.com' ? [200, 204, 403] : [200, 204]);
  });

for (const [pattern, origin, isAllowed] of [
  ['https://*.bar.com', 'https://www.bar.com', true],
  ['https://*.bar.com', 'https://xpto.www.bar.com', true],
  ['https://*.bar.com', 'https://bar.com', false],
  ['https://*.bar.com', 'http://www.bar.com', false],
  ['https://*.bar.com', 'https://www.bar.com:8443', false],
  ['https://*.bar.com', 'https://www.bar.com:443', true],
  ['http://www.bar.com:80', 'http://www.bar.com', true],
  ['https://*.bar.com', 'https://wwwxbar.com', false],
  ['https://*', 'https://any.org', true],
  ['https://*:8443', 'https://any.org:8443', true],
  ['*', 'null', true],
  ['https://www.bar.com', 'https://WWW.bar.com', true],
  ['https://www.bar.com', 'null', false],
] as const)
  test(`route() ${isAllowed ? 'lets' : 'does not let'} "${origin}" read by "${pattern}"`, () => {
    const { responseHeaders } = forwardOf(
      worldOf(aCors({ allowOrigins: [pattern] })),
      `a.com/ | Origin: ${origin}`,
    );
    const expected = { 'allow-origin': origin, 'allow-credentials': 'true', 'expose-headers': 'x-header-3' };
    assert.deepEqual(headersOf({ headers: responseHeaders }), isAllowed ? expected : {});
  });

test('route() adds nothing of CORS where no origin asks, and takes OPTIONS without its headers for any request', () => {
  const world = worldOf(aCors());
  assert.deepEqual(forwardOf(world, 'a.com/').responseHeaders, []);
  assert.equal(saidOf(route(world, requestOf('OPTIONS a.com/ | Origin: https://www.foo.com'))), 'v1');
  assert.equal(saidOf(route(world, requestOf(`OPTIONS a.com/ | ${ASKED}`))), 'v1');
});

test('route() adds the headers of CORS to a redirect, too', () => {
  const redirect = {
    kind: 'redirect',
    scheme: undefined,
    hostname: 'b.com',
    port: undefined,
    path: undefined,
    statusCode: 301,
  } as const;
  const world = aWorld({ httpRoutes: [anHttpRoute('r', [aRule([], [], { filters: [aCors(), redirect] })])] });
  const answer = route(world, requestOf('a.com/ | Origin: https://www.foo.com'));
  assert.ok(answer.kind === 'rule');
  const [outcome] = answer.choices.map((it) => it.outcome);
  assert.ok(outcome?.kind === 'respond');
  assert.deepEqual(headersOf(outcome), {
    location: 'http://b.com/',
    'allow-origin': 'https://www.foo.com',
    'allow-credentials': 'true',
    'expose-headers': 'x-header-3',
  });
});
