import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { pathAfter, takenBy, type ModelRequest } from '../../../test/support/ask-model.ts';
import { gatewayObjects, ingressObjects } from '../../../test/support/gateway-manifests.ts';
import { annotated, type AnIngress } from '../../../test/support/ingress-manifests.ts';
import { CONFORMANCE_CLASSES, CONFORMANCE_ROWS, echoServices } from '../../../test/support/ingress-rows.ts';
import { GatewayCompiler } from '../../compile/gateway/gateway-compiler.ts';
import { IngressCompiler } from '../../compile/gateway/ingress-compiler.ts';
import type { ProxyModel } from '../../model/gateway.ts';
import { migrate } from './migrate.ts';
import type { Migration } from './migration.ts';

const PLACE = { node: { name: 'node1', zone: undefined } };
const GATEWAY = { namespace: 'default', name: 'ingress', className: 'fairlead' };

interface Both {
  readonly before: ProxyModel;
  readonly after: ProxyModel;
  readonly migration: Migration;
}

function both(yaml: string): Both {
  const services = echoServices(yaml);
  const objects = ingressObjects([CONFORMANCE_CLASSES, yaml, services].join('\n---\n'));
  const place = { ...PLACE, defaultCertificate: { id: 'default', pem: '', names: [] } };
  const before = new IngressCompiler('fairlead').compile(objects, place).model;
  const migration = migrate({
    ingresses: [...objects.ingresses.values()],
    ingressClasses: [...objects.ingressClasses.values()],
    services: objects.services,
    gateway: GATEWAY,
    className: 'fairlead',
  });
  const written = migration.objects.map((it) => stringify(it));
  const after = new GatewayCompiler('default/ingress').compile(
    gatewayObjects([...written, services].join('\n---\n')),
    PLACE,
  );
  return { before, after: after?.model ?? EMPTY, migration };
}

const EMPTY: ProxyModel = {
  ports: [],
  udpPorts: [],
  rules: new Map(),
  backends: new Map(),
  certificates: new Map(),
  authorities: new Map(),
};

/** What becomes of a request, whatever the rules are called and however paths are changed. */
function answer(model: ProxyModel, request: ModelRequest): unknown {
  const taken = takenBy(model, request);
  if (taken === undefined) return 404;
  const { filters, backends, requestTimeoutMs, backendTimeoutMs } = taken.rule;
  const leading = backends.filter((it) => it.backend !== undefined && it.weight > 0);
  const total = leading.reduce((sum, it) => sum + it.weight, 0);
  const isRedirect = filters.some((it) => it.kind === 'redirect');
  if (total === 0 && !isRedirect) return 500;
  return {
    path: pathAfter(taken, request.path),
    filters: filters.map((it) => ('path' in it ? { ...it, path: it.path !== undefined } : it)),
    backends: isRedirect ? [] : leading.map((it) => [it.backend, it.weight / total]),
    timeouts: isRedirect ? [] : [requestTimeoutMs, backendTimeoutMs],
  };
}

for (const { name, yaml, requests } of CONFORMANCE_ROWS)
  test(`migrate() answers as before, conformance: ${name}`, () => {
    const { before, after } = both(yaml);
    // Where a name of more labels goes is the one thing that the Gateway API says otherwise; the report says so.
    const same = requests.filter(([host]) => host !== 'baz.bar.foo.com');
    assert.deepEqual(
      same.map(([host, path]) => [host, path, answer(after, { host, path })]),
      same.map(([host, path]) => [host, path, answer(before, { host, path })]),
    );
  });

const paths = { '/': 'echo' };
const host = 'a.test';

interface AnnotationRow {
  readonly name: string;
  readonly ingresses: readonly AnIngress[];
  readonly requests: readonly ModelRequest[];
}

