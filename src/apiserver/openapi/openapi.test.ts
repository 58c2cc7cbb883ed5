// Black box over HTTP: OpenAPI in both versions, from the tables, the published types and custom definitions.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer, type ApiClient, type Loose } from '../../../test/support/api-server.ts';
import { aDefinition, DEFINITIONS_URL } from '../../../test/support/custom-kinds.ts';
import { decodeMessage } from '../../wire/kubernetes-protobuf.ts';
import { parseTypes } from './descriptions.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
});
after(() => stop());

const V2 = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
const DEPLOYMENT = 'io.k8s.api.apps.v1.Deployment';

test('v3 says what fields are for, and takes every patch that is served', async () => {
  const index = await client.get('/openapi/v3');
  const { serverRelativeURL } = index.json.paths['apis/apps/v1'];
  const { json } = await client.get(serverRelativeURL.split('?')[0]);
  const { properties, description } = json.components.schemas[DEPLOYMENT];
  assert.match(description, /^Deployment enables declarative updates/);
  assert.match(properties.spec.description, /desired behavior/);
  const { patch } = json.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}'];
  assert.deepEqual(Object.keys(patch.requestBody.content), [
    'application/apply-patch+yaml',
    'application/json-patch+json',
    'application/merge-patch+json',
    'application/strategic-merge-patch+json',
  ]);
});

/** By name, what lists of named things say. */
function byName(list: Loose[]): Record<string, Loose> {
  return Object.fromEntries(list.map(({ name, value }) => [name, value]));
}

test('v2 says the same in JSON and in protobuf, custom kinds too', async () => {
  await client.post(DEFINITIONS_URL, aDefinition());
  const { json } = await client.get('/openapi/v2');
  const { bytes, headers } = await client.get('/openapi/v2', V2);
  assert.equal(headers['content-type'], V2.replace('@', '.'));
  const document: Loose = decodeMessage('openapi.Document', bytes);
  const definitions = byName(document.definitions.additionalProperties);
  assert.deepEqual(Object.keys(definitions), Object.keys(json.definitions));
  assert.ok(Object.keys(definitions).includes('com.example.v1.Widget'));
  const schema = definitions['io.k8s.api.core.v1.ContainerPort'];
  const port = byName(schema.properties.additionalProperties)['containerPort'];
  assert.deepEqual(port.type, { value: ['integer'] });
  assert.equal(
    port.description,
    json.definitions['io.k8s.api.core.v1.ContainerPort'].properties.containerPort.description,
  );
  const paths = byName(document.paths.path);
  const { patch } = paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}'];
  const parameters = patch.parameters.map(
    (it: Loose) => it.parameter.nonBodyParameter.queryParameterSubSchema.name,
  );
  assert.deepEqual(parameters, ['dryRun', 'fieldValidation']);
  await client.delete(`${DEFINITIONS_URL}/widgets.example.com`);
  const later = await client.get('/openapi/v2');
  assert.equal(later.json.definitions['com.example.v1.Widget'], undefined);
});

test('comments of declarations are descriptions', () => {
  const text = [
    '/**',
    ' * Of the whole.',
    ' * Two lines.',
    ' */',
    'export interface IThing extends TypeMeta {',
    '    /**',
    '     * A field.',
    '     */',
    '    "field"?: string;',
    '    "silent": {',
    '        /**',
    '         * Of another level.',
    '         */',
    '        "field": string;',
    '    };',
    '}',
  ].join('\n');
  assert.deepEqual(parseTypes(text, 'Thing'), {
    self: 'Of the whole.\nTwo lines.',
    fields: new Map([['field', 'A field.']]),
  });
  assert.equal(parseTypes(text, 'Other'), undefined);
});
