// The deletion of a collection: whole, and with others in between.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ruleOn, withPolicy } from '../../../test/support/admission.ts';
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

async function makeMany(): Promise<void> {
  let next = 0;
  const make = async (): Promise<void> => {
    while (next < COUNT) {
      const { code } = await client.post(MAPS, { metadata: { name: `m-${next++}`, labels: { app: 'a' } } });
      assert.equal(code, 201);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, make));
}

test('a large collection goes by and by: others are answered meanwhile, and what went is told at the end', async () => {
  await makeMany();
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

test('what is protected while the others go stays, and the deletion says so', async () => {
  await makeMany();
  const matchConstraints = ruleOn({ operations: ['DELETE'] });
  const validations = [{ expression: '!("keep" in oldObject.metadata.labels)', message: 'it is to be kept' }];
  await withPolicy(client, { matchConstraints, validations }, async () => {
    let isOver = false;
    const deletion = client.delete(`${MAPS}?labelSelector=app%3Da`).finally(() => (isOver = true));
    // The last one in the order of names; whoever is told that it is protected can count on it.
    const last = `${MAPS}/m-999`;
    while (!isOver && (await left()) > COUNT);
    const marked = await client.patch(last, { metadata: { labels: { keep: 'yes' } } });
    const { code, json } = await deletion;
    if (marked.code !== 200) return assert.equal(code, 200);
    assert.equal(code, 422);
    assert.match(json.message, /denied request: it is to be kept$/);
    return assert.equal((await client.get(last)).code, 200);
  });
});