const ROWS: readonly AnnotationRow[] = [
  {
    name: 'what a path caught, as a prefix',
    ingresses: [
      { name: 'api', annotations: { 'rewrite-target': '/v1/$2' }, host, paths: { '/api(/|$)(.*)': 'api' } },
      { name: 'rest', annotations: {}, host, paths },
    ],
    requests: ['/api/', '/api/x/y', '/apix', '/x', '/'].map((path) => ({ host, path })),
  },
  {
    name: 'what a path caught, alone',
    ingresses: [
      { name: 'api', annotations: { 'rewrite-target': '/$2' }, host, paths: { '/api(/|$)(.*)': 'api' } },
    ],
    requests: ['/api', '/api/', '/api/x/y', '/apix'].map((path) => ({ host, path })),
  },
  {
    name: 'a whole path',
    ingresses: [{ name: 'a', annotations: { 'rewrite-target': '/fixed' }, host, paths: { '/a': 'echo' } }],
    requests: ['/a', '/a/b', '/b'].map((path) => ({ host, path })),
  },
  {
    name: 'regular expressions',
    ingresses: [
      {
        name: 'a',
        annotations: { 'use-regex': 'true' },
        host,
        paths: { '/a/[0-9]+': 'numbers', '/a': 'echo' },
      },
    ],
    requests: ['/a/12', '/a/12/x', '/a/x', '/ax', '/b'].map((path) => ({ host, path })),
  },
  {
    name: 'canaries',
    ingresses: [
      { name: 'main', annotations: {}, host, paths },
      {
        name: 'canary',
        annotations: {
          canary: 'true',
          'canary-weight': '20',
          'canary-by-header': 'x-try',
          'canary-by-cookie': 'try',
        },
        host,
        paths: { '/': 'canary' },
      },
    ],
    requests: [
      {},
      { 'x-try': 'always' },
      { 'x-try': 'never' },
      { cookie: 'a=1; try=always' },
      { 'x-try': 'x' },
    ].map((headers) => ({ host, path: '/', headers })),
  },
  {
    name: 'redirects, names and headers for the backend, CORS, silence, aliases',
    ingresses: [
      { name: 'a', annotations: { 'force-ssl-redirect': 'true' }, host: 'https.test', paths },
      { name: 'b', annotations: { 'permanent-redirect': 'https://new.test/x' }, host: 'gone.test', paths },
      { name: 'c', annotations: { 'app-root': '/app' }, host: 'root.test', paths },
      {
        name: 'd',
        annotations: {
          'upstream-vhost': 'inner.test',
          'x-forwarded-prefix': '/pre',
          'enable-cors': 'true',
          'proxy-read-timeout': '7',
          'server-alias': 'alias.test',
        },
        host,
        paths,
      },
    ],
    requests: ['https.test', 'gone.test', 'root.test', host, 'alias.test'].flatMap((it) =>
      ['/', '/x'].map((path) => ({ host: it, path })),
    ),
  },
  {
    name: 'what protects and cannot be said stays closed',
    ingresses: [{ name: 'a', annotations: { 'auth-url': 'https://auth.test' }, host, paths }],
    requests: [{ host, path: '/' }],
  },
];

for (const { name, ingresses, requests } of ROWS)
  test(`migrate() answers as before, annotations: ${name}`, () => {
    const { before, after } = both(annotated(...ingresses));
    assert.deepEqual(
      requests.map((it) => [it, answer(after, it)]),
      requests.map((it) => [it, answer(before, it)]),
    );
  });

test('migrate() closes what the Gateway API cannot guard, and says so', () => {
  const annotations = {
    'whitelist-source-range': '10.0.0.0/8',
    'never-heard-of': 'x',
    'proxy-next-upstream': 'off',
  };
  const asked = { 'auth-url': 'https://$host/oauth2/auth' };
  const { after, migration } = both(
    annotated(
      { name: 'a', annotations, host, paths },
      { name: 'b', annotations: asked, host: 'b.test', paths },
      { name: 'd', annotations: { 'ssl-passthrough': 'true' }, host: 'd.test', paths, tls: ['d.test'] },
      { name: 'c', annotations: { 'auth-type': 'basic', 'auth-secret': 'c' }, host: 'c.test', paths },
    ),
  );
  for (const it of [host, 'b.test', 'c.test']) assert.equal(answer(after, { host: it, path: '/' }), 500);
  assert.deepEqual(
    migration.ingresses[0]?.findings
      .filter((it) => it.carries === 'not')
      .map(({ about, message }) => [about, message]),
    [
      ['annotation never-heard-of', 'this annotation is not known here'],
      ['annotation proxy-next-upstream', 'no field of an HTTPRoute says it'],
      [
        'a.test/',
        'no filter asks for addresses, as the source ranges do: the rule answers 500 until another policy guards it',
      ],
    ],
  );
});

test('migrate() says what changes, by rule', () => {
  const row = CONFORMANCE_ROWS.find((it) => it.name === 'host rules');
  const { migration } = both(row?.yaml ?? '');
  assert.deepEqual(migration.ingresses, [
    {
      namespace: 'default',
      name: 'host-rules',
      className: 'fairlead',
      routes: ['host-rules', 'host-rules-2'],
      findings: [
        {
          about: 'host *.foo.com',
          carries: 'changed',
          message: 'stands for names of one label more here, of one and more in the Gateway API',
        },
        {
          about: 'tls',
          carries: 'changed',
          message: 'HTTP is served beside HTTPS; ingress-nginx redirects it unless ssl-redirect is "false"',
        },
        { about: 'foo.bar.com/', carries: 'whole', message: 'HTTPRoute, PathPrefix /' },
        { about: '*.foo.com/', carries: 'whole', message: 'HTTPRoute, PathPrefix /' },
      ],
    },
  ]);
  const listeners = migration.objects[0]?.spec['listeners'] as readonly { readonly hostname?: string }[];
  assert.deepEqual(
    listeners.map((it) => it.hostname),
    [undefined, 'foo.bar.com'],
  );
});
