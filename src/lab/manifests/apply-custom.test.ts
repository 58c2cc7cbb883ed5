// Definitions and their objects of one set, applied to the embedded API server.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { ADMIN_TOKEN, startTestServer } from '../../../test/support/api-server.ts';
import { aDefinition } from '../../../test/support/custom-kinds.ts';
import { KubeClient } from '../../kube/kube-client.ts';
import { DEFINITIONS } from '../../kube/resource.ts';
import { applyManifests } from './apply.ts';
import { readManifests } from './read-manifests.ts';
import { resolveManifests } from './resolve.ts';

let client: KubeClient;
let stop: () => Promise<void>;

before(async () => {
  const started = await startTestServer();
  client = new KubeClient({
    server: new URL(`https://127.0.0.1:${started.server.addresses[0]?.port ?? 0}`),
    authorities: readFileSync(started.files.at('ca.crt'), 'utf8'),
    isInsecure: false,
    namespace: 'default',
    credentials: () => Promise.resolve({ authorization: `Bearer ${ADMIN_TOKEN}` }),
  });
  stop = async () => {
    client.close();
    await started.stop();
  };
});
after(() => stop());

/** What becomes of the objects, in the order of their application. */
async function apply(...objects: readonly object[]): Promise<readonly string[]> {
  const text = objects.map((it) => JSON.stringify(it)).join('\n---\n');
  const { items } = await client.list(DEFINITIONS, {}, { signal: AbortSignal.timeout(20_000) });
  const { resolved, complaints } = resolveManifests(readManifests('a.yaml', text).manifests, items);
  assert.deepEqual(complaints, []);
  const options = { client, signal: AbortSignal.timeout(20_000), onDetail: () => undefined };
  const applied = await applyManifests(resolved, options);
  return applied.map(({ kind, name, outcome }) => `${kind} ${name} ${outcome}`);
}

function aWidget(size: number): object {
  return { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'a' }, spec: { size } };
}

const SIZED = { type: 'object', properties: { size: { type: 'integer' } } };

test('objects stand before their definition in a set and are applied after it', async () => {
  const definition = 'CustomResourceDefinition widgets.example.com';
  assert.deepEqual(await apply(aWidget(1), aDefinition({ spec: SIZED })), [
    `${definition} created`,
    'Widget a created',
  ]);
  assert.deepEqual(await apply(aWidget(2), aDefinition({ spec: SIZED })), [
    `${definition} unchanged`,
    'Widget a configured',
  ]);
});

test('an object whose definition the cluster has is applied alone', async () => {
  await apply(aDefinition({ spec: SIZED }));
  assert.deepEqual(await apply(aWidget(3)), ['Widget a configured']);
});

test('an object that a changed definition allows is applied with it', async () => {
  const spec = {
    type: 'object',
    properties: { size: { type: 'integer', maximum: 1 }, color: { type: 'string' } },
  };
  await apply(aDefinition({ spec }));
  spec.properties.size.maximum = 9;
  const [, widget] = await apply(aWidget(7), aDefinition({ spec }));
  assert.equal(widget, 'Widget a configured');
});

test('a definition whose names are taken is refused by its field', async () => {
  const second = aDefinition({ plural: 'gadgets', kind: 'Widget' });
  await assert.rejects(
    apply(second),
    /CustomResourceDefinition gadgets.example.com: spec.names: "widget" is already in use/,
  );
});
