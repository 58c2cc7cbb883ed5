// The deletion of a collection: whole, and with others in between.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer, type ApiClient } from '../../../test/support/api-server.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const COUNT = 2_000;
const SIDE_BY_SIDE = 32;

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
});
after(() => stop());

async function left(): Promise<number> {
  const { json } = await client.get(`${MAPS}?limit=1`);
  return (json.items?.length ?? 0) + (json.metadata.remainingItemCount ?? 0);
}

test('a large collection goes by and by: others are answered meanwhile, and what went is told at the end', async () => {
  let next = 0;
  const make = async (): Promise<void> => {
    while (next < COUNT) {
      const { code } = await client.post(MAPS, { metadata: { name: `m-${next++}`, labels: { app: 'a' } } });
      assert.equal(code, 201);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, make));
  await client.post(MAPS, { metadata: { name: 'stays' } });

  let isOver = false;
  const deletion = client.delete(`${MAPS}?labelSelector=app%3Da`).finally(() => (isOver = true));
  const seen = new Set<number>();
  while (!isOver) seen.add(await left());
  const { code, json } = await deletion;
  assert.equal(code, 200);
  assert.deepEqual([json.kind, json.items.length], ['ConfigMapList', COUNT]);
  assert.ok(
    [...seen].some((it) => it > 1 && it <= COUNT),
    `only ${[...seen].join(', ')} were seen`,
  );
  assert.equal(await left(), 1);
});
