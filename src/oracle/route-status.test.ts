import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  aBackend,
  aGateway,
  aListener,
  aListenerSet,
  anHttpRoute,
  aParent,
  aRule,
  aService,
  aServicePort,
  aStreamRoute,
  aTlsPolicy,
} from '../../test/support/gateway-objects.ts';
import { statusOf, told } from '../../test/support/gateway-status.ts';

const HTTP_WORLD = {
  gateways: [
    aGateway(
      'gw',
      [
        aListener('http HTTP 80 *.x.com'),
        aListener('own HTTP 81', { allowedRoutes: { namespaces: { from: 'same' }, kinds: undefined } }),
        aListener('tls TLS 443', { tls: { mode: 'passthrough', certificates: [], options: new Map() } }),
      ],
      { allowedListeners: { from: 'same' } },
    ),
  ],
  listenerSets: [
    aListenerSet('more', [aListener('http HTTP 82')]),
    aListenerSet('shop/out', [aListener('http HTTP 83')], { parent: aParent('gw') }),
  ],
};
const ANY = [aRule([], ['v1'])];

for (const { name, given, expected } of [
  {
    name: 'one that attaches',
    given: { httpRoutes: [anHttpRoute('r', ANY)] },
    expected: ['Accepted, ResolvedRefs'],
  },
  {
    name: 'no such listener or port',
    given: {
      httpRoutes: [
        anHttpRoute('r', ANY, { parents: [aParent('gw#x'), aParent('gw:90'), aParent('gw#http:81')] }),
      ],
    },
    expected: Array.from({ length: 3 }, () => '!Accepted NoMatchingParent, ResolvedRefs'),
  },
  {
    name: 'no listener that allows it: namespace, kind',
    given: {
      httpRoutes: [
        anHttpRoute('shop/r', [aRule([], [])], { parents: [aParent('gw#own'), aParent('gw#tls')] }),
      ],
    },
    expected: Array.from({ length: 2 }, () => '!Accepted NotAllowedByListeners, ResolvedRefs'),
  },
  {
    name: 'no name in common',
    given: {
      httpRoutes: [anHttpRoute('r', ANY, { parents: [aParent('gw#http')], hostnames: ['x.com', '*.y.com'] })],
    },
    expected: ['!Accepted NoMatchingListenerHostname, ResolvedRefs'],
  },
  {
    name: 'a TLSRoute at listeners without TLS',
    given: {
      streamRoutes: [
        aStreamRoute('TLSRoute', 'r', ['v1'], {
          hostnames: ['a.x.com'],
          parents: [aParent('gw#http'), aParent('gw')],
        }),
      ],
    },
    expected: ['!Accepted NotAllowedByListeners|UnsupportedValue, ResolvedRefs', 'Accepted, ResolvedRefs'],
  },
  {
    name: 'ListenerSets as parents, and a Gateway that is not this one',
    given: {
      httpRoutes: [
        anHttpRoute('r', ANY, {
          parents: [
            aParent('more', { kind: 'ListenerSet' }),
            aParent('shop/out', { kind: 'ListenerSet' }),
            aParent('more#x', { kind: 'ListenerSet' }),
            aParent('shop/gw'),
          ],
        }),
      ],
    },
    expected: [
      'Accepted, ResolvedRefs',
      '!Accepted, ResolvedRefs',
      '!Accepted NoMatchingParent, ResolvedRefs',
    ],
  },
  {
    name: 'rules that cannot be read: some, all',
    given: {
      httpRoutes: [
        anHttpRoute('r', [aRule(['~('], ['v1']), ...ANY]),
        anHttpRoute('s', [aRule(['~('], ['v1'])]),
      ],
    },
    expected: [
      'Accepted, ResolvedRefs, PartiallyInvalid UnsupportedValue',
      '!Accepted UnsupportedValue, ResolvedRefs',
    ],
  },
  {
    name: 'a retry that would have to wait',
    given: {
      httpRoutes: [
        anHttpRoute('r', [aRule([], ['v1'], { retry: { codes: [], attempts: 1, backoffMs: 10 } })]),
      ],
    },
    expected: ['Accepted, ResolvedRefs'],
  },
  {
    name: 'references that lead nowhere',
    given: {
      services: [aService('odd', [aServicePort(8080, { appProtocol: 'mysql' })])],
      httpRoutes: [
        anHttpRoute('kind', [aRule([], [], { backends: [aBackend('v1', { kind: 'Pod' })] })]),
        anHttpRoute('gone', [aRule([], ['nobody*0'])]),
        anHttpRoute('grant', [aRule([], ['shop/web'])]),
        anHttpRoute('protocol', [aRule([], ['odd'])]),
        anHttpRoute('both', [aRule([], ['odd', 'nobody'])]),
        anHttpRoute('mirror', [
          aRule([], ['v1'], {
            filters: [{ kind: 'mirror', backend: aBackend('nobody'), numerator: 1, denominator: 1 }],
          }),
        ]),
        anHttpRoute('own', [
          aRule([], [], {
            backends: [
              {
                ...aBackend('v1'),
                filters: [{ kind: 'mirror', backend: aBackend('shop/web'), numerator: 1, denominator: 1 }],
              },
            ],
          }),
        ]),
        anHttpRoute('empty', [aRule([], ['empty'])]),
      ],
    },
    expected: [
      'Accepted, !ResolvedRefs InvalidKind',
      'Accepted, !ResolvedRefs BackendNotFound',
      'Accepted, !ResolvedRefs RefNotPermitted',
      'Accepted, !ResolvedRefs UnsupportedProtocol',
      'Accepted, !ResolvedRefs BackendNotFound|UnsupportedProtocol',
      'Accepted, !ResolvedRefs BackendNotFound',
      'Accepted, !ResolvedRefs RefNotPermitted',
      'Accepted, ResolvedRefs',
    ],
  },
  {
    name: 'a policy that nobody can meet',
    given: {
      authorities: new Set<string>(),
      tlsPolicies: [aTlsPolicy('p', 'v1')],
      httpRoutes: [anHttpRoute('r', ANY)],
    },
    expected: ['Accepted, ?ResolvedRefs'],
  },
])
  test(`attachments() says of routes: ${name}`, () => {
    const { routes } = statusOf({ ...HTTP_WORLD, ...given });
    assert.deepEqual(
      routes.flatMap((it) => it.parents.map(({ conditions }) => told(conditions))),
      expected,
    );
  });
