import assert from 'node:assert/strict';
import { test } from 'node:test';
import { takenBy } from '../../../test/support/ask-model.ts';
import { makeAuthority } from '../../../test/support/certificates.ts';
import { ingressObjects } from '../../../test/support/gateway-manifests.ts';
import { annotated } from '../../../test/support/ingress-manifests.ts';
import { CONFORMANCE_CLASSES, CONFORMANCE_ROWS, echoServices } from '../../../test/support/ingress-rows.ts';
import { passwordSecret } from '../../../test/support/passwords.ts';
import { IngressCompiler, type CompiledIngresses } from './ingress-compiler.ts';

const PLACE = {
  node: { name: 'node1', zone: undefined },
  defaultCertificate: { id: 'default', pem: '', names: [] },
};

function compiled(yaml: string): CompiledIngresses {
  const services = echoServices(yaml);
  return new IngressCompiler('fairlead').compile(
    ingressObjects([CONFORMANCE_CLASSES, yaml, services].join('\n---\n')),
    PLACE,
  );
}

/** The Service that answers, or the status. */
function whoAnswers({ model }: CompiledIngresses, host: string, path: string): string {
  const taken = takenBy(model, { host, path });
  if (taken === undefined) return '404';
  const [first] = taken.rule.backends;
  return first?.backend === undefined ? '500' : (/^[^/]+\/([^:]+):/.exec(first.backend)?.[1] ?? '?');
}

for (const { name, yaml, requests } of CONFORMANCE_ROWS)
  test(`Ingresses, conformance: ${name}`, () => {
    const it = compiled(yaml);
    const got = requests.map(([host, path]) => [host, path, whoAnswers(it, host, path)]);
    assert.deepEqual(got, requests);
  });

function anIngress(name: string, spec: string, more = ''): string {
  return `
kind: Ingress
apiVersion: networking.k8s.io/v1
metadata: { namespace: default, name: ${name}${more} }
spec: ${spec}
`;
}

const to = (name: string): string => `{ service: { name: ${name}, port: { number: 8080 } } }`;
const pathTo = (path: string, name: string, type = 'Prefix'): string =>
  `{ path: ${path}, pathType: ${type}, backend: ${to(name)} }`;

test('rules of several Ingresses for one host are one table, and the oldest has what two want', () => {
  const it = compiled(
    [
      anIngress(
        'new',
        `{ ingressClassName: fairlead, rules: [{ host: a.test, http: { paths: [${pathTo('/x', 'new')}, ${pathTo('/n', 'new')}] } }] }`,
        ', creationTimestamp: "2026-02-01T00:00:00Z"',
      ),
      anIngress(
        'old',
        `{ ingressClassName: fairlead, rules: [{ host: a.test, http: { paths: [${pathTo('/x', 'old')}] } }] }`,
        ', creationTimestamp: "2026-01-01T00:00:00Z"',
      ),
    ].join('---'),
  );
  assert.deepEqual(
    ['/x', '/n', '/o'].map((path) => whoAnswers(it, 'a.test', path)),
    ['old', 'new', '404'],
  );
});

test('what no rule of a host takes is the default backend of its Ingress, and of every other host the oldest one', () => {
  const rules = (host: string): string =>
    `rules: [{ host: ${host}, http: { paths: [${pathTo('/x', 'x')}] } }]`;
  const it = compiled(
    [
      anIngress('a', `{ ingressClassName: fairlead, defaultBackend: ${to('rest-a')}, ${rules('a.test')} }`),
      anIngress('b', `{ ingressClassName: fairlead, defaultBackend: ${to('rest-b')}, ${rules('b.test')} }`),
      anIngress('c', `{ ingressClassName: fairlead, ${rules('c.test')} }`),
      anIngress(
        'd',
        `{ ingressClassName: fairlead, defaultBackend: ${to('rest-d')}, rules: [{ host: d.test }] }`,
      ),
    ].join('---'),
  );
  assert.deepEqual(
    ['a.test', 'b.test', 'c.test', 'd.test', 'other'].map((host) => whoAnswers(it, host, '/')),
    ['rest-a', 'rest-b', 'rest-a', 'rest-d', 'rest-a'],
  );
});

test('a resource as backend, a Service or port that is not there: 500, and it is said', () => {
  const resource = '{ resource: { apiGroup: storage.example, kind: Bucket, name: files } }';
  const it = compiled(
    anIngress(
      'a',
      `{ ingressClassName: fairlead, rules: [{ http: { paths: [
        { path: /files, pathType: Prefix, backend: ${resource} },
        { path: /port, pathType: Prefix, backend: { service: { name: echo, port: { name: none } } } },
        { path: /number, pathType: Prefix, backend: { service: { name: echo, port: { number: 99 } } } },
        { path: /missing, pathType: Prefix, backend: { service: { name: missing-here, port: { number: 80 } } } },
        ${pathTo('/fine', 'echo')}] } }] }`,
    ),
  );
  assert.deepEqual(
    ['/files', '/port', '/number', '/missing', '/fine'].map((path) => whoAnswers(it, 'any', path)),
    ['500', '500', '500', '500', 'echo'],
  );
  assert.deepEqual(it.verdicts[0]?.problems, [
    {
      reason: 'ResourceBackend',
      message: 'backend Bucket.storage.example files: resources other than Services are not served',
    },
    { reason: 'BackendNotFound', message: 'Service default/echo has no port "none"' },
    { reason: 'BackendNotFound', message: 'Service default/echo has no TCP port 99' },
    { reason: 'BackendNotFound', message: 'Service default/missing-here does not exist' },
  ]);
});

