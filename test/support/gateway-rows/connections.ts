// Connections: which listener has them, TLS, requests that came to the wrong one, and routes of TLS, TCP and UDP.

import { parsePort } from '../../../src/base/port.ts';
import {
  aGateway,
  aListener,
  aListenerSet,
  anHttpRoute,
  aParent,
  aRule,
  aService,
  aServicePort,
  aSlice,
  aStreamRoute,
} from '../gateway-objects.ts';
import type { RouteRow } from '../gateway-table.ts';

const ANY = [aRule([], ['v1'])];
const PASS = { tls: { mode: 'passthrough', certificates: [], options: new Map() } } as const;
const NEW = { createdAt: '2026-02-01T00:00:00Z' };

export const MISDIRECTED: readonly RouteRow[] = [
  {
    name: '421 where another listener of the port is the one of the name',
    given: {
      gateways: [
        aGateway('gw', [
          aListener('any HTTPS 443'),
          aListener('second HTTPS 443 second-example.org'),
          aListener('wild HTTPS 443 *.wildcard.org'),
          aListener('fourth HTTPS 443 fourth-example.wildcard.org'),
        ]),
      ],
      httpRoutes: [
        anHttpRoute('r1', ANY, { hostnames: ['example.org'] }),
        anHttpRoute('r2', [aRule([], ['v2'])], { parents: [aParent('gw#second')] }),
        anHttpRoute('r3', [aRule([], ['v3'])], {
          parents: [aParent('gw#wild')],
          hostnames: ['third-example.wildcard.org', 'fifth-example.wildcard.org'],
        }),
        anHttpRoute('r4', ANY, {
          parents: [aParent('gw#fourth')],
          hostnames: ['fourth-example.wildcard.org'],
        }),
      ],
    },
    asked: {
      'sni=example.org example.org/': 'v1',
      'sni=example.org second-example.org/': '421',
      'sni=example.org unknown-example.org/': '404',
      'sni=second-example.org second-example.org/': 'v2',
      'sni=second-example.org example.org/': '421',
      'sni=second-example.org unknown-example.org/': '421',
      'sni=third-example.wildcard.org third-example.wildcard.org/': 'v3',
      'sni=third-example.wildcard.org fifth-example.wildcard.org/': 'v3',
      'sni=third-example.wildcard.org fourth-example.wildcard.org/': '421',
      'sni=third-example.wildcard.org second-example.org/': '421',
      'sni=third-example.wildcard.org unknown-example.org/': '421',
      'sni=fourth-example.wildcard.org fourth-example.wildcard.org/': 'v1',
      'sni=fourth-example.wildcard.org fifth-example.wildcard.org/': '421',
      'sni=unknown-example.org example.org/': 'v1',
      'sni=unknown-example.org unknown-example.org/': '404',
      'sni=- example.org/': 'v1',
      'sni=Second-Example.ORG second-example.org/': 'v2',
    },
  },
  {
    name: '404 where no listener at all has the name',
    given: {
      gateways: [aGateway('gw', [aListener('one HTTPS 443 a.com'), aListener('two HTTPS 8443 b.com')])],
      httpRoutes: [anHttpRoute('r', ANY)],
    },
    asked: {
      'sni=a.com a.com/': 'v1',
      'sni=a.com b.com/': '404',
      'sni=c.com a.com/': 'closed no-name',
      'sni=- a.com/': 'closed no-name',
      'port=443 a.com/': 'closed not-tls',
    },
  },
];

const CA = { caCertificates: [{ group: '', kind: 'ConfigMap', namespace: 'infra', name: 'ca' }] };

