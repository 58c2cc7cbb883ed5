// What networking.k8s.io/v1 says of Ingresses: hosts, paths, default backends, classes.

import { aService, aServicePort, aSlice } from '../gateway-objects.ts';
import {
  anIngress,
  anIngressBackend,
  anIngressClass,
  anIngressRule,
  type IngressRow,
} from '../ingress-objects.ts';

const NEW = { createdAt: '2026-02-01T00:00:00Z' };
const OTHER = anIngressClass('other', { controllerName: 'x.io/other' });

export const INGRESS_HOSTS: readonly IngressRow[] = [
  {
    name: 'a precise host, a star of exactly one label, none for every request',
    given: {
      ingresses: [
        anIngress('r', [
          anIngressRule('foo.bar.com', ['/ v1']),
          anIngressRule('*.foo.com', ['/ v2']),
          anIngressRule('*', ['/all v3']),
        ]),
      ],
    },
    asked: {
      'foo.bar.com/': 'v1',
      'FOO.bar.com:8080/': 'v1',
      'subdomain.bar.com/': '404',
      'bar.foo.com/': 'v2',
      'baz.bar.foo.com/': '404',
      'foo.com/': '404',
      '.foo.com/': '404',
      'any.org/all': 'v3',
      '-/all': 'v3',
      '-/': '404',
    },
  },
  {
    name: 'precise before a star before none, and then whoever has the path',
    given: {
      ingresses: [
        anIngress('r', [
          anIngressRule('*', ['=/x v1', '/any v1']),
          anIngressRule('*.foo.com', ['/x v2', '/star v2']),
          anIngressRule('a.foo.com', ['/ v3']),
          anIngressRule('b.foo.com', ['/own v3']),
        ]),
      ],
    },
    asked: {
      'a.foo.com/x': 'v3',
      'c.foo.com/x': 'v2',
      'b.foo.com/x': 'v2',
      'b.foo.com/own': 'v3',
      'b.foo.com/any': 'v1',
      'foo.com/x': 'v1',
    },
  },
  {
    name: 'paths of one host from several Ingresses are one list; of equal ones the older Ingress',
    given: {
      ingresses: [
        anIngress('new', [anIngressRule('a.com', ['/x v1', '/new v1'])], NEW),
        anIngress('old', [anIngressRule('a.com', ['/x v2', '/old v2'])]),
        anIngress('a-first', [anIngressRule('a.com', ['/old v3'])]),
      ],
    },
    asked: { 'a.com/x': 'v2', 'a.com/new': 'v1', 'a.com/old': 'v3' },
  },
];

export const INGRESS_PATHS: readonly IngressRow[] = [
  {
    name: 'exact: the whole path with case',
    given: { ingresses: [anIngress('r', [anIngressRule('*', ['=/foo v1', '=/bar/ v2'])])] },
    asked: {
      'a.com/foo': 'v1',
      'a.com/foo?x=y': 'v1',
      'a.com/foo/': '404',
      'a.com/FOO': '404',
      'a.com/bar': '404',
      'a.com/bar/': 'v2',
    },
  },
  {
    name: 'prefix: by elements, a slash at the end of either does not count',
    given: { ingresses: [anIngress('r', [anIngressRule('*', ['/foo v1', '/aaa/bbb/ v2'])])] },
    asked: {
      'a.com/foo': 'v1',
      'a.com/foo/': 'v1',
      'a.com/foo/bar': 'v1',
      'a.com/foobar': '404',
      'a.com/FOO': '404',
      'a.com/aaa/bbb': 'v2',
      'a.com/aaa/bbb/': 'v2',
      'a.com/aaa/bbb/ccc': 'v2',
      'a.com/aaa/bbbxyz': '404',
    },
  },
  {
    name: 'the longest path, then exact before prefix',
    given: {
      ingresses: [
        anIngress('r', [anIngressRule('*', ['/ v1', '/aaa/bbb v2', '/aaa v3', '/foo v1', '=/foo v2'])]),
      ],
    },
    asked: {
      'a.com/aaa/bbb': 'v2',
      'a.com/aaa/bbb/ccc': 'v2',
      'a.com/aaa/ccc': 'v3',
      'a.com/aaaccc': 'v1',
      'a.com/foo': 'v2',
      'a.com/foo/': 'v1',
    },
  },
  {
    name: 'ImplementationSpecific is a prefix',
    given: { ingresses: [anIngress('r', [anIngressRule('*', ['~/foo v1', '~ v2'])])] },
    asked: { 'a.com/foo/x': 'v1', 'a.com/foox': 'v2', 'a.com/': 'v2' },
  },
];

