// Black box: what schemas, versions, subresources and columns of a definition make of its objects.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, test } from 'node:test';
import tls from 'node:tls';
import {
  ADMIN_TOKEN,
  startTestServer,
  type ApiClient,
  type Loose,
} from '../../../test/support/api-server.ts';
import {
  aDefinition,
  aVersion,
  DEFINITIONS_URL,
  type KindOptions,
} from '../../../test/support/custom-kinds.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
});
after(() => stop());
afterEach(async () => void (await client.delete(`${DEFINITIONS_URL}/widgets.example.com`)));

const WIDGETS = '/apis/example.com/v1/namespaces/default/widgets';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

async function define(options: KindOptions = {}): Promise<void> {
  const made = await client.post(DEFINITIONS_URL, aDefinition(options));
  assert.equal(made.code, 201, made.text);
}

function make(spec: Loose, query = '', more: Loose = {}): ReturnType<ApiClient['post']> {
  return client.post(`${WIDGETS}${query}`, { metadata: { name: 'a' }, spec, ...more });
}

const SIZED = {
  type: 'object',
  required: ['size'],
  properties: {
    size: { type: 'integer', minimum: 1 },
    color: { type: 'string', default: 'red', enum: ['red', 'blue'] },
    parts: {
      type: 'array',
      items: { type: 'object', properties: { name: { type: 'string', default: 'x' } } },
    },
    rest: {
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
      properties: { a: { type: 'object' } },
    },
  },
};

test('objects are judged by their schema', async () => {
  await define({ spec: SIZED });
  const wrong = await make({ size: 0, color: 'green' });
  assert.equal(wrong.code, 422);
  assert.deepEqual(
    wrong.json.details.causes.map((it: Loose) => `${it.field}: ${it.message}`),
    [
      'spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1',
      'spec.color: Unsupported value: "green": supported values: "red", "blue"',
    ],
  );
  const untyped = await make({ size: '1' });
  assert.equal(
    untyped.json.message,
    'Widget.example.com "a" is invalid: spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"',
  );
  assert.equal((await make({ size: 1 })).code, 201);
  assert.equal((await client.patch(`${WIDGETS}/a`, { spec: { size: -1 } })).code, 422);
});

test('objects are judged by rules in CEL, changes too', async () => {
  const rules = [
    { rule: "self.color != 'blue' || self.size > 2", message: 'blue ones are larger', fieldPath: '.size' },
    { rule: 'self.size >= oldSelf.size', message: 'size must not shrink' },
  ];
  await define({ spec: { ...SIZED, 'x-kubernetes-validations': rules } });
  const wrong = await make({ size: 1, color: 'blue' });
  assert.equal(
    wrong.json.message,
    'Widget.example.com "a" is invalid: spec.size: Invalid value: "object": blue ones are larger',
  );
  assert.equal((await make({ size: 3 })).code, 201);
  const shrunk = await client.patch(`${WIDGETS}/a`, { spec: { size: 2 } });
  assert.equal(
    shrunk.json.message,
    'Widget.example.com "a" is invalid: spec: Invalid value: "object": size must not shrink',
  );
  const typo = aDefinition({
    plural: 'gadgets',
    kind: 'Gadget',
    spec: { ...SIZED, 'x-kubernetes-validations': [{ rule: 'self.sise > 1' }] },
  });
  const refused = await client.post(DEFINITIONS_URL, typo);
  assert.match(refused.json.message, /x-kubernetes-validations\[0\]\.rule: .*undefined field 'sise'/);
});