export const CONNECTIONS: readonly RouteRow[] = [
  {
    name: 'clients show a certificate where HTTPS wants one, by port',
    given: {
      gateways: [
        aGateway(
          'gw',
          [
            aListener('a HTTPS 443'),
            aListener('b HTTPS 444'),
            aListener('c HTTPS 445'),
            aListener('d TLS 446'),
          ],
          {
            frontendValidation: { ...CA, mode: 'valid-only' },
            frontendTlsPorts: new Map([
              [parsePort(444), { ...CA, mode: 'insecure-fallback' }],
              [parsePort(445), undefined],
            ]),
          },
        ),
      ],
      httpRoutes: [anHttpRoute('r', ANY)],
      streamRoutes: [aStreamRoute('TLSRoute', 't', ['v2'], { hostnames: ['a.com'] })],
    },
    asked: {
      'sni=a.com client=trusted a.com/': 'v1',
      'sni=a.com client=untrusted a.com/': 'closed not-trusted',
      'sni=a.com a.com/': 'closed not-trusted',
      'sni=a.com port=444 client=untrusted a.com/': 'v1',
      'sni=a.com port=444 a.com/': 'v1',
      'sni=a.com port=445 a.com/': 'v1',
      'sni=a.com port=446 a.com/': 'v2',
    },
  },
  {
    name: 'HTTP is spoken without TLS, HTTPS with it',
    given: {
      gateways: [aGateway('gw', [aListener('http HTTP 80'), aListener('https HTTPS 443')])],
      httpRoutes: [anHttpRoute('r', ANY)],
    },
    asked: {
      'a.com/': 'v1',
      'sni=a.com a.com/': 'v1',
      'sni=a.com port=80 a.com/': 'closed not-plain',
      'port=443 a.com/': 'closed not-tls',
      'port=81 a.com/': 'closed no-listener',
      'udp a.com/': 'closed no-listener',
    },
  },
  {
    name: 'a listener without a certificate that can be used is not there, one of several is enough',
    given: {
      gateways: [
        aGateway('gw', [
          aListener('any HTTPS 443'),
          aListener('own HTTPS 443 a.com', {
            tls: {
              mode: 'terminate',
              certificates: [{ group: '', kind: 'Secret', namespace: 'infra', name: 'gone' }],
              options: new Map(),
            },
          }),
        ]),
      ],
      httpRoutes: [
        anHttpRoute('any', ANY, { parents: [aParent('gw#any')] }),
        anHttpRoute('own', [aRule([], ['v2'])], { parents: [aParent('gw#own')] }),
      ],
    },
    asked: { 'sni=a.com a.com/': 'v1' },
  },
  {
    name: 'listeners that cannot be told apart are not there, all of them',
    given: {
      gateways: [
        aGateway('gw', [
          aListener('one HTTP 80 a.com'),
          aListener('two HTTP 80 a.com'),
          aListener('three HTTP 80 b.com'),
          aListener('four HTTP 81'),
          aListener('five HTTPS 81'),
          aListener('six TCP 82'),
          aListener('seven TLS 82 a.com', PASS),
          aListener('eight TCP 83'),
          aListener('nine UDP 83'),
        ]),
      ],
      httpRoutes: [anHttpRoute('r', ANY)],
      streamRoutes: [aStreamRoute('TCPRoute', 't', ['v1'])],
    },
    asked: {
      'a.com/': '404',
      'b.com/': 'v1',
      'port=81 a.com/': 'closed no-listener',
      'port=82 a.com/': 'closed no-listener',
      'port=83 a.com/': 'v1',
    },
  },
  {
    name: 'of several owners the one of higher precedence stays: the Gateway, then the older ListenerSet',
    given: {
      gateways: [aGateway('gw', [aListener('http HTTP 80')], { allowedListeners: { from: 'all' } })],
      listenerSets: [
        aListenerSet('new', [aListener('a HTTP 8080')], NEW),
        aListenerSet('old', [aListener('a HTTP 8080'), aListener('b TCP 80')]),
      ],
      httpRoutes: [
        anHttpRoute('r', ANY),
        anHttpRoute('new', [aRule([], ['v2'])], { parents: [aParent('new', { kind: 'ListenerSet' })] }),
        anHttpRoute('old', [aRule([], ['v3'])], { parents: [aParent('old', { kind: 'ListenerSet' })] }),
      ],
    },
    asked: { 'a.com/': 'v1', 'port=8080 a.com/': 'v3' },
  },
  {
    name: 'whoever has lost its place is in nobody’s way',
    given: {
      gateways: [aGateway('gw', [aListener('https HTTPS 443 a.com')], { allowedListeners: { from: 'all' } })],
      listenerSets: [
        aListenerSet('old', [aListener('tcp TCP 443')]),
        aListenerSet('new', [aListener('more HTTPS 443 b.com')], NEW),
      ],
      httpRoutes: [
        anHttpRoute('new', [aRule([], ['v2'])], { parents: [aParent('new', { kind: 'ListenerSet' })] }),
      ],
    },
    asked: { 'sni=b.com b.com/': 'v2' },
  },
];

