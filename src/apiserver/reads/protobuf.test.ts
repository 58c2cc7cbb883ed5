// Black box over HTTP: what clients that ask for protobuf get is what the others get.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import https from 'node:https';
import type { IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import {
  ADMIN_TOKEN,
  startTestServer,
  type ApiClient,
  type Loose,
} from '../../../test/support/api-server.ts';
import { aDefinition, DEFINITIONS_URL } from '../../../test/support/custom-kinds.ts';
import { apiVersionOf, pathOf, RESOURCES, type Resource } from '../../objects/resources.ts';
import { encodeMessage, writeEnvelope } from '../../wire/kubernetes-protobuf-writer.ts';
import { decodeMessage, KUBERNETES_PROTOBUF, readEnvelope } from '../../wire/kubernetes-protobuf.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
});
after(() => stop());

const PODS = '/api/v1/namespaces/default/pods';
const ACCEPT = `${KUBERNETES_PROTOBUF},application/json`;

function pod(name: string): object {
  const containers = [
    { name: 'main', image: 'busybox', ports: [{ containerPort: 80 }], resources: { limits: { cpu: '1' } } },
  ];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: 'a' } },
    spec: { containers, volumes: [{ name: 'v', emptyDir: {} }] },
  };
}

function deployment(name: string): object {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'busybox' }] } };
  return { metadata: { name }, spec: { selector: { matchLabels: labels }, template } };
}

function opened(bytes: Buffer, message: string): Loose {
  const { apiVersion, kind, raw } = readEnvelope(bytes);
  return { apiVersion, kind, ...decodeMessage(message, raw) };
}

/** Go's zeros: absent in protobuf's JSON, present in ours where a client or a default wrote them. */
function withoutZeros(value: Loose): Loose {
  return JSON.parse(JSON.stringify(value), (_key, it: unknown) =>
    it === '' || it === 0 || it === false || it === null ? undefined : it,
  );
}

test('what is deleted says its own group in the options, as typed clients of Go send them', async () => {
  for (const apiVersion of ['v1', 'meta.k8s.io/v1', 'apps/v1']) {
    await client.post('/apis/apps/v1/namespaces/default/deployments', deployment('gone'));
    const options = { preconditions: { uid: 'of another' } };
    const body = writeEnvelope(
      { apiVersion, kind: 'DeleteOptions' },
      encodeMessage('meta.DeleteOptions', options),
    );
    const url = '/apis/apps/v1/namespaces/default/deployments/gone';
    const refused = await client.call(url, { method: 'DELETE', body, type: KUBERNETES_PROTOBUF });
    assert.deepEqual([refused.code, refused.json?.reason], [409, 'Conflict'], refused.text);
  }
});

test('an object is answered in protobuf where that is asked for first', async () => {
  const made = await client.call(PODS, {
    method: 'POST',
    body: pod('one'),
    type: 'application/json',
    accept: ACCEPT,
  });
  assert.deepEqual([made.code, made.headers['content-type']], [201, KUBERNETES_PROTOBUF]);
  const plain = await client.get(`${PODS}/one`);
  assert.deepEqual(withoutZeros(opened(made.bytes, 'core.Pod')), withoutZeros(plain.json));
  const first = await client.get(`${PODS}/one`, `application/json,${KUBERNETES_PROTOBUF}`);
  assert.equal(first.headers['content-type'], 'application/json');
  const refused = await client.get(`${PODS}/two`, ACCEPT);
  assert.equal(refused.json.reason, 'NotFound');
});

test('a list of every built-in kind says the same in both forms; custom kinds stay JSON', async () => {
  for (const { group, version, plural, kind, message, verbs } of RESOURCES) {
    if (!verbs.includes('list')) continue;
    const url = `${group === '' ? '/api' : `/apis/${group}`}/${version}/${plural}`;
    const [plain, other] = [await client.get(url), await client.get(url, ACCEPT)];
    if (isCustomElsewhere({ group, kind })) {
      assert.equal(other.headers['content-type'], 'application/json', url);
      continue;
    }
    assert.equal(other.headers['content-type'], KUBERNETES_PROTOBUF, url);
    const { kind: listKind, raw } = readEnvelope(other.bytes);
    assert.equal(listKind, `${kind}List`);
    const items = itemsOf(raw).map((it) => withoutZeros(decodeMessage(message, it)));
    const expected = plain.json.items.map(({ apiVersion: _v, kind: _k, ...it }: Loose) => withoutZeros(it));
    assert.deepEqual(items, expected, url);
  }
});

/** Of groups that a real cluster has by definitions of custom resources. */
function isCustomElsewhere({ group, kind }: Pick<Resource, 'group' | 'kind'>): boolean {
  return group === 'gateway.networking.k8s.io' || group === 'fairlead.dev' || kind === 'ClusterNetworkPolicy';
}

function inProtobuf(object: Loose, { message }: { readonly message: string }): Buffer {
  const { apiVersion, kind, ...rest } = object;
  return writeEnvelope({ apiVersion, kind }, encodeMessage(message, rest));
}