test('absent fields get their defaults, unknown ones go or are refused', async () => {
  await define({ spec: SIZED });
  const spec = { size: 1, parts: [{}], extra: 1, rest: { b: 1, a: { c: 1 } } };
  const strict = await make(spec, '?fieldValidation=Strict', { metadata: { name: 'a', labls: {} } });
  assert.equal(strict.code, 400);
  assert.match(
    strict.json.message,
    /strict decoding error: unknown field "metadata.labls", unknown field "spec.extra", unknown field "spec.rest.a.c"$/,
  );
  const warned = await make(spec, '?fieldValidation=Warn');
  assert.match(String(warned.headers['warning']), /unknown field \\"spec.extra\\"/);
  assert.deepEqual(warned.json.spec, {
    size: 1,
    color: 'red',
    parts: [{ name: 'x' }],
    rest: { b: 1, a: {} },
  });
});

test('nulls give way to defaults or go', async () => {
  await define({ spec: SIZED });
  const { json } = await make({ size: 1, color: null, parts: null });
  assert.deepEqual(json.spec, { size: 1, color: 'red' });
});

test('defaults of a changed definition show in objects that stand', async () => {
  await define({ spec: SIZED });
  await make({ size: 1 });
  const spec = { ...SIZED, properties: { ...SIZED.properties, shape: { type: 'string', default: 'round' } } };
  const additionalPrinterColumns = [{ name: 'Shape', type: 'string', jsonPath: '.spec.shape' }];
  const body = aDefinition({ spec, version: { additionalPrinterColumns } });
  assert.equal((await client.patch(`${DEFINITIONS_URL}/widgets.example.com`, { spec: body.spec })).code, 200);
  assert.equal((await client.get(`${WIDGETS}/a`)).json.spec.shape, 'round');
  assert.equal((await client.get(WIDGETS)).json.items[0].spec.shape, 'round');
  const { json } = await client.get(WIDGETS, TABLE);
  assert.equal(json.rows[0].cells[1], 'round');
});

test('an object is served in every version that is served, and kept in one', async () => {
  await define({
    versions: [
      aVersion(SIZED, { name: 'v1beta1', storage: false, deprecated: true }),
      aVersion(SIZED),
      aVersion(SIZED, { name: 'v1alpha1', storage: false, served: false }),
    ],
  });
  const old = await client.post(WIDGETS.replace('/v1/', '/v1beta1/'), {
    metadata: { name: 'a' },
    spec: { size: 1 },
  });
  assert.deepEqual([old.code, old.json.apiVersion], [201, 'example.com/v1beta1'], old.text);
  assert.match(String(old.headers['warning']), /example.com\/v1beta1 Widget is deprecated/);
  assert.equal((await client.get(`${WIDGETS}/a`)).json.apiVersion, 'example.com/v1');
  assert.equal((await client.get(WIDGETS.replace('/v1/', '/v1alpha1/'))).code, 404);
  const { json } = await client.get('/apis/example.com');
  assert.deepEqual(
    json.versions.map((it: Loose) => it.version),
    ['v1', 'v1beta1'],
  );
  assert.equal(json.preferredVersion.version, 'v1');
});

test('specification and status are written apart', async () => {
  await define({ spec: SIZED, version: { subresources: { status: {} } } });
  const made = await make({ size: 1 }, '', { status: { phase: 'Ready' } });
  assert.deepEqual([made.json.status, made.json.metadata.generation], [undefined, 1]);
  const change = { spec: { size: 2 }, status: { phase: 'Ready' }, metadata: { labels: { a: 'b' } } };
  const status = (await client.patch(`${WIDGETS}/a/status`, change)).json;
  assert.deepEqual(
    [status.spec.size, status.status, status.metadata.generation, status.metadata.labels],
    [1, { phase: 'Ready' }, 1, undefined],
  );
  const spec = (await client.patch(`${WIDGETS}/a`, { spec: { size: 3 }, status: { phase: 'Gone' } })).json;
  assert.deepEqual([spec.spec.size, spec.status, spec.metadata.generation], [3, { phase: 'Ready' }, 2]);
});

