// Requests of any form to a running API server: none is answered as a defect, every refusal is a Status, and the server goes on.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import fc from 'fast-check';
import { RESOURCES, apiVersionOf, pathOf } from '../../src/objects/resources.ts';
import { ADMIN_TOKEN, startTestServer, type ApiClient, type CallOptions } from '../support/api-server.ts';
import { damagedJson, damagedText } from '../support/damaged.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
});
after(() => stop());

/** Refusals that are no defect: of the request (4xx), of a revision from the future (504), of a node that is not there (502, 503). */
function isGoodCode(code: number): boolean {
  return code < 500 || code === 502 || code === 503 || code === 504;
}

async function answersWell(path: string, options: CallOptions): Promise<void> {
  const answer = await client.call(path, options);
  const said = `${options.method} ${path}: ${answer.code} ${answer.text.slice(0, 500)}`;
  assert.ok(isGoodCode(answer.code), said);
  if (answer.code >= 400 && options.method !== 'HEAD' && answer.json !== undefined)
    assert.equal(answer.json.kind, 'Status', said);
  assert.ok(answer.text.length < 5_000_000);
}

const word = fc.oneof(
  fc.constantFrom(
    'default',
    'kube-system',
    'x',
    'pods',
    'status',
    'scale',
    'log',
    '..',
    '%2e%2e',
    '%00',
    '',
    '*',
    '__proto__',
  ),
  fc.string({ maxLength: 12, unit: 'binary' }).map((it) => encodeURIComponent(it.toWellFormed())),
);
const resourcePath = fc
  .record({
    resource: fc.constantFrom(...RESOURCES),
    namespace: fc.option(word, { nil: undefined }),
    name: fc.option(word, { nil: undefined }),
    subresource: fc.option(
      fc.constantFrom('status', 'scale', 'log', 'binding', 'eviction', 'finalize', 'token', 'x'),
      {
        nil: undefined,
      },
    ),
  })
  .map(({ resource, ...at }) => pathOf(resource, at));
const anyPath = fc.array(word, { maxLength: 8 }).map((words) => `/${words.join('/')}`);
const rootedPath = fc
  .tuple(fc.constantFrom('/api/v1', '/apis', '/apis/apps/v1', '/openapi', '/healthz', '/version'), anyPath)
  .map(([root, rest]) => root + rest);

const selector = damagedText('a in (b, c),!d,e!=f,g notin (h)');
const parameter = fc.oneof(
  selector.map((it) => ['labelSelector', it] as const),
  damagedText('metadata.name=a,spec.nodeName!=b').map((it) => ['fieldSelector', it] as const),
  fc.tuple(
    fc.constantFrom(
      'limit',
      'continue',
      'resourceVersion',
      'resourceVersionMatch',
      'dryRun',
      'fieldManager',
      'fieldValidation',
      'force',
      'pretty',
      'gracePeriodSeconds',
      'propagationPolicy',
      'timeout',
      'tailLines',
      'container',
    ),
    fc.oneof(
      fc.constantFrom('0', '-1', '1', 'All', 'Strict', 'true', '1e9', 'NaN', '99999999999999999999', 'Exact'),
      fc.string({ maxLength: 9 }),
    ),
  ),
);
const query = fc.array(parameter, { maxLength: 3 }).map((list) => {
  const text = list.map(([name, value]) => `${name}=${encodeURIComponent(value.toWellFormed())}`).join('&');
  return text === '' ? '' : `?${text}`;
});

test('any path, method and query is answered', async () => {
  const method = fc.constantFrom(
    'GET',
    'GET',
    'GET',
    'HEAD',
    'POST',
    'PUT',
    'PATCH',
    'DELETE',
    'OPTIONS',
    'PROPFIND',
  );
  const accept = fc.constantFrom(
    undefined,
    'application/json;as=Table;v=v1;g=meta.k8s.io',
    'application/yaml',
    'text/html',
    '*/*',
    ';;;',
  );
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(resourcePath, anyPath, rootedPath),
      query,
      method,
      accept,
      (path, search, verb, type) =>
        answersWell(path + search, { method: verb, ...(type === undefined ? {} : { accept: type }) }),
    ),
    { numRuns: 250 },
  );
});