export const STREAMS: readonly RouteRow[] = [
  {
    name: 'TLS goes by the name asked for, the most specific one first, whether it ends here or not',
    given: {
      gateways: [
        aGateway('gw', [
          aListener('pass TLS 443 *.pass.com', PASS),
          aListener('end TLS 443 *.end.com'),
          aListener('https HTTPS 443 *.com'),
        ]),
      ],
      httpRoutes: [anHttpRoute('r', ANY)],
      streamRoutes: [
        aStreamRoute('TLSRoute', 'star', ['v2'], { hostnames: ['*.pass.com', '*.end.com'] }),
        aStreamRoute('TLSRoute', 'own', ['v3'], { hostnames: ['a.pass.com', 'b.end.com'] }),
      ],
    },
    asked: {
      'sni=a.pass.com x/': 'v3',
      'sni=b.pass.com x/': 'v2',
      'sni=c.b.pass.com x/': 'v2',
      'sni=a.end.com x/': 'v2',
      'sni=b.end.com x/': 'v3',
      'sni=a.com a.com/': 'v1',
      'sni=pass.com pass.com/': 'v1',
      // A name of TLS that is passed on is none of HTTPS, so that nobody else has it there.
      'sni=a.com a.pass.com/': 'v1',
      'sni=a.org x/': 'closed no-name',
      'sni=- x/': 'closed no-name',
      'port=443 x/': 'closed not-tls',
    },
  },
  {
    name: 'a name of the listener that no route has',
    given: {
      gateways: [aGateway('gw', [aListener('pass TLS 443', PASS)])],
      streamRoutes: [aStreamRoute('TLSRoute', 'r', ['v1'], { hostnames: ['a.com', '*.b.com'] })],
    },
    asked: {
      'sni=a.com x/': 'v1',
      'sni=c.b.com x/': 'v1',
      'sni=b.com x/': 'closed no-route',
      'sni=- x/': 'closed no-route',
    },
  },
  {
    name: 'the older route, then the first by name',
    given: {
      gateways: [aGateway('gw', [aListener('tcp TCP 80')])],
      streamRoutes: [
        aStreamRoute('TCPRoute', 'a', ['v1'], NEW),
        aStreamRoute('TCPRoute', 'c', ['v2']),
        aStreamRoute('TCPRoute', 'b', ['v3']),
      ],
    },
    asked: { 'x/': 'v3', 'sni=a.com port=80 x/': 'v3' },
  },
  {
    name: 'by their weights; what leads nowhere or has no endpoints is refused',
    given: {
      gateways: [
        aGateway('gw', [aListener('tcp TCP 80'), aListener('zero TCP 81'), aListener('bare TCP 82')]),
      ],
      streamRoutes: [
        aStreamRoute('TCPRoute', 'r', ['v1*7', 'nobody*2', 'empty*1', 'v2*0'], {
          parents: [aParent('gw#tcp')],
        }),
        aStreamRoute('TCPRoute', 'zero', ['v1*0'], { parents: [aParent('gw#zero')] }),
      ],
    },
    asked: { 'x/': '7 v1, 2 refused, 1 refused', 'port=81 x/': 'refused', 'port=82 x/': 'closed no-route' },
  },
  {
    name: 'UDP has a port of its own, and ports of Services that speak it',
    given: {
      gateways: [aGateway('gw', [aListener('udp UDP 80'), aListener('http HTTP 80')])],
      services: [aService('dns', [aServicePort(8080, { protocol: 'UDP' })])],
      endpointSlices: [aSlice('dns', ['10.0.0.9'], { protocol: 'UDP' })],
      httpRoutes: [anHttpRoute('r', [aRule(['/dns'], ['dns']), aRule([], ['v1'])])],
      streamRoutes: [aStreamRoute('UDPRoute', 'r', ['dns*3', 'v1*1'])],
    },
    asked: { 'udp x/': '3 dns, 1 refused', 'a.com/': 'v1', 'a.com/dns': '500' },
  },
];