test('without the status subresource the status is a part like any other', async () => {
  await define({ spec: SIZED });
  assert.deepEqual((await make({ size: 1 }, '', { status: { phase: 'Ready' } })).json.status, {
    phase: 'Ready',
  });
  const { json } = await client.patch(`${WIDGETS}/a`, { status: { phase: 'Gone' } });
  assert.deepEqual([json.status, json.metadata.generation], [{ phase: 'Gone' }, 2]);
  assert.equal((await client.get(`${WIDGETS}/a/status`)).code, 404);
});

test('replicas are scaled where the definition says that they are', async () => {
  const scale = {
    specReplicasPath: '.spec.count',
    statusReplicasPath: '.status.count',
    labelSelectorPath: '.status.selector',
  };
  await define({ version: { subresources: { status: {}, scale } } });
  await make({ count: 2 });
  await client.patch(`${WIDGETS}/a/status`, { status: { count: 1, selector: 'a=b' } });
  const { json } = await client.patch(`${WIDGETS}/a/scale`, { spec: { replicas: 5 } });
  assert.deepEqual(
    [json.kind, json.spec, json.status],
    ['Scale', { replicas: 5 }, { replicas: 1, selector: 'a=b' }],
  );
  assert.equal((await client.get(`${WIDGETS}/a`)).json.spec.count, 5);
});

