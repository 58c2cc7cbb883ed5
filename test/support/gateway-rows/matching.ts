// What HTTPRouteMatch says, sentence by sentence, and which of several matches wins.

import { aMatch, anHttpRoute, aRule } from '../gateway-objects.ts';
import type { RouteRow } from '../gateway-table.ts';

export const MATCHING: readonly RouteRow[] = [
  {
    name: 'an exact path is the whole path, with case',
    given: { httpRoutes: [anHttpRoute('r', [aRule(['=/one'], ['v1']), aRule(['=/two/'], ['v2'])])] },
    asked: {
      'a.com/one': 'v1',
      'a.com/one?x=1': 'v1',
      'a.com/one/': '404',
      'a.com/ONE': '404',
      'a.com/one/example': '404',
      'a.com/two': '404',
      'a.com/two/': 'v2',
      'a.com/': '404',
    },
  },
  {
    name: 'a prefix goes by elements, and a slash at its end does not count',
    given: { httpRoutes: [anHttpRoute('r', [aRule(['/v2'], ['v2']), aRule(['/three/'], ['v3'])])] },
    asked: {
      'a.com/v2': 'v2',
      'a.com/v2/': 'v2',
      'a.com/v2/example': 'v2',
      'a.com/v2example': '404',
      'a.com/V2': '404',
      'a.com/foo/v2': '404',
      'a.com/three': 'v3',
      'a.com/three/x': 'v3',
      'a.com/threex': '404',
    },
  },
  {
    name: 'no matches at all are the prefix "/", which has every request',
    given: { httpRoutes: [anHttpRoute('r', [aRule([], ['v1'])])] },
    asked: { 'a.com/': 'v1', 'POST a.com/x/y?z': 'v1', '-/': 'v1' },
  },
  {
    name: 'a path counts as it was sent',
    given: { httpRoutes: [anHttpRoute('r', [aRule(['/abc'], ['v1']), aRule(['=/d%20e'], ['v2'])])] },
    asked: { 'a.com/%61bc': '404', 'a.com//abc': '404', 'a.com/x/../abc': '404', 'a.com/d%20e': 'v2' },
  },
  {
    name: 'what does not begin with a slash is no path',
    given: { httpRoutes: [anHttpRoute('r', [aRule([], ['v1'])])] },
    asked: { 'OPTIONS a.com*': '400' },
  },
  {
    name: 'an expression has the whole path, with case',
    given: { httpRoutes: [anHttpRoute('r', [aRule(['~/user/[0-9]+'], ['v1'])])] },
    asked: {
      'a.com/user/12': 'v1',
      'a.com/user/12?x=y': 'v1',
      'a.com/user/12/': '404',
      'a.com/x/user/12': '404',
      'a.com/USER/12': '404',
    },
  },
  {
    name: 'a rule with an expression that cannot be read is not served, the others are',
    given: { httpRoutes: [anHttpRoute('r', [aRule(['/', '~/(?=x).*'], ['v1']), aRule(['/two'], ['v2'])])] },
    asked: { 'a.com/x': '404', 'a.com/one': '404', 'a.com/two': 'v2' },
  },
  {
    name: 'any of the matches is enough, and all of one must hold',
    given: { httpRoutes: [anHttpRoute('r', [aRule(['/foo version:v2', '/v2/foo'], ['v1'])])] },
    asked: {
      'a.com/foo | version: v2': 'v1',
      'a.com/v2/foo': 'v1',
      'a.com/foo': '404',
      'a.com/bar | version: v2': '404',
    },
  },
  {
    name: 'names of headers match in any case, values exactly',
    given: { httpRoutes: [anHttpRoute('r', [aRule(['Version:one'], ['v1'])])] },
    asked: {
      'a.com/ | VERSION: one': 'v1',
      'a.com/ | version: One': '404',
      'a.com/ | version: one two': '404',
      'a.com/': '404',
    },
  },
  {
    name: 'headers of one name are one value, joined by commas',
    given: { httpRoutes: [anHttpRoute('r', [aRule(['tag:a,b'], ['v1']), aRule(['tag:~a,.*'], ['v2'])])] },
    asked: {
      'a.com/ | tag: a | Tag: b': 'v1',
      'a.com/ | tag: a,b': 'v1',
      'a.com/ | tag: a | tag: c': 'v2',
      'a.com/ | tag: a': '404',
    },
  },
  {
    name: 'an expression has the whole value of a header',
    given: { httpRoutes: [anHttpRoute('r', [aRule(['color:~(red|green)'], ['v1'])])] },
    asked: {
      'a.com/ | color: red': 'v1',
      'a.com/ | color: darkred': '404',
      'a.com/ | color: reddish': '404',
    },
  },
  {
    name: 'of several entries for one header, only the first counts',
    given: { httpRoutes: [anHttpRoute('r', [aRule(['color:red Color:blue'], ['v1'])])] },
    asked: { 'a.com/ | color: red': 'v1', 'a.com/ | color: blue': '404' },
  },
  {
    name: 'the Host header is matched like any other, as it was sent',
    given: { httpRoutes: [anHttpRoute('r', [aRule(['host:A.com:8080'], ['v1'])])] },
    asked: { 'A.com:8080/': 'v1', 'a.com/': '404' },
  },
  {
    name: 'query parameters match exactly, and the first of a name counts',
    given: {
      httpRoutes: [anHttpRoute('r', [aRule(['?animal=whale'], ['v1']), aRule(['?animal=dolphin'], ['v2'])])],
    },
    asked: {
      'a.com/?animal=whale': 'v1',
      'a.com/?x=1&animal=dolphin': 'v2',
      'a.com/?animal=dolphin&animal=whale': 'v2',
      'a.com/?Animal=whale': '404',
      'a.com/?animal=Whale': '404',
      'a.com/?animal': '404',
      'a.com/?animal=': '404',
      'a.com/': '404',
    },
  },
  {
    name: 'query parameters are read as forms are written',
    given: {
      httpRoutes: [
        anHttpRoute('r', [
          aRule([], ['v1'], {
            matches: [{ ...aMatch('/'), query: [{ type: 'exact', name: 'q', value: 'a b&c' }] }],
          }),
          aRule(['?q=50%'], ['v2']),
        ]),
      ],
    },
    asked: {
      'a.com/?q=a+b%26c': 'v1',
      'a.com/?%71=a%20b%26c': 'v1',
      'a.com/?q=50%': 'v2',
      'a.com/?q=50%25': 'v2',
    },
  },
  {
    name: 'of several entries for one parameter, only the first counts, and parameters know case',
    given: { httpRoutes: [anHttpRoute('r', [aRule(['?a=1 ?a=2 ?A=3'], ['v1'])])] },
    asked: { 'a.com/?a=1&A=3': 'v1', 'a.com/?a=2&A=3': '404', 'a.com/?a=1': '404' },
  },
  {
    name: 'an expression has the whole value of a parameter, and an absent one has none',
    given: { httpRoutes: [anHttpRoute('r', [aRule(['?id=~[0-9]*'], ['v1'])])] },
    asked: {
      'a.com/?id=12': 'v1',
      'a.com/?id=': 'v1',
      'a.com/?id': 'v1',
      'a.com/?id=1x': '404',
      'a.com/': '404',
    },
  },
  {
    name: 'a method matches exactly',
    given: { httpRoutes: [anHttpRoute('r', [aRule(['POST'], ['v1']), aRule(['GET /get'], ['v2'])])] },
    asked: { 'POST a.com/': 'v1', 'PUT a.com/': '404', 'a.com/get': 'v2', 'HEAD a.com/get': '404' },
  },
];

