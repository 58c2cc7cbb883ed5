import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '../base/errors.ts';
import { parseAuthorityConfigMap, parseCertificateSecret } from './certificates.ts';
import { parseIngress, parseIngressClass } from './ingress.ts';

const metadata = {
  name: 'web',
  namespace: 'shop',
  uid: 'u1',
  generation: 2,
  creationTimestamp: '2026-01-02T03:04:05Z',
};
const backend = { service: { name: 'web', port: { number: 80 } } };
const BACKEND = { kind: 'service', name: 'web', port: 80 };

test('parseIngress() reads rules, TLS and every kind of backend', () => {
  const annotations = { 'nginx.ingress.kubernetes.io/rewrite-target': '/' };
  const ingress = parseIngress({
    metadata: { ...metadata, annotations },
    spec: {
      ingressClassName: 'fairlead',
      defaultBackend: { resource: { apiGroup: 'example.org', kind: 'Bucket', name: 'b' } },
      tls: [{ hosts: ['Shop.example.com'], secretName: 'shop-tls' }, {}],
      rules: [
        {
          host: '*.Example.com',
          http: {
            paths: [
              { path: '/a', pathType: 'Exact', backend },
              {
                path: '/b',
                pathType: 'Prefix',
                backend: { service: { name: 'web', port: { name: 'http' } } },
              },
              { pathType: 'ImplementationSpecific', backend },
            ],
          },
        },
        {},
      ],
    },
  });
  assert.deepEqual(ingress, {
    name: 'web',
    namespace: 'shop',
    uid: 'u1',
    labels: new Map(),
    generation: 2,
    createdAt: '2026-01-02T03:04:05Z',
    className: 'fairlead',
    defaultBackend: {
      kind: 'resource',
      ref: { group: 'example.org', kind: 'Bucket', namespace: 'shop', name: 'b' },
    },
    rules: [
      {
        host: '*.example.com',
        paths: [
          { type: 'exact', path: '/a', backend: BACKEND },
          { type: 'prefix', path: '/b', backend: { kind: 'service', name: 'web', port: 'http' } },
          { type: 'implementation-specific', path: '/', backend: BACKEND },
        ],
      },
      { host: undefined, paths: [] },
    ],
    tls: [
      { hosts: ['shop.example.com'], secretName: 'shop-tls' },
      { hosts: [], secretName: undefined },
    ],
    annotations: new Map(Object.entries(annotations)),
  });
});

test('parseIngress() takes the class of the older annotation where the field is absent', () => {
  const annotations = { 'kubernetes.io/ingress.class': 'old' };
  const classOf = (spec: unknown): unknown =>
    parseIngress({ metadata: { ...metadata, annotations }, spec }).className;
  assert.deepEqual([classOf({}), classOf({ ingressClassName: 'new' })], ['old', 'new']);
  assert.equal(parseIngress({ metadata }).className, undefined);
});

test('parseIngressClass() reads the controller, its parameters and whether it is the default', () => {
  const parsed = parseIngressClass({
    metadata: {
      name: 'a',
      annotations: {
        'ingressclass.kubernetes.io/is-default-class': 'true',
        'fairlead.dev/telemetry': 'metrics',
      },
    },
    spec: {
      controller: 'fairlead.dev/ingress',
      parameters: { apiGroup: 'example.org', kind: 'P', name: 'p', scope: 'Namespace', namespace: 'x' },
    },
  });
  assert.deepEqual(
    [parsed.controllerName, parsed.isDefault, parsed.parameters, parsed.telemetry],
    ['fairlead.dev/ingress', true, { group: 'example.org', kind: 'P', namespace: 'x', name: 'p' }, 'metrics'],
  );
  const plain = parseIngressClass({ metadata: { name: 'a' }, spec: { controller: 'a.b/c' } });
  assert.deepEqual([plain.isDefault, plain.parameters, plain.telemetry], [false, undefined, undefined]);
});

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

test('parseCertificateSecret() reads PEM texts', () => {
  const secret = parseCertificateSecret({
    metadata,
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': base64('CERT\n'), 'tls.key': base64('KEY'), other: base64('x') },
  });
  assert.deepEqual(
    [secret.type, secret.certificate, secret.key, secret.authorities],
    ['kubernetes.io/tls', 'CERT\n', 'KEY', undefined],
  );
  const authority = parseCertificateSecret({ metadata, data: { 'ca.crt': base64('CA') } });
  assert.deepEqual([authority.type, authority.authorities], ['Opaque', 'CA']);
});

test('parseAuthorityConfigMap() reads ca.crt from either part', () => {
  const read = (rest: object): unknown => parseAuthorityConfigMap({ metadata, ...rest }).authorities;
  assert.deepEqual(
    [read({ data: { 'ca.crt': 'CA' } }), read({ binaryData: { 'ca.crt': base64('CB') } }), read({})],
    ['CA', 'CB', undefined],
  );
});

function onePath(path: unknown): unknown {
  return { metadata, spec: { rules: [{ http: { paths: [path] } }] } };
}

const MALFORMED: readonly { name: string; parse: () => unknown; field: string }[] = [
  {
    name: 'type of path',
    parse: () => parseIngress(onePath({ path: '/', backend })),
    field: 'spec.rules[0].http.paths[0].pathType',
  },
  {
    name: 'two backends',
    parse: () =>
      parseIngress(
        onePath({ pathType: 'Prefix', backend: { ...backend, resource: { kind: 'a', name: 'b' } } }),
      ),
    field: 'spec.rules[0].http.paths[0].backend',
  },
  {
    name: 'no port',
    parse: () => parseIngress(onePath({ pathType: 'Prefix', backend: { service: { name: 'a' } } })),
    field: 'spec.rules[0].http.paths[0].backend.service.port.number',
  },
  { name: 'controller', parse: () => parseIngressClass({ metadata, spec: {} }), field: 'spec.controller' },
  {
    name: 'data of a Secret',
    parse: () => parseCertificateSecret({ metadata, data: { 'tls.crt': 7 } }),
    field: 'data["tls.crt"]',
  },
];

for (const row of MALFORMED) {
  test(`parsers of Ingresses and certificates name the malformed field: ${row.name}`, () => {
    assert.throws(row.parse, (error) => hasCode(error, 'invalid') && error.details['field'] === row.field);
  });
}