export const INGRESS_BACKENDS: readonly IngressRow[] = [
  {
    name: 'a default backend alone has every request',
    given: { ingresses: [anIngress('r', [], { defaultBackend: anIngressBackend('v1') })] },
    asked: { 'a.com/': 'v1', 'POST b.com/x?y': 'v1', '-/': 'v1', 'a.com*': '400' },
  },
  {
    name: 'a default backend is for what no rule has: its own hosts first, then all others by age',
    given: {
      ingresses: [
        anIngress('old', [anIngressRule('a.com', ['/a v1'])], { defaultBackend: anIngressBackend('v1') }),
        anIngress('new', [anIngressRule('b.com', ['/b v2'])], {
          defaultBackend: anIngressBackend('v2'),
          ...NEW,
        }),
        anIngress('bare', [anIngressRule('c.com', ['/c v3'])]),
      ],
    },
    asked: {
      'a.com/a': 'v1',
      'a.com/x': 'v1',
      'b.com/b': 'v2',
      'b.com/x': 'v2',
      'c.com/c': 'v3',
      'c.com/x': 'v1',
      'd.com/b': 'v1',
    },
  },
  {
    name: 'a rule without paths leaves its host to the default backend',
    given: {
      ingresses: [anIngress('r', [anIngressRule('a.com', [])], { defaultBackend: anIngressBackend('v1') })],
    },
    asked: { 'a.com/x': 'v1' },
  },
  {
    name: 'ports by number and by name, of the Ingress’s own namespace',
    given: {
      services: [
        aService('web', [aServicePort(80, { name: 'http' }), aServicePort(81, { name: 'admin' })]),
        aService('shop/web', [aServicePort(80, { name: 'http' })]),
        aService('outside', undefined, { type: 'ExternalName', externalName: 'example.org' }),
      ],
      endpointSlices: [
        aSlice('web', ['10.1.0.1'], { name: 'http' }),
        aSlice('shop/web', ['10.1.0.2'], { name: 'http' }),
      ],
      ingresses: [
        anIngress('r', [
          anIngressRule('*', [
            '/name web:http',
            '/number web:80',
            '/empty web:admin',
            '/port web:82',
            '/gone nobody',
            '/outside outside',
          ]),
        ]),
        anIngress('shop/r', [anIngressRule('*', ['/shop web:http', '/v1 v1'])]),
        anIngress('resource', [
          {
            host: undefined,
            paths: [
              {
                type: 'prefix',
                path: '/resource',
                backend: {
                  kind: 'resource',
                  ref: { group: 'x.io', kind: 'Bucket', namespace: 'infra', name: 'b' },
                },
              },
            ],
          },
        ]),
      ],
    },
    asked: {
      'a.com/name': 'web',
      'a.com/number': 'web',
      'a.com/empty': '503',
      'a.com/port': '500 or 503',
      'a.com/gone': '500 or 503',
      'a.com/outside': '500 or 503',
      'a.com/shop': 'shop/web',
      'a.com/v1': '500 or 503',
      'a.com/resource': '500 or 503',
    },
  },
];

const named = (className: string | undefined): IngressRow['given'] => ({
  ingresses: [anIngress('r', [anIngressRule('*', ['/ v1'])], { className })],
});

export const INGRESS_CLASSES: readonly IngressRow[] = [
  { name: 'its own', given: named('fairlead'), asked: { 'a.com/': 'v1' } },
  { name: 'one that is not there', given: named('nobody'), asked: { 'a.com/': '404' } },
  {
    name: 'another controller’s',
    given: { ...named('other'), ingressClasses: [anIngressClass('fairlead'), OTHER] },
    asked: { 'a.com/': '404' },
  },
  { name: 'none, and no default', given: named(undefined), asked: { 'a.com/': '404' } },
  {
    name: 'none, and the default is its own',
    given: { ...named(undefined), ingressClasses: [anIngressClass('fairlead', { isDefault: true }), OTHER] },
    asked: { 'a.com/': 'v1' },
  },
  {
    name: 'none, and the newest default is another’s',
    given: {
      ...named(undefined),
      ingressClasses: [
        anIngressClass('fairlead', { isDefault: true }),
        { ...OTHER, isDefault: true, ...NEW },
      ],
    },
    asked: { 'a.com/': '404' },
  },
];