test('a body of every kind means the same in both forms; of custom kinds it is refused', async () => {
  for (const resource of RESOURCES) {
    const url = `${pathOf(resource, { namespace: 'default' })}?dryRun=All`;
    const object = {
      apiVersion: apiVersionOf(resource),
      kind: resource.kind,
      metadata: { name: 'same', labels: { a: 'b' } },
      ...(resource.message.startsWith('rbac.') && resource.kind.endsWith('Binding')
        ? { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' } }
        : {}),
    };
    const plain = await client.post(url, object);
    const other = await client.post(url, inProtobuf(object, resource), KUBERNETES_PROTOBUF);
    if (isCustomElsewhere(resource)) {
      assert.deepEqual([other.code, other.json.reason], [415, 'UnsupportedMediaType'], url);
      continue;
    }
    assert.deepEqual(
      [other.code, sameEverywhere(other.json)],
      [plain.code, sameEverywhere(plain.json)],
      `${url}: ${other.text}`,
    );
    // Of the others the name is not enough; what they lack is said of both forms.
    if (resource.verbs.includes('list')) assert.ok([201, 422].includes(plain.code), `${url}: ${plain.text}`);
  }
});

/** Without what every creation has of its own. */
function sameEverywhere(json: Loose): Loose {
  const { uid: _u, creationTimestamp: _t, managedFields: _m, ...metadata } = json.metadata ?? {};
  const text = JSON.stringify({ ...json, metadata });
  return JSON.parse(text.replaceAll(/\b(\d+\.){3}\d+\b|\bfd[0-9a-f:]+\b/g, 'IP'));
}

test('a definition of a custom resource comes and goes in protobuf', async () => {
  const spec = {
    type: 'object',
    required: ['size'],
    properties: {
      size: { type: 'integer', minimum: 0, maximum: 10, default: 0, enum: [0, 1, 2] },
      ratio: { type: 'number', multipleOf: 0.5, minimum: 0.5, exclusiveMinimum: true },
      port: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
      names: { type: 'array', items: { type: 'string', maxLength: 0 }, 'x-kubernetes-list-type': 'set' },
      open: { type: 'object', additionalProperties: true },
      texts: { type: 'object', additionalProperties: { type: 'string', nullable: true, default: null } },
      any: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    },
    'x-kubernetes-validations': [
      { rule: 'self.size < 3', message: 'too large', reason: 'FieldValueInvalid', fieldPath: '.size' },
    ],
  };
  const subresources = {
    status: {},
    scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.n' },
  };
  const columns = [{ name: 'Size', type: 'integer', jsonPath: '.spec.size', priority: 1 }];
  const version = {
    subresources,
    additionalPrinterColumns: columns,
    selectableFields: [{ jsonPath: '.spec.size' }],
  };
  const body = aDefinition({ spec, version });
  const plain = await client.post(`${DEFINITIONS_URL}?dryRun=All`, body);
  assert.equal(plain.code, 201, plain.text);
  const resource = { message: 'apiextensions.CustomResourceDefinition' };
  const made = await client.call(DEFINITIONS_URL, {
    method: 'POST',
    body: inProtobuf(body, resource),
    type: KUBERNETES_PROTOBUF,
    accept: ACCEPT,
  });
  assert.deepEqual([made.code, made.headers['content-type']], [201, KUBERNETES_PROTOBUF], made.text);
  assert.deepEqual(opened(made.bytes, resource.message)['spec'], plain.json.spec);
  const stored = await client.get(`${DEFINITIONS_URL}/widgets.example.com`);
  assert.deepEqual(stored.json.spec, plain.json.spec);
  const read = await client.get(`${DEFINITIONS_URL}/widgets.example.com`, ACCEPT);
  assert.deepEqual(withoutZeros(opened(read.bytes, resource.message)), withoutZeros(stored.json));

  const widgets = '/apis/example.com/v1/namespaces/default/widgets';
  assert.equal((await client.post(widgets, { metadata: { name: 'w' }, spec: { size: 3 } })).code, 422);
  const refused = await client.post(
    widgets,
    inProtobuf(pod('w'), { message: 'core.Pod' }),
    KUBERNETES_PROTOBUF,
  );
  assert.equal(refused.code, 415, refused.text);
  assert.match(refused.json.message, /accepted media types include: application\/json, application\/yaml/);
  const fell = await client.get(widgets, ACCEPT);
  assert.deepEqual([fell.code, fell.headers['content-type']], [200, 'application/json']);
  const only = await client.get(widgets, KUBERNETES_PROTOBUF);
  assert.deepEqual([only.code, only.json.reason], [406, 'NotAcceptable'], only.text);
  assert.equal((await client.delete(`${DEFINITIONS_URL}/widgets.example.com`)).code, 200);
});

/** Field 2 of a list, again and again; lengths below 2^28. */
function itemsOf(raw: Uint8Array): Uint8Array[] {
  const items: Uint8Array[] = [];
  for (let at = 0; at < raw.length;) {
    const tag = raw[at++];
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = raw[at++] ?? 0;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (tag === 0x12) items.push(raw.subarray(at, at + length));
    at += length;
  }
  return items;
}

test('a watch comes in frames, bookmarks too', async () => {
  const url = `${PODS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`;
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, accept: ACCEPT };
  const request = https.get({
    host: '127.0.0.1',
    port: client.port,
    path: url,
    headers,
    rejectUnauthorized: false,
  });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  assert.equal(response.headers['content-type'], `${KUBERNETES_PROTOBUF};stream=watch`);
  let rest = Buffer.alloc(0);
  const seen: string[] = [];
  for await (const chunk of response) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE()) {
      const end = 4 + rest.readUInt32BE();
      const body = rest.subarray(4, end);
      rest = rest.subarray(end);
      seen.push(/^\n.([A-Z]+)/s.exec(body.toString('latin1'))?.[1] ?? '?');
      const object = opened(body.subarray(body.indexOf('k8s\0')), 'core.Pod');
      assert.equal(object.kind, 'Pod');
      if (seen.at(-1) === 'BOOKMARK')
        assert.equal(object.metadata.annotations['k8s.io/initial-events-end'], 'true');
    }
    if (seen.includes('BOOKMARK')) break;
  }
  assert.deepEqual(seen, ['ADDED', 'BOOKMARK']);
});