test('columns show what stands at their paths', async () => {
  const additionalPrinterColumns = [
    { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
    { name: 'First', type: 'string', jsonPath: '.spec.parts[0].name', priority: 1 },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Since', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    { name: 'Wrong', type: 'integer', jsonPath: '.spec.color' },
  ];
  await define({ spec: SIZED, version: { additionalPrinterColumns } });
  const conditions = [{ type: 'Ready', status: 'True' }];
  await make({ size: 4, parts: [{ name: 'p' }] }, '', { status: { conditions } });
  const { json } = await client.get(WIDGETS, TABLE);
  assert.deepEqual(
    json.columnDefinitions.map((it: Loose) => [it.name, it.type, it.priority]),
    [
      ['Name', 'string', 0],
      ['Size', 'integer', 0],
      ['First', 'string', 1],
      ['Ready', 'string', 0],
      ['Since', 'date', 0],
      ['Wrong', 'integer', 0],
    ],
  );
  const [name, size, first, ready, since, wrong] = json.rows[0].cells;
  assert.deepEqual([name, size, first, ready, wrong], ['a', 4, 'p', 'True', null]);
  assert.match(since, /^\d+s$/);
});

test('selectable fields select', async () => {
  await define({ spec: SIZED, version: { selectableFields: [{ jsonPath: '.spec.color' }] } });
  await make({ size: 1 });
  const chosen = async (query: string) =>
    (await client.get(`${WIDGETS}?fieldSelector=${query}`)).json.items?.length;
  assert.deepEqual(
    [await chosen('spec.color=red'), await chosen('spec.color=blue'), await chosen('spec.size=1')],
    [1, 0, undefined],
  );
});

test('a watch ends when its kind is served otherwise', async () => {
  await define({ spec: SIZED });
  await make({ size: 1 });
  const watch = client.watch(`${WIDGETS}?watch=true`);
  assert.equal((await watch.next())?.type, 'ADDED');
  const body = aDefinition();
  await client.patch(`${DEFINITIONS_URL}/widgets.example.com`, { spec: body.spec });
  assert.equal(await watch.next(), undefined);
});

test('a watch tells of what was written in the moment before its kind is served otherwise', async () => {
  await define({ spec: SIZED });
  const watch = client.watch(
    `${WIDGETS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
  );
  assert.equal((await watch.next())?.type, 'BOOKMARK');
  // Both are read at once, and written in one turn.
  const request = (method: string, path: string, type: string, body: object): string => {
    const text = JSON.stringify(body);
    return `${method} ${path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${ADMIN_TOKEN}\r\ncontent-type: ${type}\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
  };
  const socket = tls.connect({ host: '127.0.0.1', port: client.port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const made = request('POST', WIDGETS, 'application/json', {
    metadata: { name: 'last' },
    spec: { size: 1 },
  });
  const { spec } = aDefinition();
  const changed = request('PATCH', `${DEFINITIONS_URL}/widgets.example.com`, 'application/merge-patch+json', {
    spec,
  });
  socket.write(made + changed);
  const event = await watch.next();
  assert.deepEqual([event?.type, event?.object.metadata.name], ['ADDED', 'last']);
  assert.equal(await watch.next(), undefined);
  socket.destroy();
});

test('fields of custom objects have their managers, by what the schema says of lists and maps', async () => {
  const port = {
    type: 'object',
    required: ['port'],
    properties: {
      port: { type: 'integer' },
      protocol: { type: 'string', default: 'TCP' },
      name: { type: 'string' },
    },
  };
  await define({
    spec: {
      type: 'object',
      properties: {
        color: { type: 'string', default: 'red' },
        ports: {
          type: 'array',
          items: port,
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['port', 'protocol'],
        },
        tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
        plain: { type: 'array', items: { type: 'string' } },
        whole: { type: 'object', properties: { a: { type: 'string' } }, 'x-kubernetes-map-type': 'atomic' },
      },
    },
  });
  const apply = (by: string, spec: Loose): ReturnType<ApiClient['patch']> =>
    client.patch(
      `${WIDGETS}/a?fieldManager=${by}`,
      { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'a' }, spec },
      'application/apply-patch+yaml',
    );
  const made = await apply('ann', {
    ports: [{ port: 80, name: 'http' }],
    tags: ['x'],
    plain: ['1'],
    whole: { a: '1' },
  });
  assert.equal(made.code, 201, made.text);
  assert.equal(made.json.spec.color, 'red');
  assert.deepEqual(made.json.metadata.managedFields[0].fieldsV1, {
    'f:spec': {
      'f:plain': {},
      'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:name': {}, 'f:port': {} } },
      'f:tags': { 'v:"x"': {} },
      'f:whole': {},
    },
  });
  const joined = await apply('bob', { ports: [{ port: 81 }], tags: ['y'] });
  assert.equal(joined.code, 200, joined.text);
  assert.deepEqual(
    [joined.json.spec.ports.map((it: Loose) => it.port), joined.json.spec.tags],
    [
      [80, 81],
      ['x', 'y'],
    ],
  );
  const fought = await apply('bob', { plain: ['2'] });
  assert.match(fought.json.message, /conflict with "ann": \.spec\.plain$/);
  const left = await apply('ann', { color: 'blue' });
  assert.deepEqual(
    [left.json.spec.ports.map((it: Loose) => it.port), left.json.spec.tags, left.json.spec.plain],
    [[81], ['y'], undefined],
  );
});

/** What generators of definitions write: rules on lists and maps, defaults inside of defaults, alternatives by format, a status that nobody filled in. */
const GENERATED = {
  type: 'object',
  properties: {
    hosts: {
      type: 'array',
      items: { type: 'string' },
      'x-kubernetes-list-type': 'atomic',
      'x-kubernetes-validations': [{ message: 'no addresses', rule: 'self.all(h, !isIP(h))' }],
    },
    owners: {
      type: 'array',
      default: [{}],
      items: {
        type: 'object',
        properties: {
          kind: { type: 'string', default: 'Team' },
          namespace: { type: 'string' },
          name: { type: 'string', default: 'ops' },
        },
      },
      'x-kubernetes-validations': [
        {
          message: 'each owner once',
          rule: "self.all(a, self.exists_one(b, a.kind == b.kind && a.name == b.name && ((!has(a.__namespace__) || a.__namespace__ == '') && (!has(b.__namespace__) || b.__namespace__ == '') || (has(a.__namespace__) && has(b.__namespace__) && a.__namespace__ == b.__namespace__))))",
        },
      ],
    },
    place: {
      type: 'object',
      properties: { type: { type: 'string', default: 'Address' }, value: { type: 'string' } },
      oneOf: [
        {
          properties: {
            type: { enum: ['Address'] },
            value: { anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }] },
          },
        },
        { properties: { type: { not: { enum: ['Address'] } } } },
      ],
    },
    marks: {
      type: 'object',
      additionalProperties: { type: 'string' },
      'x-kubernetes-validations': [
        { message: 'short prefixes', rule: 'self.all(key, key.split("/")[0].size() < 5)' },
        { message: 'plain keys', rule: 'self.all(key, key.matches(r"""^([a-z.]+/)?[a-z]{0,61}$"""))' },
      ],
    },
    waits: {
      type: 'object',
      properties: {
        all: { type: 'string', pattern: '^([0-9]{1,5}(h|m|s|ms)){1,4}$' },
        one: { type: 'string' },
      },
      'x-kubernetes-validations': [
        {
          message: 'one is no longer than all',
          rule: "!(has(self.all) && has(self.one) && duration(self.all) != duration('0s') && duration(self.one) > duration(self.all))",
        },
      ],
    },
  },
};

