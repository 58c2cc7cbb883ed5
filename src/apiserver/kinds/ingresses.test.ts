// Black box: Ingresses and their classes.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer, type ApiClient } from '../../../test/support/api-server.ts';
import { defaultClassOf } from './default-ingress-class.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
});
after(() => stop());

const GROUP = '/apis/networking.k8s.io/v1';
const CLASSES = `${GROUP}/ingressclasses`;
const INGRESSES = `${GROUP}/namespaces/default/ingresses`;

const backend = { service: { name: 'web', port: { number: 80 } } };
const withPath = (of: object): object => ({
  rules: [{ http: { paths: [{ path: '/', pathType: 'Prefix', backend, ...of }] } }],
});
const withHost = (host: string): object => ({ rules: [{ host }] });
const PATH = 'spec.rules[0].http.paths[0]';

async function classOf(name: string, annotations: object = {}, spec: object = {}): Promise<unknown> {
  const made = await client.post(INGRESSES, {
    metadata: { name, annotations },
    spec: { defaultBackend: backend, ...spec },
  });
  assert.equal(made.code, 201, made.text);
  return made.json.spec.ingressClassName;
}

test('an Ingress that names no class gets the newest of the default ones', async () => {
  assert.equal(await classOf('none'), undefined);
  const annotations = { 'ingressclass.kubernetes.io/is-default-class': 'true' };
  const made = await client.post(CLASSES, {
    metadata: { name: 'b-first', annotations },
    spec: { controller: 'example.org/a' },
  });
  assert.equal(made.code, 201, made.text);
  await client.post(CLASSES, { metadata: { name: 'a-other' }, spec: { controller: 'example.org/a' } });
  assert.equal(await classOf('default'), 'b-first');
  assert.equal(await classOf('annotated', { 'kubernetes.io/ingress.class': 'old' }), undefined);
  assert.equal(await classOf('named', {}, { ingressClassName: 'own' }), 'own');
  await client.post(CLASSES, {
    metadata: { name: 'a-second', annotations },
    spec: { controller: 'example.org/a' },
  });
  assert.equal(await classOf('newest'), 'a-second');
  const kept = await client.patch(`${INGRESSES}/default`, { metadata: { labels: { a: 'b' } } });
  assert.equal(kept.json.spec.ingressClassName, 'b-first');
});

test('defaultClassOf() takes the newest, and of one second the first by name', () => {
  const made = (
    name: string,
    second: number,
    marked = 'true',
  ): Parameters<typeof defaultClassOf>[0][number] => ({
    name,
    uid: name,
    resourceVersion: '1',
    creationTimestamp: `2026-01-01T00:00:0${second}Z`,
    annotations: { 'ingressclass.kubernetes.io/is-default-class': marked },
  });
  assert.equal(defaultClassOf([made('a', 1), made('c', 2), made('b', 2), made('d', 3, 'false')]), 'b');
  assert.equal(defaultClassOf([made('a', 1, 'yes')]), undefined);
});

test('the status of an Ingress is written apart, and its columns show it', async () => {
  const spec = {
    ingressClassName: 'own',
    tls: [{ hosts: ['*.example.com'], secretName: 'tls' }],
    rules: [{ host: '*.example.com' }, { host: 'b.example.com' }],
  };
  const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }, { hostname: 'lb.example.com' }] } };
  const made = await client.post(INGRESSES, { metadata: { name: 'shown' }, spec, status });
  assert.deepEqual([made.code, made.json.status, made.json.metadata.generation], [201, undefined, 1]);
  const written = await client.patch(`${INGRESSES}/shown/status`, { status, spec: { rules: [] } });
  assert.deepEqual(
    [written.json.status, written.json.spec, written.json.metadata.generation],
    [status, spec, 1],
  );
  const { json } = await client.get(`${INGRESSES}/shown`, 'application/json;as=Table;v=v1;g=meta.k8s.io');
  assert.deepEqual(json.rows[0].cells.slice(0, 5), [
    'shown',
    'own',
    '*.example.com,b.example.com',
    '192.0.2.1,lb.example.com',
    '80, 443',
  ]);
});

const WILDCARD =
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

