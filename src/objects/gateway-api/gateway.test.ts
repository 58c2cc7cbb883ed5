import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '../../base/errors.ts';
import { parseBackendTlsPolicy } from './backend-tls-policy.ts';
import { parseGateway, parseGatewayClass, parseListenerSet } from './gateway.ts';
import { parseReferenceGrant } from './reference-grant.ts';

const metadata = {
  name: 'public',
  namespace: 'shop',
  uid: 'u1',
  generation: 1,
  creationTimestamp: '2026-01-02T03:04:05Z',
};
const META = {
  name: 'public',
  namespace: 'shop',
  uid: 'u1',
  labels: new Map(),
  generation: 1,
  createdAt: '2026-01-02T03:04:05Z',
};
const HTTP = { name: 'http', port: 80, protocol: 'HTTP' };
const SAME = { namespaces: { from: 'same' }, kinds: undefined };

function withListener(of: Record<string, unknown>): unknown {
  return { metadata, spec: { gatewayClassName: 'fairlead', listeners: [{ ...HTTP, ...of }] } };
}

test('parseGateway() fills in what the smallest one leaves out', () => {
  assert.deepEqual(parseGateway(withListener({})), {
    ...META,
    className: 'fairlead',
    listeners: [{ ...HTTP, hostname: undefined, tls: undefined, allowedRoutes: SAME }],
    addresses: [],
    infrastructure: { labels: new Map(), annotations: new Map(), parameters: undefined },
    allowedListeners: undefined,
    backendClientCertificate: undefined,
    frontendValidation: undefined,
    frontendTlsPorts: new Map(),
    telemetry: undefined,
  });
});

test('parseGateway() reads everything that one may say', () => {
  const gateway = parseGateway({
    metadata: { ...metadata, annotations: { 'fairlead.dev/telemetry': 'metrics' } },
    spec: {
      gatewayClassName: 'fairlead',
      addresses: [{ value: '10.0.0.1' }, { type: 'Hostname', value: 'a.example.com' }, { value: '' }],
      infrastructure: {
        labels: { a: 'b' },
        annotations: { 'example.org/c': 'd' },
        parametersRef: { group: 'fairlead.dev', kind: 'Settings', name: 's' },
      },
      allowedListeners: { namespaces: { from: 'All' } },
      tls: {
        backend: { clientCertificateRef: { name: 'client' } },
        frontend: {
          default: {
            validation: { caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca', namespace: 'x' }] },
          },
          perPort: [
            {
              port: 8443,
              tls: {
                validation: {
                  mode: 'AllowInsecureFallback',
                  caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'other' }],
                },
              },
            },
            { port: 9443, tls: {} },
          ],
        },
      },
      listeners: [
        {
          name: 'https',
          hostname: '*.Example.com',
          port: 443,
          protocol: 'HTTPS',
          tls: {
            certificateRefs: [{ name: 'web-tls' }, { name: 'far', namespace: 'certs' }],
            options: { 'fairlead.dev/issuer': 'x' },
          },
          allowedRoutes: {
            namespaces: { from: 'Selector', selector: { matchLabels: { team: 'a' } } },
            kinds: [{ kind: 'HTTPRoute' }, { group: 'example.org', kind: 'Own' }],
          },
        },
        { name: 'pass', port: 444, protocol: 'TLS', tls: { mode: 'Passthrough' } },
      ],
    },
  });
  const secret = { group: '', kind: 'Secret' };
  const map = { group: '', kind: 'ConfigMap' };
  assert.deepEqual(gateway, {
    ...META,
    className: 'fairlead',
    addresses: [
      { type: 'IPAddress', value: '10.0.0.1' },
      { type: 'Hostname', value: 'a.example.com' },
      { type: 'IPAddress', value: undefined },
    ],
    infrastructure: {
      labels: new Map([['a', 'b']]),
      annotations: new Map([['example.org/c', 'd']]),
      parameters: { group: 'fairlead.dev', kind: 'Settings', namespace: 'shop', name: 's' },
    },
    allowedListeners: { from: 'all' },
    backendClientCertificate: { ...secret, namespace: 'shop', name: 'client' },
    frontendValidation: { caCertificates: [{ ...map, namespace: 'x', name: 'ca' }], mode: 'valid-only' },
    frontendTlsPorts: new Map([
      [8443, { caCertificates: [{ ...map, namespace: 'shop', name: 'other' }], mode: 'insecure-fallback' }],
      [9443, undefined],
    ]),
    telemetry: 'metrics',
    listeners: [
      {
        name: 'https',
        hostname: '*.example.com',
        port: 443,
        protocol: 'HTTPS',
        tls: {
          mode: 'terminate',
          certificates: [
            { ...secret, namespace: 'shop', name: 'web-tls' },
            { ...secret, namespace: 'certs', name: 'far' },
          ],
          options: new Map([['fairlead.dev/issuer', 'x']]),
        },
        allowedRoutes: {
          namespaces: {
            from: 'selector',
            selector: [{ kind: 'in', key: 'team', values: new Set(['a']) }],
          },
          kinds: [
            { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute' },
            { group: 'example.org', kind: 'Own' },
          ],
        },
      },
      {
        name: 'pass',
        hostname: undefined,
        port: 444,
        protocol: 'TLS',
        tls: { mode: 'passthrough', certificates: [], options: new Map() },
        allowedRoutes: SAME,
      },
    ],
  });
});