const WAITING = [{ type: 'Accepted', status: 'Unknown' }];

const GENERATED_OBJECTS: readonly (readonly [spec: Loose, message: string | undefined])[] = [
  [{}, undefined],
  [{ hosts: ['a.b'] }, undefined],
  [{ hosts: ['a.b', '::1'] }, 'spec.hosts: Invalid value: "array": no addresses'],
  [{ owners: [{ name: 'a' }, { name: 'a', namespace: 'b' }] }, undefined],
  [{ owners: [{}, { kind: 'Team' }] }, 'spec.owners: Invalid value: "array": each owner once'],
  [{ place: { value: '10.0.0.1' } }, undefined],
  [{ place: { type: 'Name', value: 'x' } }, undefined],
  [{ place: { value: 'x' } }, '"spec.place" must validate one and only one schema (oneOf). Found none valid'],
  [{ marks: { 'a.b/c': '' } }, undefined],
  [{ marks: { 'a.b.c/d': '' } }, 'spec.marks: Invalid value: "object": short prefixes'],
  [{ marks: { a1: '' } }, 'spec.marks: Invalid value: "object": plain keys'],
  [{ waits: { all: '0s', one: '1m' } }, undefined],
  [{ waits: { all: '10s', one: '1m' } }, 'spec.waits: Invalid value: "object": one is no longer than all'],
];

test('definitions are taken as generators write them', async () => {
  const conditions = {
    type: 'array',
    items: { type: 'object', properties: { type: { type: 'string' }, status: { type: 'string' } } },
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['type'],
    default: WAITING,
  };
  const status = { type: 'object', properties: { conditions }, default: { conditions: WAITING } };
  const properties = {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { type: 'object' },
    spec: GENERATED,
    status,
  };
  const schema = { openAPIV3Schema: { type: 'object', required: ['metadata', 'spec'], properties } };
  const older = { name: 'v1beta1', served: true, storage: false, schema, subresources: {} };
  const version = { name: 'v1', served: true, storage: true, schema, subresources: { status: {} } };
  const made = await client.post(DEFINITIONS_URL, {
    ...aDefinition({ versions: [older, version] }),
    status: { acceptedNames: { kind: '', plural: '' }, conditions: null, storedVersions: null },
  });
  assert.equal(made.code, 201, made.text);
  for (const [spec, message] of GENERATED_OBJECTS) {
    const { code, json } = await make(spec, '?fieldValidation=Strict');
    assert.equal(code, message === undefined ? 201 : 422, JSON.stringify([spec, json]));
    if (message !== undefined) assert.ok(json.message.includes(message), json.message);
    else {
      assert.deepEqual(json.status, { conditions: WAITING });
      if (spec.owners === undefined) assert.deepEqual(json.spec.owners, [{ kind: 'Team', name: 'ops' }]);
    }
    await client.delete(`${WIDGETS}/a`);
  }
});