test('a canary without anything to take a share of takes nothing, and it is said', () => {
  const annotations = { canary: 'true', 'canary-weight': '50' };
  const it = compiled(annotated({ name: 'alone', annotations, host: 'a.test', paths: { '/x': 'echo' } }));
  assert.equal(whoAnswers(it, 'a.test', '/x'), '404');
  assert.deepEqual(it.verdicts[0]?.problems, [
    { reason: 'CanaryAlone', message: 'no other Ingress of namespace default has a.test with path /x' },
  ]);
});

test('who cannot be asked, and whose password cannot be checked, is said', () => {
  const paths = { '/': 'echo' };
  const basic = { 'auth-type': 'basic', 'auth-secret': 'users' };
  const { verdicts } = compiled(
    [
      annotated(
        { name: 'a', annotations: basic, host: 'a.test', paths },
        { name: 'b', annotations: { ...basic, 'auth-secret': 'gone' }, host: 'b.test', paths },
        { name: 'c', annotations: { 'auth-url': 'http://gone.shop.svc/' }, host: 'c.test', paths },
      ),
      passwordSecret('users'),
    ].join('\n---\n'),
  );
  assert.deepEqual(
    verdicts.map(({ problems }) => problems),
    [
      [
        {
          reason: 'PasswordsNotUsable',
          message:
            'the password of bcrypt in Secret default/users cannot be checked: make them with htpasswd without -B, or openssl passwd -apr1, -5 or -6',
        },
      ],
      [
        {
          reason: 'AnnotationRefused',
          message:
            'nginx.ingress.kubernetes.io/auth-secret: requests are answered 500: Secret default/gone does not exist, or has no key "auth"',
        },
      ],
      [
        {
          reason: 'AnnotationRefused',
          message:
            'nginx.ingress.kubernetes.io/auth-url: requests are answered 500: Service shop/gone does not exist',
        },
      ],
    ],
  );
});

test('of Ingresses of one host those beside the oldest one may ask its clients for certificates', () => {
  const ca = makeAuthority('ca').certificate;
  const secretIn = (namespace: string): string =>
    JSON.stringify({
      kind: 'Secret',
      metadata: { namespace, name: 'ca' },
      data: { 'ca.crt': Buffer.from(ca).toString('base64') },
    });
  const paths = { '/': 'echo' };
  const asks = { 'auth-tls-secret': 'ca' };
  const both = annotated(
    { name: 'a', annotations: {}, host: 'a.test', paths },
    { name: 'b', annotations: asks, host: 'a.test', paths: { '/b': 'echo' } },
  );
  const other = annotated({ name: 'c', annotations: asks, host: 'a.test', paths: { '/c': 'echo' } });
  const moved = other.replace('"namespace":"default"', '"namespace":"elsewhere"');
  const it = compiled([both, moved, secretIn('default'), secretIn('elsewhere')].join('\n---\n'));
  const port = it.model.ports.find(({ kind }) => kind === 'tls');
  assert.deepEqual(port?.kind === 'tls' && port.listeners.map(({ hostname, kind }) => [hostname, kind]), [
    ['a.test', 'https'],
    [undefined, 'https'],
  ]);
  assert.deepEqual(
    it.verdicts.map(({ namespace, name, problems }) => [namespace, name, problems.map((at) => at.reason)]),
    [
      ['default', 'a', []],
      ['default', 'b', []],
      ['elsewhere', 'c', ['BackendNotFound', 'HostTaken']],
    ],
  );
  assert.equal(whoAnswers(it, 'a.test', '/c/x'), '500');
});

test('a class that is not there, or is somebody else’s, has no Ingresses', () => {
  const rules = `{ ingressClassName: CLASS, defaultBackend: ${to('echo')} }`;
  for (const [className, who] of [
    ['fairlead', 'echo'],
    ['other', '404'],
    ['gone', '404'],
  ] as const) {
    const yaml = anIngress('a', rules.replace('CLASS', className));
    const objects = ingressObjects([CONFORMANCE_CLASSES, yaml, echoServices(yaml)].join('\n---\n'));
    assert.equal(whoAnswers(new IngressCompiler(className).compile(objects, PLACE), 'a', '/'), who);
  }
});

test('a backend is waited for as its Ingress says', () => {
  const annotations = { 'proxy-connect-timeout': '9' };
  const { model } = compiled(annotated({ name: 'a', annotations, host: 'a.test', paths: { '/': 'echo' } }));
  assert.deepEqual(
    [...model.backends.values()].map((it) => it.connectTimeoutMs),
    [9000],
  );
});

test('a second compile of the same objects makes nothing anew', () => {
  const yaml = CONFORMANCE_ROWS[0]?.yaml ?? '';
  const objects = ingressObjects([CONFORMANCE_CLASSES, yaml, echoServices(yaml)].join('\n---\n'));
  const compiler = new IngressCompiler('fairlead');
  const [first, second] = [compiler.compile(objects, PLACE), compiler.compile(objects, PLACE)];
  assert.deepEqual(second, first);
  for (const [id, rule] of first.model.rules) assert.equal(second.model.rules.get(id), rule);
});

test('an IngressClass has requests told of, and is told where it asks for what is not known', () => {
  const asking = (words: string): CompiledIngresses => {
    const metadata = `metadata: { name: fairlead, annotations: { fairlead.dev/telemetry: '${words}' } }`;
    const classes = CONFORMANCE_CLASSES.replace('metadata: { name: fairlead }', metadata);
    return new IngressCompiler('fairlead').compile(ingressObjects(classes), PLACE);
  };
  assert.equal(compiled('').model.telemetry, undefined);
  assert.equal(asking('metrics,access-log').model.telemetry, 'access-log');
  const { model, ofClass } = asking('metric');
  assert.equal(model.telemetry, undefined);
  assert.deepEqual(
    ofClass?.problems.map((it) => it.reason),
    ['UnknownTelemetry'],
  );
});
