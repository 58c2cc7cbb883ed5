// Black box: what hostile or broken clients send. The server answers with a Status and goes on; what it keeps for anyone is bounded.

import assert from 'node:assert/strict';
import https from 'node:https';
import tls from 'node:tls';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import {
  ADMIN_TOKEN,
  startTestServer,
  type ApiClient,
  type Loose,
} from '../../../test/support/api-server.ts';
import { decodeMessage, KUBERNETES_PROTOBUF, readEnvelope } from '../../wire/kubernetes-protobuf.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer({}, 50));
});
after(async () => {
  assert.equal((await client.get('/readyz')).text, 'ok');
  await stop();
});

const URL = '/api/v1/namespaces/default/configmaps';

const REFUSED: readonly { name: string; body: string | Buffer; type?: string; code: number }[] = [
  {
    name: 'a body of 10 MB',
    body: JSON.stringify({ metadata: { name: 'big' }, data: { a: 'x'.repeat(10_000_000) } }),
    code: 413,
  },
  {
    name: 'a data value over 1 MB',
    body: JSON.stringify({ metadata: { name: 'big' }, data: { a: 'x'.repeat(2_000_000) } }),
    code: 422,
  },
  { name: 'deep nesting', body: `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, code: 400 },
  { name: 'deep lists', body: `${'['.repeat(200_000)}${']'.repeat(200_000)}`, code: 400 },
  { name: 'bad UTF-8', body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), code: 400 },
  { name: 'no JSON', body: '{"metadata":', code: 400 },
  { name: 'a list', body: '[]', code: 400 },
  { name: 'null', body: 'null', code: 400 },
  { name: 'metadata that is a list', body: '{"metadata":[]}', code: 400 },
  { name: 'another kind', body: '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}', code: 400 },
  { name: 'an unknown media type', body: '<a/>', type: 'application/xml', code: 415 },
  { name: 'protobuf without its magic', body: 'abcd', type: KUBERNETES_PROTOBUF, code: 400 },
  {
    name: 'protobuf cut short',
    body: Buffer.from([0x6b, 0x38, 0x73, 0, 0x0a, 0x7f, 1]),
    type: KUBERNETES_PROTOBUF,
    code: 400,
  },
  {
    name: 'protobuf with an endless number',
    body: Buffer.from([0x6b, 0x38, 0x73, 0, ...Array.from({ length: 40 }, () => 0xff)]),
    type: KUBERNETES_PROTOBUF,
    code: 400,
  },
  {
    name: 'a YAML bomb',
    body: `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
      .split('')
      .map((c, i) => `${c}: &${c} [${Array.from({ length: 9 }, () => `*${'abcdefghi'[i]}`).join(',')}]`)
      .join('\n')}`,
    type: 'application/yaml',
    code: 400,
  },
];

for (const { name, body, type = 'application/json', code } of REFUSED) {
  test(`create refuses ${name} with ${code}`, async () => {
    const answer = await client.post(URL, body, type);
    assert.equal(answer.code, code, answer.text.slice(0, 300));
    assert.equal(answer.json.kind, 'Status');
    assert.ok(answer.text.length < 20_000, 'the answer echoes the input');
  });
}

test('a body without an end that is promised small is cut at the limit', async () => {
  const request = https.request({
    host: '127.0.0.1',
    port: client.port,
    path: URL,
    method: 'POST',
    rejectUnauthorized: false,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  request.on('error', () => undefined);
  const answered = once(request, 'response');
  for (let i = 0; i < 50 && !request.destroyed; i++) request.write('x'.repeat(100_000));
  const [response] = (await answered) as [{ statusCode: number; resume: () => void }];
  assert.equal(response.statusCode, 413);
  response.resume();
  request.destroy();
});

test('selectors that cannot be read are refused, huge ones too', async () => {
  for (const selector of ['a in (', 'a==b=c', '!', 'a b', '=x', 'a in b', `a=${'x'.repeat(100_000)}`]) {
    assert.equal(
      (await client.get(`${URL}?labelSelector=${encodeURIComponent(selector)}`)).code,
      400,
      selector.slice(0, 20),
    );
  }
  assert.equal((await client.get(`${URL}?fieldSelector=spec.x%3D1`)).code, 400);
  assert.equal((await client.get(`${URL}?limit=-1`)).code, 400);
  assert.equal((await client.get(`${URL}?continue=abc`)).code, 400);
});

test('paths that are none are 404, methods that are none 405', async () => {
  for (const path of [
    '/api/v1/namespaces/default/unicorns',
    '/apis/none/v1/x',
    '/api/v1/pods/a',
    '/../etc/passwd',
    '/api/v1/namespaces/default/pods/a/b/c/d',
  ]) {
    assert.equal((await client.get(path)).code, 404, path);
  }
  assert.equal((await client.get('/api/v1/namespaces/%ZZ/pods')).code, 400);
  assert.equal((await client.call(URL, { method: 'PUT', body: {} })).code, 405);
  assert.equal((await client.delete('/healthz')).code, 405);
});

test('a prototype is not reached by a body', async () => {
  const body =
    '{"metadata":{"name":"proto","labels":{"__proto__":"x","constructor":"y"}},"data":{"__proto__":"z"}}';
  await client.post(URL, body);
  assert.equal(({} as { x?: string }).x, undefined);
  const merged = await client.patch(`${URL}/proto`, '{"__proto__":{"polluted":"yes"}}');
  assert.ok(merged.code < 500);
  assert.equal(({} as { polluted?: string }).polluted, undefined);
});

test('a watch from a revision that is compacted away says so in its stream and ends', async () => {
  await client.post(URL, { metadata: { name: 'busy' } });
  for (let i = 0; i < 1100; i++) await client.patch(`${URL}/busy`, { data: { i: String(i) } });
  const old = await client.get(`${URL}?watch=1&resourceVersion=1`);
  assert.equal(old.code, 200);
  const told: Loose = JSON.parse(old.text);
  assert.deepEqual(
    [told.type, told.object.kind, told.object.code, told.object.reason],
    ['ERROR', 'Status', 410, 'Expired'],
  );
  const url = `${URL}?watch=1&resourceVersion=1`;
  const framed = await client.get(url, `${KUBERNETES_PROTOBUF};stream=watch,${KUBERNETES_PROTOBUF}`);
  assert.match(framed.headers['content-type'] as string, /protobuf;stream=watch/);
  assert.equal(framed.bytes.readUInt32BE(0), framed.bytes.length - 4);
  const frame = framed.bytes.subarray(framed.bytes.indexOf('k8s\0'));
  const { kind, raw } = readEnvelope(frame);
  assert.deepEqual([kind, decodeMessage('meta.Status', raw)['code']], ['Status', 410]);
  assert.equal((await client.get(`${URL}?watch=1&resourceVersion=999999999`)).code, 504);
});

test('a watcher that does not read is cut off, the others go on', async () => {
  const socket = tls.connect({ host: '127.0.0.1', port: client.port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  socket.on('error', () => undefined);
  socket.write(`GET ${URL}?watch=1 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${ADMIN_TOKEN}\r\n\r\n`);
  await once(socket, 'data');
  socket.pause();
  const reading = client.watch(`${URL}?watch=1&labelSelector=last`);
  const closed = once(socket, 'close');
  await client.post(URL, { metadata: { name: 'large' } });
  // The kernel's buffers on both sides hold some megabytes of their own.
  for (let i = 0; i < 45; i++)
    await client.patch(`${URL}/large`, { data: { a: `${i}${'x'.repeat(900_000)}` } });
  await client.post(URL, { metadata: { name: 'last', labels: { last: 'yes' } } });
  assert.equal((await reading.next())?.object.metadata.name, 'last');
  socket.resume();
  await closed;
  reading.close();
});

test('fields that come twice are refused or warned of, as the client wants it', async () => {
  const body = '{"metadata":{"name":"twice","labels":{"a":"1","a":"2"}},"data":{}}';
  const strict = await client.post(`${URL}?fieldValidation=Strict`, body);
  assert.equal(strict.code, 400);
  assert.match(strict.json.message, /strict decoding error: duplicate field "metadata\.labels\.a"/);
  const warned = await client.post(URL, body);
  assert.deepEqual(
    [warned.code, warned.headers['warning']],
    [201, '299 - "duplicate field \\"metadata.labels.a\\""'],
  );
  const ignored = await client.post(
    `${URL}?fieldValidation=Ignore&dryRun=All`,
    body.replace('twice', 'again'),
  );
  assert.deepEqual([ignored.code, ignored.headers['warning']], [201, undefined]);
});