for (const [name, spec, causes] of [
  ['nothing', {}, ['spec: Invalid value: []: either `defaultBackend` or `rules` must be specified']],
  [
    'no type of path',
    withPath({ pathType: undefined }),
    [`${PATH}.pathType: Required value: pathType must be specified`],
  ],
  [
    'another type of path',
    withPath({ pathType: 'Glob' }),
    [
      `${PATH}.pathType: Unsupported value: "Glob": supported values: "Exact", "ImplementationSpecific", "Prefix"`,
    ],
  ],
  ['no path', withPath({ path: undefined }), [`${PATH}.path: Invalid value: "": must be an absolute path`]],
  [
    'a relative path',
    withPath({ path: 'a', pathType: 'Exact' }),
    [`${PATH}.path: Invalid value: "a": must be an absolute path`],
  ],
  [
    'a relative path of its own',
    withPath({ path: 'a', pathType: 'ImplementationSpecific' }),
    [`${PATH}.path: Invalid value: "a": must be an absolute path`],
  ],
  ...['//', '/./', '/../', '%2f', '%2F'].map((part): readonly [string, object, readonly string[]] => [
    `a path with ${part}`,
    withPath({ path: `/a${part}b` }),
    [`${PATH}.path: Invalid value: "/a${part}b": must not contain '${part}'`],
  ]),
  ...['/..', '/.'].map((end): readonly [string, object, readonly string[]] => [
    `a path that ends in ${end}`,
    withPath({ path: `/a${end}` }),
    [`${PATH}.path: Invalid value: "/a${end}": cannot end with '${end}'`],
  ]),
  [
    'no backend of a path',
    withPath({ backend: {} }),
    [`${PATH}.backend: Invalid value: "": resource or service backend is required`],
  ],
  [
    'two backends of a path',
    withPath({ backend: { ...backend, resource: { kind: 'A', name: 'b' } } }),
    [`${PATH}.backend: Invalid value: "": cannot set both resource and service backends`],
  ],
  [
    'a resource without names',
    withPath({ backend: { resource: { kind: '', name: '' } } }),
    [
      `${PATH}.backend.resource.kind: Required value: kind is required`,
      `${PATH}.backend.resource.name: Required value: name is required`,
    ],
  ],
  [
    'two ports of a backend',
    { defaultBackend: { service: { name: 'a', port: { name: 'b', number: 1 } } } },
    ['spec.defaultBackend: Invalid value: "": cannot set both port name & port number'],
  ],
  [
    'no port of a backend',
    { defaultBackend: { service: { name: 'a' } } },
    ['spec.defaultBackend: Required value: port name or number is required'],
  ],
  [
    'a port above all',
    { defaultBackend: { service: { name: 'a', port: { number: 65_536 } } } },
    ['spec.defaultBackend.service.port.number: Invalid value: 65536: must be between 1 and 65535, inclusive'],
  ],
  [
    'a name of a port that is none',
    { defaultBackend: { service: { name: 'a', port: { name: '80' } } } },
    ['spec.defaultBackend.service.port.name: Invalid value: "80": must contain at least one letter (a-z)'],
  ],
  [
    'an address as host',
    withHost('10.0.0.1'),
    ['spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address'],
  ],
  ['a star in a host', withHost('a.*.b'), [`spec.rules[0].host: Invalid value: "a.*.b": ${WILDCARD}`]],
  ['a star alone', withHost('*'), [`spec.rules[0].host: Invalid value: "*": ${WILDCARD}`]],
  [
    'a star in a host of TLS',
    { defaultBackend: backend, tls: [{ hosts: ['*a.b'] }] },
    [`spec.tls[0].hosts[0]: Invalid value: "*a.b": ${WILDCARD}`],
  ],
] as const) {
  test(`an Ingress refuses ${name}`, async () => {
    const answer = await client.post(INGRESSES, { metadata: { name: 'bad' }, spec });
    assert.equal(answer.code, 422, answer.text);
    const found = answer.json.details.causes.map(
      (it: { field: string; message: string }) => `${it.field}: ${it.message}`,
    );
    assert.deepEqual(found, causes);
  });
}

for (const [field, spec] of [
  ['spec.rules[0].host', withHost('A.b')],
  ['spec.tls[0].hosts[0]', { defaultBackend: backend, tls: [{ hosts: ['a b'] }] }],
  ['spec.tls[0].secretName', { defaultBackend: backend, tls: [{ secretName: 'a/b' }] }],
  ['spec.ingressClassName', { defaultBackend: backend, ingressClassName: 'a\r\nb' }],
  ['spec.defaultBackend.service.name', { defaultBackend: { service: { name: '1', port: { number: 1 } } } }],
  ['annotations.kubernetes.io/ingress.class', { defaultBackend: backend, ingressClassName: 'a' }],
] as const) {
  test(`an Ingress names what is wrong: ${field}`, async () => {
    const annotations = field.startsWith('annotations') ? { 'kubernetes.io/ingress.class': 'b' } : {};
    const answer = await client.post(INGRESSES, { metadata: { name: 'bad', annotations }, spec });
    const fields = answer.json.details?.causes.map((it: { field: string }) => it.field);
    assert.deepEqual([answer.code, fields], [422, [field]]);
  });
}

const parameters = { apiGroup: 'example.org', kind: 'P', name: 'p' };

test('parameters of a class are for the cluster unless they say otherwise', async () => {
  const spec = { controller: 'example.org/a', parameters };
  const made = await client.post(CLASSES, { metadata: { name: 'parametered' }, spec });
  assert.deepEqual(made.json.spec.parameters, { ...parameters, scope: 'Cluster' });
});

for (const [name, spec, field] of [
  ['no controller', {}, 'spec.controller'],
  ['a controller without a path', { controller: 'example.org' }, 'spec.controller'],
  ['a controller of two lines', { controller: 'example.org/a\nb' }, 'spec.controller'],
  ['a long controller', { controller: `example.org/${'a'.repeat(240)}` }, 'spec.controller'],
  [
    'a namespace of parameters for the cluster',
    { controller: 'a.b/c', parameters: { ...parameters, namespace: 'x' } },
    'spec.parameters.namespace',
  ],
  [
    'parameters of no namespace',
    { controller: 'a.b/c', parameters: { ...parameters, scope: 'Namespace' } },
    'spec.parameters.namespace',
  ],
  [
    'parameters for somebody else',
    { controller: 'a.b/c', parameters: { ...parameters, scope: 'World' } },
    'spec.parameters.scope',
  ],
  ['parameters of no kind', { controller: 'a.b/c', parameters: { name: 'p' } }, 'spec.parameters.kind'],
] as const) {
  test(`a class refuses ${name}`, async () => {
    const answer = await client.post(CLASSES, { metadata: { name: 'bad' }, spec });
    const fields = answer.json.details?.causes.map((it: { field: string }) => it.field);
    assert.deepEqual([answer.code, fields], [422, [field]], answer.text);
  });
}

test('the controller of a class does not change', async () => {
  const answer = await client.patch(`${CLASSES}/parametered`, { spec: { controller: 'example.org/b' } });
  assert.deepEqual(
    [answer.code, answer.json.details?.causes[0].message],
    [422, 'Invalid value: "example.org/b": field is immutable'],
  );
});
