// Durability: the server is killed in the middle of writes, again and again; nothing that it acknowledged is lost,
// no revision is given twice, and what was not acknowledged is there whole or not at all.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import net from 'node:net';
import { once } from 'node:events';
import { ApiClient, ApiServerFiles, ApiServerProcess } from '../../../test/support/api-server.ts';

const ROUNDS = 5;
const WRITERS = 6;
const URL = '/api/v1/namespaces/default/configmaps';

const files = new ApiServerFiles();
let server: ApiServerProcess | undefined;

after(async () => {
  await server?.end('SIGKILL');
  files.remove();
});

async function freePort(): Promise<number> {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

interface Known {
  /** What the server acknowledged; undefined: deleted. */
  readonly value: string | undefined;
  readonly revision: number;
}

/** Writes until the connection breaks; `maybe` is the write whose answer never came. */
async function write(
  client: ApiClient,
  writer: number,
  known: Map<string, Known>,
): Promise<{ name: string; value: string | undefined } | undefined> {
  for (let i = 0; ; i++) {
    const name = `w${writer}-${i % 7}`;
    const before = known.get(name);
    const value = before?.value !== undefined && i % 5 === 4 ? undefined : `${writer}-${i}-${Date.now()}`;
    try {
      const answer =
        value === undefined
          ? await client.delete(`${URL}/${name}`)
          : before?.value === undefined
            ? await client.post(URL, { metadata: { name }, data: { value } })
            : await client.patch(`${URL}/${name}`, { data: { value } });
      assert.ok(answer.code < 300, answer.text);
      known.set(name, { value, revision: Number(answer.json.metadata.resourceVersion ?? 0) });
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      return { name, value };
    }
  }
}

/** The newest revision that a watch tells of, until the connection breaks. */
async function newestSeen(client: ApiClient, revision: number): Promise<number> {
  const watch = client.watch(`${URL}?watch=1&resourceVersion=${revision}`);
  let newest = revision;
  for (let event = await watch.next(); event !== undefined; event = await watch.next())
    newest = Number(event.object.metadata.resourceVersion);
  return newest;
}

test('kill -9 under load loses nothing acknowledged and nothing that was seen, and revisions go on', async () => {
  const process = new ApiServerProcess(files, await freePort());
  server = process;
  const known = new Map<string, Known>();
  let newest = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await process.start();
    const client = new ApiClient(process.port);
    const list = await client.get(URL);
    const revision = Number(list.json.metadata.resourceVersion);
    assert.ok(revision >= newest, `revision ${revision} is behind ${newest}`);
    newest = revision;
    const seen = newestSeen(client, revision);
    const writers = Array.from({ length: WRITERS }, (_, i) => write(client, i, known));
    await new Promise((resolve) => setTimeout(resolve, 300 + round * 70));
    await process.end('SIGKILL');
    const pending = await Promise.all(writers);
    client.close();
    await process.start();
    const reader = new ApiClient(process.port);
    await compare(reader, known, pending);
    newest = Math.max(newest, await seen);
    for (const { revision: acknowledged } of known.values()) newest = Math.max(newest, acknowledged);
    reader.close();
    await process.end('SIGTERM');
  }
  assert.ok(known.size > 0);
});

async function compare(
  client: ApiClient,
  known: Map<string, Known>,
  pending: readonly ({ name: string; value: string | undefined } | undefined)[],
): Promise<void> {
  const { items, metadata } = (await client.get(URL)).json;
  const stored = new Map<string, { value: string; revision: number }>();
  for (const item of items) {
    stored.set(item.metadata.name, {
      value: item.data.value,
      revision: Number(item.metadata.resourceVersion),
    });
  }
  const revisions = [...stored.values()].map(({ revision }) => revision);
  assert.equal(new Set(revisions).size, revisions.length, 'a revision was given twice');
  for (const [name, { value }] of known) {
    const open = pending.filter((it) => it?.name === name).map((it) => it?.value);
    const found = stored.get(name)?.value;
    assert.ok([value, ...open].includes(found), `${name} is ${found}, acknowledged was ${value}`);
    // The open write happened or it did not; from here on it is known which.
    known.set(name, {
      value: found,
      revision: stored.get(name)?.revision ?? Number(metadata.resourceVersion),
    });
  }
  for (const it of pending) {
    if (it !== undefined && !known.has(it.name))
      known.set(it.name, { value: stored.get(it.name)?.value, revision: 0 });
  }
}