const META = { name: 'x', namespace: 'default', labels: { a: 'b' } };
const TEMPLATE = {
  metadata: { labels: { a: 'b' } },
  spec: {
    containers: [
      {
        name: 'c',
        image: 'i',
        ports: [{ containerPort: 80, name: 'http' }],
        env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
        resources: { requests: { cpu: '100m' } },
        readinessProbe: { httpGet: { port: 'http', path: '/' }, periodSeconds: 2 },
        volumeMounts: [{ name: 'v', mountPath: '/v' }],
      },
    ],
    volumes: [{ name: 'v', configMap: { name: 'm' } }],
  },
};
const SPECS: Readonly<Record<string, unknown>> = {
  Pod: { spec: TEMPLATE.spec },
  Deployment: {
    spec: {
      replicas: 1,
      selector: { matchLabels: { a: 'b' } },
      template: TEMPLATE,
      strategy: { rollingUpdate: { maxSurge: 1 } },
    },
  },
  StatefulSet: { spec: { serviceName: 's', selector: { matchLabels: { a: 'b' } }, template: TEMPLATE } },
  Service: {
    spec: {
      selector: { a: 'b' },
      ports: [{ port: 80, targetPort: 'http', name: 'p' }],
      ipFamilyPolicy: 'PreferDualStack',
    },
  },
  ConfigMap: { data: { a: 'b' } },
  Secret: { data: { a: 'YQ==' } },
  EndpointSlice: {
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.0.0.1'] }],
    ports: [{ name: '', port: 80 }],
  },
  NetworkPolicy: {
    spec: {
      podSelector: {},
      ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }] }],
    },
  },
  Job: { spec: { template: { ...TEMPLATE, spec: { ...TEMPLATE.spec, restartPolicy: 'Never' } } } },
};

const written = fc.constantFrom(...RESOURCES.filter((it) => it.kind in SPECS)).chain((resource) => {
  const good = {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: META,
    ...(SPECS[resource.kind] as object),
  };
  return fc.record({
    resource: fc.constant(resource),
    body: fc.oneof(
      damagedJson(good).map((it) => JSON.stringify(it) ?? ''),
      damagedText(JSON.stringify(good)),
    ),
  });
});

test('any body is created or refused, and what was created can be read, changed and deleted', async () => {
  const type = fc.constantFrom(
    'application/json',
    'application/json',
    'application/yaml',
    'application/vnd.kubernetes.protobuf',
    'x',
  );
  const patchType = fc.constantFrom(
    'application/merge-patch+json',
    'application/strategic-merge-patch+json',
    'application/json-patch+json',
  );
  await fc.assert(
    fc.asyncProperty(written, written, type, patchType, async (first, second, contentType, patch) => {
      const collection = pathOf(first.resource, { namespace: 'default' });
      await answersWell(collection, { method: 'POST', body: first.body, type: contentType });
      for (const [method, bodyType] of [
        ['PATCH', patch],
        ['PUT', contentType],
      ] as const) {
        await answersWell(`${collection}/x`, { method, body: second.body, type: bodyType });
      }
      await answersWell(collection, {
        method: 'GET',
        accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
      });
      await answersWell(`${collection}?gracePeriodSeconds=0`, { method: 'DELETE' });
    }),
    { numRuns: 120 },
  );
});

test('any JSON patch is applied or refused', async () => {
  const collection = pathOf(
    RESOURCES.find((it) => it.kind === 'ConfigMap')!,
    { namespace: 'default' },
  );
  await client.post(collection, { metadata: { name: 'patched' }, data: { a: 'b' } });
  const operations = [
    { op: 'add', path: '/data/c', value: 'd' },
    { op: 'test', path: '/data/a', value: 'b' },
    { op: 'move', from: '/data/a', path: '/data/e' },
    { op: 'remove', path: '/metadata/labels/~1x~0' },
  ];
  await fc.assert(
    fc.asyncProperty(damagedJson(operations), async (body) => {
      await answersWell(`${collection}/patched`, {
        method: 'PATCH',
        body: JSON.stringify(body) ?? '',
        type: 'application/json-patch+json',
      });
    }),
    { numRuns: 100 },
  );
});

test('octets that are no HTTP end their own connection, nothing else', async () => {
  const request = `POST /api/v1/pods HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${ADMIN_TOKEN}\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`;
  await fc.assert(
    fc.asyncProperty(damagedText(request, 4), async (text) => {
      const socket = tls.connect({ host: '127.0.0.1', port: client.port, rejectUnauthorized: false });
      socket.on('error', () => undefined);
      await once(socket, 'secureConnect');
      const closed = once(socket, 'close');
      socket.end(text);
      socket.resume();
      await closed;
    }),
    { numRuns: 40 },
  );
  assert.equal((await client.get('/readyz')).text, 'ok');
});
