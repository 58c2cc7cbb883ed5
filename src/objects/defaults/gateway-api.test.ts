import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyDefaults } from './defaults.ts';

type Loose = Record<string, unknown>;

const ROOT = { path: { type: 'PathPrefix', value: '/' } };
const SERVICE = { group: '', kind: 'Service' };
const SECRET = { group: '', kind: 'Secret' };
const GATEWAY = { group: 'gateway.networking.k8s.io', kind: 'Gateway' };
const ROUTES = { namespaces: { from: 'Same' } };

const filter = (of: Loose): Loose => ({ rules: [{ matches: [ROOT], filters: [of] }] });

/** What is given, and the same with its defaults. */
const ROWS: readonly (readonly [name: string, kind: string, given: Loose, filled: Loose])[] = [
  ['a route that says nothing', 'HTTPRoute', {}, { rules: [{ matches: [ROOT] }] }],
  ['a rule that says nothing', 'HTTPRoute', { rules: [{}] }, { rules: [{ matches: [ROOT] }] }],
  ['no matches, said so', 'HTTPRoute', { rules: [{ matches: [] }] }, { rules: [{ matches: [] }] }],
  [
    'matches',
    'HTTPRoute',
    {
      rules: [
        {
          matches: [
            { headers: [{ name: 'a', value: 'b' }], queryParams: [{ name: 'a', value: 'b' }] },
            { path: { value: '/a' } },
            { path: { type: 'Exact' } },
          ],
        },
      ],
    },
    {
      rules: [
        {
          matches: [
            {
              ...ROOT,
              headers: [{ type: 'Exact', name: 'a', value: 'b' }],
              queryParams: [{ type: 'Exact', name: 'a', value: 'b' }],
            },
            { path: { type: 'PathPrefix', value: '/a' } },
            { path: { type: 'Exact', value: '/' } },
          ],
        },
      ],
    },
  ],
  [
    'parents, backends and their filters',
    'HTTPRoute',
    {
      parentRefs: [{ name: 'a' }],
      rules: [
        {
          matches: [ROOT],
          backendRefs: [
            { name: 'a', port: 1, filters: [{ type: 'CORS', cors: {} }] },
            { name: 'b', kind: 'Own', weight: 0 },
          ],
        },
      ],
    },
    {
      parentRefs: [{ ...GATEWAY, name: 'a' }],
      rules: [
        {
          matches: [ROOT],
          backendRefs: [
            { ...SERVICE, name: 'a', port: 1, weight: 1, filters: [{ type: 'CORS', cors: { maxAge: 5 } }] },
            { group: '', name: 'b', kind: 'Own', weight: 0 },
          ],
        },
      ],
    },
  ],
  [
    'a redirect',
    'HTTPRoute',
    filter({ requestRedirect: {} }),
    filter({ requestRedirect: { statusCode: 302 } }),
  ],
  [
    'a mirror',
    'HTTPRoute',
    filter({ requestMirror: { backendRef: { name: 'a' }, fraction: { numerator: 1 } } }),
    filter({
      requestMirror: { backendRef: { ...SERVICE, name: 'a' }, fraction: { numerator: 1, denominator: 100 } },
    }),
  ],
  [
    'an external authority',
    'HTTPRoute',
    filter({ externalAuth: { backendRef: { name: 'a' } } }),
    filter({ externalAuth: { backendRef: { ...SERVICE, name: 'a' } } }),
  ],
  [
    'persistence of sessions',
    'GRPCRoute',
    { rules: [{ sessionPersistence: { cookieConfig: {} } }, { sessionPersistence: {} }] },
    {
      rules: [
        { sessionPersistence: { type: 'Cookie', cookieConfig: { lifetimeType: 'Session' } } },
        { sessionPersistence: { type: 'Cookie' } },
      ],
    },
  ],
  ['a GRPCRoute that says nothing', 'GRPCRoute', {}, {}],
  [
    'matches of gRPC',
    'GRPCRoute',
    { rules: [{ matches: [{ method: { service: 'a' }, headers: [{ name: 'a', value: 'b' }] }, {}] }] },
    {
      rules: [
        {
          matches: [
            {
              method: { type: 'Exact', service: 'a' },
              headers: [{ type: 'Exact', name: 'a', value: 'b' }],
            },
            {},
          ],
        },
      ],
    },
  ],
  ...['TLSRoute', 'TCPRoute', 'UDPRoute'].map(
    (kind) =>
      [
        `a ${kind}`,
        kind,
        { parentRefs: [{ name: 'a' }], rules: [{ backendRefs: [{ name: 'a' }] }] },
        {
          parentRefs: [{ ...GATEWAY, name: 'a' }],
          rules: [{ backendRefs: [{ ...SERVICE, name: 'a', weight: 1 }] }],
        },
      ] as const,
  ),
  [
    'listeners',
    'Gateway',
    {
      listeners: [
        {},
        { allowedRoutes: {} },
        {
          allowedRoutes: { namespaces: {}, kinds: [{ kind: 'A' }] },
          tls: { certificateRefs: [{ name: 'a' }] },
        },
      ],
    },
    {
      listeners: [
        { allowedRoutes: ROUTES },
        { allowedRoutes: ROUTES },
        {
          allowedRoutes: { ...ROUTES, kinds: [{ group: GATEWAY.group, kind: 'A' }] },
          tls: { mode: 'Terminate', certificateRefs: [{ ...SECRET, name: 'a' }] },
        },
      ],
    },
  ],
  [
    'the rest of a Gateway',
    'Gateway',
    {
      addresses: [{ value: 'a' }],
      allowedListeners: {},
      tls: {
        backend: { clientCertificateRef: { name: 'a' } },
        frontend: {
          default: { validation: {} },
          perPort: [
            { port: 1, tls: { validation: {} } },
            { port: 2, tls: {} },
          ],
        },
      },
    },
    {
      addresses: [{ type: 'IPAddress', value: 'a' }],
      allowedListeners: { namespaces: { from: 'None' } },
      tls: {
        backend: { clientCertificateRef: { ...SECRET, name: 'a' } },
        frontend: {
          default: { validation: { mode: 'AllowValidOnly' } },
          perPort: [
            { port: 1, tls: { validation: { mode: 'AllowValidOnly' } } },
            { port: 2, tls: {} },
          ],
        },
      },
    },
  ],
  [
    'a ListenerSet',
    'ListenerSet',
    { parentRef: { name: 'a' }, listeners: [{}] },
    { parentRef: { ...GATEWAY, name: 'a' }, listeners: [{ allowedRoutes: ROUTES }] },
  ],
];

for (const [name, kind, given, filled] of ROWS) {
  test(`applyDefaults() fills in ${name}`, () => {
    const object = { spec: structuredClone(given) };
    applyDefaults(`gateway.${kind}`, object);
    assert.deepEqual(object.spec, filled);
  });
}

test('applyDefaults() leaves what is no object to others', () => {
  for (const spec of [undefined, 'text', { rules: 'text' }, { rules: [{ matches: 7, filters: [null] }] }]) {
    const object = { spec: structuredClone(spec) };
    applyDefaults('gateway.HTTPRoute', object);
    assert.equal(typeof object.spec, typeof spec);
  }
});