for (const [given, read] of [
  ['http', 'HTTP'],
  ['Https', 'HTTPS'],
  ['example.org/http', 'example.org/http'],
  ['quic', 'quic'],
] as const) {
  test(`parseGateway() takes the protocol "${given}" for ${read}`, () => {
    assert.equal(parseGateway(withListener({ protocol: given })).listeners[0]?.protocol, read);
  });
}

const NAMESPACES: readonly { name: string; given: unknown; read: unknown }[] = [
  { name: 'nothing said', given: undefined, read: { from: 'same' } },
  { name: 'All', given: { from: 'All' }, read: { from: 'all' } },
  { name: 'an absent selector', given: { from: 'Selector' }, read: { from: 'none' } },
  {
    name: 'an empty selector',
    given: { from: 'Selector', selector: {} },
    read: { from: 'selector', selector: [] },
  },
];

for (const row of NAMESPACES) {
  test(`parseGateway() decides whose routes may attach: ${row.name}`, () => {
    const gateway = parseGateway(withListener({ allowedRoutes: { namespaces: row.given } }));
    assert.deepEqual(gateway.listeners[0]?.allowedRoutes.namespaces, row.read);
  });
}

test('parseGateway() lets in no ListenerSets where allowedListeners is empty', () => {
  const raw = { metadata, spec: { gatewayClassName: 'a', allowedListeners: {} } };
  assert.deepEqual(parseGateway(raw).allowedListeners, { from: 'none' });
});

test('parseGatewayClass() reads the controller and its parameters', () => {
  const parametersRef = { group: 'example.org', kind: 'Settings', name: 's' };
  const raw = { metadata: { name: 'a' }, spec: { controllerName: 'fairlead.dev/gateway', parametersRef } };
  assert.deepEqual(parseGatewayClass(raw), {
    namespace: '',
    name: 'a',
    uid: '',
    labels: new Map(),
    generation: 0,
    createdAt: '',
    controllerName: 'fairlead.dev/gateway',
    parameters: { ...parametersRef, namespace: '' },
  });
});

test('parseListenerSet() reads its parent and listeners', () => {
  const raw = { metadata, spec: { parentRef: { name: 'public', namespace: 'infra' }, listeners: [HTTP] } };
  const set = parseListenerSet(raw);
  assert.deepEqual(set.parent, {
    group: 'gateway.networking.k8s.io',
    kind: 'Gateway',
    namespace: 'infra',
    name: 'public',
    sectionName: undefined,
    port: undefined,
  });
  assert.deepEqual(set.listeners, [{ ...HTTP, hostname: undefined, tls: undefined, allowedRoutes: SAME }]);
});

test('parseReferenceGrant() reads who may name what', () => {
  const from = [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'web' }];
  const to = [
    { group: '', kind: 'Service' },
    { group: '', kind: 'Secret', name: 's' },
  ];
  const grant = parseReferenceGrant({ metadata, spec: { from, to } });
  assert.deepEqual([grant.from, grant.to], [from, [{ ...to[0], name: undefined }, to[1]]]);
});

