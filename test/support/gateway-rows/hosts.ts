// Names of listeners and routes, and which of them a request belongs to.

import { aGateway, aListener, anHttpRoute, aParent, aRule } from '../gateway-objects.ts';
import type { RouteRow } from '../gateway-table.ts';

const ANY = [aRule([], ['v1'])];
const OLD = { createdAt: '2020-01-01T00:00:00Z' };

export const HOSTS: readonly RouteRow[] = [
  {
    name: 'ports, case and a dot at the end do not count',
    given: { httpRoutes: [anHttpRoute('r', ANY, { hostnames: ['a.com'] })] },
    asked: {
      'a.com/': 'v1',
      'a.com:80/': 'v1',
      'a.com:8080/': 'v1',
      'A.Com/': 'v1',
      'a.com./': 'v1',
      'a.com.:80/': 'v1',
      'b.a.com/': '404',
      'a.com.org/': '404',
      '-/': '404',
    },
  },
  {
    name: 'a star is one and more labels',
    given: { httpRoutes: [anHttpRoute('r', ANY, { hostnames: ['*.example.com'] })] },
    asked: {
      'test.example.com/': 'v1',
      'foo.test.example.com/': 'v1',
      'example.com/': '404',
      '.example.com/': '404',
      'badexample.com/': '404',
    },
  },
  {
    name: 'a route without names has those of its listener',
    given: {
      gateways: [aGateway('gw', [aListener('http HTTP 80 *.example.com')])],
      httpRoutes: [anHttpRoute('r', ANY)],
    },
    asked: { 'a.example.com/': 'v1', 'example.com/': '404', 'a.org/': '404' },
  },
  {
    name: 'names that the listener has not are ignored',
    given: {
      gateways: [aGateway('gw', [aListener('http HTTP 80 *.example.com')])],
      httpRoutes: [anHttpRoute('r', ANY, { hostnames: ['test.example.com', 'test.example.net'] })],
    },
    asked: { 'test.example.com/': 'v1', 'test.example.net/': '404', 'other.example.com/': '404' },
  },
  {
    name: 'a route with a star is bounded by a listener without',
    given: {
      gateways: [aGateway('gw', [aListener('http HTTP 80 very.specific.com')])],
      httpRoutes: [anHttpRoute('r', ANY, { hostnames: ['*.specific.com', 'wrong.com'] })],
    },
    asked: { 'very.specific.com/': 'v1', 'other.specific.com/': '404', 'wrong.com/': '404' },
  },
  {
    name: 'the longest name without a star goes before the longest with one, before paths and age',
    given: {
      httpRoutes: [
        anHttpRoute('any', [aRule(['=/x'], ['v1'])], OLD),
        anHttpRoute('star', [aRule(['=/x'], ['v2'])], { hostnames: ['*.b.com'], ...OLD }),
        anHttpRoute('own', [aRule(['/'], ['v3'])], { hostnames: ['*.com', 'a.b.com'] }),
      ],
    },
    asked: { 'a.b.com/x': 'v3', 'c.b.com/x': 'v2', 'b.org/x': 'v1', 'b.com/x': 'v3' },
  },
  {
    name: 'the longer star goes before the shorter',
    given: {
      httpRoutes: [
        anHttpRoute('short', [aRule(['=/x'], ['v1'])], { hostnames: ['*.com'], ...OLD }),
        anHttpRoute('long', [aRule(['/'], ['v2'])], { hostnames: ['*.b.com'] }),
      ],
    },
    asked: { 'a.b.com/x': 'v2', 'c.com/x': 'v1' },
  },
  {
    name: 'where no rule of the more specific name has a request, the next name is asked',
    given: {
      httpRoutes: [
        anHttpRoute('any', [aRule(['/any'], ['v1'])]),
        anHttpRoute('star', [aRule(['/star', '/'], ['v2'])], { hostnames: ['*.example.com'] }),
        anHttpRoute('own', [aRule(['/own'], ['v3'])], { hostnames: ['a.example.com'] }),
      ],
    },
    asked: {
      'a.example.com/own': 'v3',
      'a.example.com/star': 'v2',
      'a.example.com/any': 'v2',
      'example.com/any': 'v1',
      'example.com/star': '404',
    },
  },
  {
    name: 'precedence goes by the names of routes, not by what the listener leaves of them',
    given: {
      gateways: [aGateway('gw', [aListener('http HTTP 80 abc.example.com')])],
      httpRoutes: [
        anHttpRoute('star', [aRule(['=/x'], ['v1'])], { hostnames: ['*.example.com'], ...OLD }),
        anHttpRoute('none', [aRule(['=/x', '=/y'], ['v3'])], OLD),
        anHttpRoute('own', [aRule(['/'], ['v2'])], { hostnames: ['abc.example.com'] }),
      ],
    },
    asked: { 'abc.example.com/x': 'v2', 'abc.example.com/y': 'v2' },
  },
  {
    name: 'matching goes across routes',
    given: {
      httpRoutes: [
        anHttpRoute('part1', [aRule(['/', 'version:one'], ['v1'])], {
          hostnames: ['example.com', 'example.net'],
        }),
        anHttpRoute('part2', [aRule(['/v2', 'version:two'], ['v2'])], { hostnames: ['example.com'] }),
      ],
    },
    asked: {
      'example.com/': 'v1',
      'example.com/example': 'v1',
      'example.net/example | version: one': 'v1',
      'example.com/v2': 'v2',
      'example.com/v2/example': 'v2',
      'example.com/ | version: two': 'v2',
      'example.net/v2': 'v1',
    },
  },
];

const isolated = ['none', 'star', 'deep', 'own'].map((it) =>
  anHttpRoute(it, [aRule([`/${it}`], ['v1'])], { parents: [aParent(`gw#${it}`)] }),
);

export const ISOLATION: readonly RouteRow[] = [
  {
    name: 'the listener of the most specific name has a request, and its routes alone',
    given: {
      gateways: [
        aGateway('gw', [
          aListener('none HTTP 80'),
          aListener('star HTTP 80 *.example.com'),
          aListener('deep HTTP 80 *.foo.example.com'),
          aListener('own HTTP 80 abc.foo.example.com'),
        ]),
      ],
      httpRoutes: isolated,
    },
    asked: {
      'bar.com/none': 'v1',
      'bar.com/star': '404',
      'bar.com/deep': '404',
      'bar.com/own': '404',
      'bar.example.com/none': '404',
      'bar.example.com/star': 'v1',
      'bar.example.com/deep': '404',
      'bar.example.com/own': '404',
      'bar.foo.example.com/none': '404',
      'bar.foo.example.com/star': '404',
      'bar.foo.example.com/deep': 'v1',
      'bar.foo.example.com/own': '404',
      'abc.foo.example.com/none': '404',
      'abc.foo.example.com/star': '404',
      'abc.foo.example.com/deep': '404',
      'abc.foo.example.com/own': 'v1',
    },
  },
  {
    name: 'a name that no listener has is nobody’s',
    given: {
      gateways: [aGateway('gw', [aListener('star HTTP 80 *.example.com')])],
      httpRoutes: [anHttpRoute('r', ANY)],
    },
    asked: {
      'example.com/': '404',
      'a.example.com/': 'v1',
      '-/': '404',
      'port=81 a.example.com/': 'closed no-listener',
    },
  },
];