const OLD = { createdAt: '2020-09-08T01:02:03Z' };
const NEW = { createdAt: '2020-09-08T01:02:04Z' };

export const PRECEDENCE: readonly RouteRow[] = [
  {
    name: "the route of cert-manager's solver has its path beside whatever else has the name",
    given: {
      httpRoutes: [
        { ...anHttpRoute('web', [aRule(['/', '~/.*'], ['v1'])]), hostnames: ['a.com'] },
        {
          ...anHttpRoute('cm-acme-http-solver-1', [aRule(['=/.well-known/acme-challenge/token'], ['v2'])]),
          hostnames: ['a.com'],
        },
      ],
    },
    asked: {
      'a.com/.well-known/acme-challenge/token': 'v2',
      'a.com/.well-known/acme-challenge/other': 'v1',
      'a.com/': 'v1',
    },
  },
  {
    name: 'an exact path goes before every other',
    given: {
      httpRoutes: [anHttpRoute('r', [aRule(['GET /a/b x:y', '~/a/.*'], ['v1']), aRule(['=/a/b'], ['v2'])])],
    },
    asked: { 'a.com/a/b | x: y': 'v2', 'a.com/a/b/ | x: y': 'v1' },
  },
  {
    name: 'expressions stand between exact paths and prefixes, the longer one first',
    given: {
      httpRoutes: [
        anHttpRoute('r', [
          aRule(['/a/bcdefghij'], ['v1']),
          aRule(['~/a/.*'], ['v2']),
          aRule(['~/a/b.*'], ['v3']),
        ]),
      ],
    },
    asked: { 'a.com/a/bcdefghij': 'v3', 'a.com/a/c': 'v2' },
  },
  {
    name: 'the longer prefix goes before more headers',
    given: {
      httpRoutes: [anHttpRoute('r', [aRule(['GET /a x:y z:w ?q=1'], ['v1']), aRule(['/a/b'], ['v2'])])],
    },
    asked: { 'a.com/a/b?q=1 | x: y | z: w': 'v2', 'a.com/a/c?q=1 | x: y | z: w': 'v1', 'a.com/a/c': '404' },
  },
  {
    name: 'a slash at the end makes a prefix no longer',
    given: { httpRoutes: [anHttpRoute('r', [aRule(['/a'], ['v1']), aRule(['/a/'], ['v2'])])] },
    asked: { 'a.com/a/': 'v1', 'a.com/a/x': 'v1' },
  },
  {
    name: 'a method goes before headers, headers before parameters',
    given: {
      httpRoutes: [
        anHttpRoute('r', [
          aRule(['?a=1 ?b=2 ?c=3'], ['v1']),
          aRule(['x:1 y:2'], ['v2']),
          aRule(['GET'], ['v3']),
        ]),
      ],
    },
    asked: {
      'a.com/?a=1&b=2&c=3 | x: 1 | y: 2': 'v3',
      'POST a.com/?a=1&b=2&c=3 | x: 1 | y: 2': 'v2',
      'POST a.com/?a=1&b=2&c=3': 'v1',
    },
  },
  {
    name: 'more headers go before fewer, more parameters before fewer',
    given: {
      httpRoutes: [
        anHttpRoute('r', [
          aRule(['version:two'], ['v1']),
          aRule(['version:two color:orange'], ['v2']),
          aRule(['?animal=whale ?color=blue'], ['v3']),
        ]),
      ],
    },
    asked: {
      'a.com/ | version: two': 'v1',
      'a.com/ | version: two | color: orange': 'v2',
      'a.com/?animal=whale&color=blue': 'v3',
      'a.com/?animal=whale&color=blue | version: two': 'v1',
    },
  },
  {
    name: 'the older route, whatever order they come in',
    given: {
      httpRoutes: [
        anHttpRoute('a', [aRule(['/x'], ['v1'])], NEW),
        anHttpRoute('b', [aRule(['/x'], ['v2'])], OLD),
      ],
    },
    asked: { 'a.com/x': 'v2' },
  },
  {
    name: 'of the same age the first by namespace and name',
    given: {
      httpRoutes: [anHttpRoute('b', [aRule(['/x'], ['v1'])]), anHttpRoute('a', [aRule(['/x'], ['v2'])])],
    },
    asked: { 'a.com/x': 'v2' },
  },
  {
    name: 'a more specific match of a newer route goes before age',
    given: {
      httpRoutes: [
        anHttpRoute('old', [aRule(['/'], ['v1'])], OLD),
        anHttpRoute('new', [aRule(['/x'], ['v2'])], NEW),
      ],
    },
    asked: { 'a.com/x': 'v2', 'a.com/y': 'v1' },
  },
  {
    name: 'within a route the first rule',
    given: { httpRoutes: [anHttpRoute('r', [aRule(['/x'], ['v1']), aRule(['/x'], ['v2'])])] },
    asked: { 'a.com/x': 'v1' },
  },
];