test('parseBackendTlsPolicy() reads targets, authorities and names', () => {
  const policy = parseBackendTlsPolicy({
    metadata,
    spec: {
      targetRefs: [{ group: '', kind: 'Service', name: 'web', sectionName: 'https' }],
      validation: {
        caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca' }],
        hostname: 'Web.example.com',
        subjectAltNames: [
          { type: 'Hostname', hostname: 'Other.example.com' },
          { type: 'URI', uri: 'spiffe://Shop/web' },
        ],
      },
      options: { 'fairlead.dev/x': 'y' },
    },
  });
  assert.deepEqual(policy, {
    ...META,
    targets: [{ group: '', kind: 'Service', namespace: 'shop', name: 'web', sectionName: 'https' }],
    caCertificates: [{ group: '', kind: 'ConfigMap', namespace: 'shop', name: 'ca' }],
    usesSystemAuthorities: false,
    hostname: 'web.example.com',
    subjectAltNames: [
      { type: 'hostname', value: 'other.example.com' },
      { type: 'uri', value: 'spiffe://Shop/web' },
    ],
    options: new Map([['fairlead.dev/x', 'y']]),
  });
});

for (const [word, uses] of [
  ['System', true],
  ['example.org/ours', false],
  [undefined, false],
] as const) {
  test(`parseBackendTlsPolicy() uses the machine's authorities for "${word}": ${uses}`, () => {
    const validation = { hostname: 'a.example.com', wellKnownCACertificates: word };
    assert.equal(parseBackendTlsPolicy({ metadata, spec: { validation } }).usesSystemAuthorities, uses);
  });
}

const MALFORMED: readonly { name: string; parse: (raw: unknown) => unknown; raw: unknown; field: string }[] =
  [
    { name: 'class', parse: parseGateway, raw: { metadata }, field: 'spec.gatewayClassName' },
    {
      name: 'port',
      parse: parseGateway,
      raw: withListener({ port: 65_536 }),
      field: 'spec.listeners[0].port',
    },
    {
      name: 'mode of TLS',
      parse: parseGateway,
      raw: withListener({ tls: { mode: 'Maybe' } }),
      field: 'spec.listeners[0].tls.mode',
    },
    {
      name: 'namespaces',
      parse: parseGateway,
      raw: withListener({ allowedRoutes: { namespaces: { from: 'Some' } } }),
      field: 'spec.listeners[0].allowedRoutes.namespaces.from',
    },
    {
      name: 'selector',
      parse: parseGateway,
      raw: withListener({
        allowedRoutes: {
          namespaces: { from: 'Selector', selector: { matchExpressions: [{ key: 'a', operator: 'Near' }] } },
        },
      }),
      field: 'spec.listeners[0].allowedRoutes.namespaces.selector',
    },
    {
      name: 'certificate without a name',
      parse: parseListenerSet,
      raw: {
        metadata,
        spec: { parentRef: { name: 'a' }, listeners: [{ ...HTTP, tls: { certificateRefs: [{}] } }] },
      },
      field: 'spec.listeners[0].tls.certificateRefs[0].name',
    },
    { name: 'parent', parse: parseListenerSet, raw: { metadata }, field: 'spec.parentRef.name' },
    { name: 'controller', parse: parseGatewayClass, raw: { metadata }, field: 'spec.controllerName' },
    {
      name: 'grant for whom',
      parse: parseReferenceGrant,
      raw: { metadata, spec: { from: [{ group: '', kind: 'A' }] } },
      field: 'spec.from[0].namespace',
    },
    {
      name: 'grant for an empty name',
      parse: parseReferenceGrant,
      raw: { metadata, spec: { to: [{ group: '', kind: 'A', name: '' }] } },
      field: 'spec.to[0].name',
    },
    {
      name: 'hostname',
      parse: parseBackendTlsPolicy,
      raw: { metadata, spec: { validation: {} } },
      field: 'spec.validation.hostname',
    },
    {
      name: 'kind of name',
      parse: parseBackendTlsPolicy,
      raw: {
        metadata,
        spec: { validation: { hostname: 'a.b', subjectAltNames: [{ type: 'URI', hostname: 'c' }] } },
      },
      field: 'spec.validation.subjectAltNames[0].uri',
    },
  ];

for (const row of MALFORMED) {
  test(`parsers of gateways name the malformed field: ${row.name}`, () => {
    assert.throws(
      () => row.parse(row.raw),
      (error) => hasCode(error, 'invalid') && error.details['field'] === row.field,
    );
  });
}
