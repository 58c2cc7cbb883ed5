// What keeps rules from a request: each sort of obstacle in the words that people read, the nearest first.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  aGateway,
  aGrpcRoute,
  aGrpcRule,
  aListener,
  anHttpRoute,
  aParent,
  aRule,
  aStreamRoute,
  aWorld,
} from '../../../test/support/gateway-objects.ts';
import { requestOf } from '../../../test/support/gateway-table.ts';
import { explainRoute } from '../../oracle/route-explain.ts';
import type { GatewayObjects } from '../../oracle/route-objects.ts';
import { obstacleText, ruleText } from './obstacle-text.ts';

interface Row {
  readonly name: string;
  readonly given: Partial<GatewayObjects>;
  /** As `requestOf` has it. */
  readonly request: string;
  readonly near: readonly string[];
}

const GRPC = '| content-type: application/grpc';
const OLD = '2025-01-01T00:00:00Z';
const onTwo = [aListener('one HTTP 80 one.com'), aListener('two HTTP 80 two.com')];

const ROWS: readonly Row[] = [
  {
    name: 'paths by kind, the one that shares most first',
    given: {
      httpRoutes: [
        anHttpRoute(
          'a',
          [['/foo'], ['=/foobar/x'], ['/b'], ['=/foo'], ['~/foo[0-9]+']].map((it) => aRule(it, ['v1'])),
        ),
      ],
    },
    request: 'a.com/foobar',
    near: [
      'HTTPRoute infra/a rule 1: path /foobar is not /foobar/x',
      'HTTPRoute infra/a rule 0: path /foobar is not within /foo by whole elements',
      'HTTPRoute infra/a rule 3: path /foobar is not /foo exactly',
      'HTTPRoute infra/a rule 4: path /foobar as a whole is not like /foo[0-9]+',
      'HTTPRoute infra/a rule 2: path /foobar is not within /b',
    ],
  },
  {
    name: 'the first condition that fails, of the match that comes nearest',
    given: {
      httpRoutes: [
        anHttpRoute('a', [
          aRule(['/b', '/a x-version:v2', 'POST /a'], ['v1']),
          aRule(['POST /a'], ['v1']),
          aRule(['/a ?animal=~wh.*'], ['v1']),
          aRule(['/a x-new:1'], ['v1']),
        ]),
      ],
    },
    request: 'a.com/a?animal=cow | x-version: v1',
    near: [
      'HTTPRoute infra/a rule 2: parameter animal is "cow", the rule wants something like wh.*',
      'HTTPRoute infra/a rule 0: header x-version is "v1", the rule wants "v2"',
      'HTTPRoute infra/a rule 3: header x-new is absent, the rule wants "1"',
      'HTTPRoute infra/a rule 1: the method is GET, the rule wants POST',
    ],
  },
  {
    name: 'what goes first of several that have the request',
    given: {
      httpRoutes: [
        anHttpRoute('a', [aRule(['/a'], ['v1'])], { hostnames: ['a.com'], createdAt: OLD }),
        anHttpRoute('b', [aRule(['/a'], ['v1']), aRule(['/'], ['v1'])], {
          hostnames: ['a.com'],
          createdAt: OLD,
        }),
        anHttpRoute('c', [aRule(['/a'], ['v1'])], { hostnames: ['a.com'] }),
        anHttpRoute('d', [aRule(['/a/b'], ['v1'])]),
      ],
    },
    request: 'a.com/a/b',
    near: [
      'HTTPRoute infra/b rule 0: it has the request, too, but of equal ones the first by name goes first',
      'HTTPRoute infra/b rule 1: it has the request, too, but a longer or exact path goes first',
      'HTTPRoute infra/c rule 0: it has the request, too, but the older route goes first',
      'HTTPRoute infra/d rule 0: it has the request, too, but a more specific hostname goes first',
    ],
  },
  {
    name: 'names that do not have the host',
    given: {
      httpRoutes: [
        anHttpRoute('a', [aRule([], ['v1'])], { hostnames: ['*.x.com'] }),
        anHttpRoute('b', [aRule([], ['v1'])], { hostnames: ['y.com', 'z.com'] }),
      ],
    },
    request: 'x.com/',
    near: [
      'HTTPRoute infra/a: *.x.com does not have x.com itself, only names below it',
      'HTTPRoute infra/b: hostnames y.com, z.com do not have x.com',
    ],
  },
  {
    name: 'why a route is not attached',
    given: {
      gateways: [
        aGateway('gw', [
          ...onTwo,
          aListener('own HTTP 81', { allowedRoutes: { namespaces: { from: 'same' }, kinds: undefined } }),
        ]),
      ],
      httpRoutes: [
        anHttpRoute('gone', [aRule([], ['v1'])], { parents: [aParent('gw#three')] }),
        anHttpRoute('name', [aRule([], ['v1'])], { parents: [aParent('gw#two')], hostnames: ['one.com'] }),
        anHttpRoute('shop/guest', [aRule([], ['v1'])], { parents: [aParent('gw#own')] }),
        anHttpRoute('next', [aRule([], ['v1'])], { parents: [aParent('gw#two')] }),
        anHttpRoute('other', [aRule([], ['v1'])], { parents: [aParent('elsewhere')] }),
      ],
    },
    request: 'one.com/',
    near: [
      'HTTPRoute infra/gone: not attached: NoMatchingParent: Gateway infra/gw has no listener three',
      'HTTPRoute infra/name: not attached: NoMatchingListenerHostname: no listener has a name of one.com',
      'HTTPRoute shop/guest: not attached: NotAllowedByListeners: no listener lets HTTPRoutes of namespace shop in',
      'HTTPRoute infra/next: attached to listener two alone',
    ],
  },
  {
    name: 'rules with an expression that cannot be read',
    given: { httpRoutes: [anHttpRoute('a', [aRule(['~/a(?=b)'], ['v1']), aRule(['/a'], ['v1'])])] },
    request: 'a.com/a',
    near: [
      'HTTPRoute infra/a rule 0: it is dropped: a regular expression of it is outside of the common dialect',
    ],
  },
  {
    name: 'that a request is none of gRPC',
    given: { grpcRoutes: [aGrpcRoute('g', [aGrpcRule(['a.B/C'], ['v1'])])] },
    request: 'POST a.com/a.B/C',
    near: ['GRPCRoute infra/g: it has gRPC alone, and the request has no content-type application/grpc'],
  },
  {
    name: 'calls of gRPC',
    given: { grpcRoutes: [aGrpcRoute('g', [aGrpcRule(['a.B/C'], ['v1']), aGrpcRule(['a.B/ v:1'], ['v1'])])] },
    request: `POST a.com/a.B/D ${GRPC}`,
    near: [
      'GRPCRoute infra/g rule 1: header v is absent, the rule wants "1"',
      'GRPCRoute infra/g rule 0: /a.B/D is not the call a.B/C',
    ],
  },
  {
    name: 'routes of streams',
    given: {
      gateways: [aGateway('gw', [aListener('tls TLS 443')])],
      streamRoutes: [
        aStreamRoute('TLSRoute', 'a', ['v1'], { hostnames: ['a.com'] }),
        aStreamRoute('TLSRoute', 'b', ['v1'], { hostnames: ['a.com'] }),
        aStreamRoute('TLSRoute', 'c', ['v1'], { hostnames: ['c.com'] }),
        aStreamRoute('TCPRoute', 'd', ['v1']),
      ],
    },
    request: 'sni=a.com a.com/',
    near: [
      'TLSRoute infra/b: it has the request, too, but of equal ones the first by name goes first',
      'TCPRoute infra/d: not attached: NotAllowedByListeners: no listener lets TCPRoutes of namespace infra in',
      'TLSRoute infra/c: hostname c.com does not have a.com',
    ],
  },
];

for (const { name, given, request, near } of ROWS)
  test(`obstacleText() tells ${name}`, () => {
    const asked = requestOf(request);
    const found = explainRoute(aWorld(given), asked).near;
    assert.deepEqual(
      found.map((it) => `${ruleText(it.of, it.rule)}: ${obstacleText(it, asked)}`),
      near,
    );
  });
