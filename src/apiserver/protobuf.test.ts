// Black box over HTTP: what clients that ask for protobuf get is what the others get.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import https from 'node:https';
import type { IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import { ADMIN_TOKEN, startTestServer, type ApiClient, type Loose } from '../../test/support/api-server.ts';
import { RESOURCES } from '../objects/resources.ts';
import { decodeMessage, KUBERNETES_PROTOBUF, readEnvelope } from '../wire/kubernetes-protobuf.ts';

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
    if (group.includes('.networking.k8s.io') || group === 'fairlead.dev' || kind === 'ClusterNetworkPolicy') {
      if (other.headers['content-type'] === 'application/json') continue;
    }
    assert.equal(other.headers['content-type'], KUBERNETES_PROTOBUF, url);
    const { kind: listKind, raw } = readEnvelope(other.bytes);
    assert.equal(listKind, `${kind}List`);
    const items = itemsOf(raw).map((it) => withoutZeros(decodeMessage(message, it)));
    const expected = plain.json.items.map(({ apiVersion: _v, kind: _k, ...it }: Loose) => withoutZeros(it));
    assert.deepEqual(items, expected, url);
  }
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
