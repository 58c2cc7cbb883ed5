// Definitions of the hostile: refused with a Status, and the server goes on.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ApiClient, ApiServerFiles, startTestServer } from '../../../test/support/api-server.ts';
import { aDefinition, DEFINITIONS_URL } from '../../../test/support/custom-kinds.ts';
import { startApiServer } from '../main.ts';
import { ObjectLog } from '../store/object-log.ts';
import { ObjectStore } from '../store/object-store.ts';
import { DEFINITIONS } from './kinds.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
});
after(() => stop());

function nested(depth: number, inner: object): object {
  let schema: object = inner;
  for (let i = 0; i < depth; i++) schema = { type: 'object', properties: { a: schema } };
  return schema;
}

const HOSTILE: readonly (readonly [name: string, spec: object, code: number, expected: RegExp])[] = [
  ['a schema that is nested deep', nested(50, { type: 'string' }), 422, /nested deeper than 48 levels/],
  [
    'a schema that is nested deeper than a body may be',
    nested(2000, { type: 'string' }),
    400,
    /nested deeper than/,
  ],
  [
    'an enumeration of a megabyte',
    { type: 'string', enum: Array.from({ length: 80_000 }, (_, i) => `value ${i}`) },
    422,
    /enum: Too long/,
  ],
  [
    'a schema of two megabytes',
    { type: 'object', description: 'x'.repeat(2 * 1024 * 1024) },
    422,
    /openAPIV3Schema: Too long/,
  ],
  [
    'a pattern that would grow without bounds',
    { type: 'string', pattern: '(((a{1000}){1000}){1000})' },
    422,
    /must be a valid regular expression/,
  ],
  [
    'names of the prototype',
    JSON.parse('{"type":"object","properties":{"__proto__":{"type":"oops"}}}') as object,
    422,
    /properties\[__proto__\]\.type: Unsupported value: "oops"/,
  ],
];

for (const [name, spec, code, expected] of HOSTILE) {
  test(`${name} is refused`, async () => {
    const answer = await client.post(DEFINITIONS_URL, aDefinition({ spec }));
    assert.equal(answer.code, code, answer.text.slice(0, 300));
    assert.match(answer.json.message, expected);
    assert.ok(answer.text.length < 10_000, `${answer.text.length} characters`);
  });
}

test('objects may have fields of any name', async () => {
  const properties = JSON.parse('{"__proto__":{"type":"string"},"constructor":{"type":"integer"}}') as object;
  await client.post(DEFINITIONS_URL, aDefinition({ spec: { type: 'object', properties } }));
  const url = '/apis/example.com/v1/namespaces/default/widgets';
  const made = await client.post(
    url,
    '{"metadata":{"name":"a"},"spec":{"__proto__":"x","constructor":1,"toString":2}}',
  );
  assert.match(made.text, /"spec":\{"__proto__":"x","constructor":1\}/);
  const wrong = await client.post(url, '{"metadata":{"name":"b"},"spec":{"__proto__":1}}');
  assert.match(wrong.json.message, /spec.__proto__: Invalid value: "integer"/);
  assert.equal((await client.delete(`${DEFINITIONS_URL}/widgets.example.com`)).code, 200);
});

test('there are so many definitions and no more', async () => {
  const files = new ApiServerFiles();
  const config = files.config();
  const log = new ObjectLog(config.database);
  const store = new ObjectStore(log);
  for (let i = 0; i < 500; i++) {
    const definition = aDefinition({ plural: `k${i}s`, kind: `K${i}`, group: `g${i}.example.com` });
    const metadata = { ...definition.metadata, uid: `uid-${i}`, creationTimestamp: '2026-01-01T00:00:00Z' };
    store.put(DEFINITIONS, { ...definition, metadata });
  }
  await log.close();
  const server = await startApiServer(config);
  const own = new ApiClient(server.addresses[0]?.port ?? 0);
  const refused = await own.post(DEFINITIONS_URL, aDefinition());
  assert.equal(refused.code, 403);
  assert.match(refused.json.message, /at most 500 definitions/);
  assert.equal((await own.get('/apis/g499.example.com/v1/k499s')).code, 200);
  own.close();
  await server.close();
  files.remove();
});
