// Clients of client-go's kind against the server: copies that lists and watches keep must come to equal what is stored, whatever happens to
// connections, history and server; and writers that look before they write lose nothing.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { ADMIN_TOKEN, ApiClient, ApiServerFiles } from '../../../test/support/api-server.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { KubeClient } from '../../kube/kube-client.ts';
import { ListWatch } from '../../kube/list-watch.ts';
import { CONFIG_MAPS } from '../../kube/resource.ts';
import { Table } from '../../store/table.ts';
import { startApiServer, type ApiServer } from '../main.ts';

const URL_OF = '/api/v1/namespaces/default/configmaps';
const WRITERS = 4;
const WRITES = 60;
const COPIES = 3;
/** So few changes are kept that a copy which was away for long has to list anew. */
const WINDOW = 20;
const RESTARTS = 3;

/** Connections to wherever the server is now; some are cut in the middle. */
class Cutter {
  port = 0;
  readonly #sockets = new Set<net.Socket>();
  readonly #server = net.createServer((from) => {
    const to = net.connect(this.port, '127.0.0.1');
    for (const socket of [from, to]) {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#sockets.delete(socket));
    }
    from.on('close', () => to.destroy());
    to.on('close', () => from.destroy());
    from.pipe(to);
    to.pipe(from);
  });

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  cut(): void {
    const [one] = [...this.#sockets].sort(() => Math.random() - 0.5);
    one?.destroy();
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }
}

test('copies come to equal the server, and no write that looked first is lost', async () => {
  const files = new ApiServerFiles();
  const cutter = new Cutter();
  const cutPort = await cutter.listen();
  const start = (): Promise<ApiServer> => startApiServer(files.config(), { windowRevisions: WINDOW });
  let server = await start();
  cutter.port = server.addresses[0]?.port ?? 0;
  const stopped = new AbortController();
  const client = new KubeClient({
    server: new URL(`https://127.0.0.1:${cutPort}`),
    authorities: readFileSync(files.at('ca.crt'), 'utf8'),
    isInsecure: false,
    namespace: 'default',
    credentials: () => Promise.resolve({ authorization: `Bearer ${ADMIN_TOKEN}` }),
  });
  const copies = Array.from({ length: COPIES }, () => {
    const table = new Table<string>({ name: 'copy', isEqual: (a, b) => a === b }, () => undefined);
    const listWatch = new ListWatch({
      client,
      resource: CONFIG_MAPS,
      selection: { namespace: 'default' },
      convert: ({ metadata, data }) => `${metadata.resourceVersion} ${JSON.stringify(data)}`,
      sink: table,
      backoff: { firstMs: 5, maxMs: 40, factor: 2 },
      watchTimeoutSeconds: 1,
    });
    return { table, listWatch, run: listWatch.run(stopped.signal) };
  });
  const cuts = setInterval(() => cutter.cut(), 15);
  try {
    const counters = new Map<string, number>();
    for (let round = 0; round < RESTARTS; round++) {
      await Promise.all(Array.from({ length: WRITERS }, (_, i) => write(cutter.port, i, counters)));
      await server.close();
      server = await start();
      cutter.port = server.addresses[0]?.port ?? 0;
    }
    clearInterval(cuts);
    const reader = new ApiClient(cutter.port);
    const { items } = (await reader.get(URL_OF)).json;
    for (const [name, count] of counters) {
      const found = items.find((it: { metadata: { name: string } }) => it.metadata.name === name);
      assert.equal(found.data.count, String(count), `${name}: a write was lost`);
    }
    const expected = items.map((it: Stored) => [
      `default/${it.metadata.name}`,
      `${it.metadata.resourceVersion} ${JSON.stringify(it.data)}`,
    ]);
    for (const { table } of copies)
      await eventually(() => assert.deepEqual(new Map(table.entries()), new Map(expected)));
    assert.ok(
      copies.some(({ listWatch }) => listWatch.health().lists > 1),
      'nobody was ever too late: the window is too wide',
    );
    reader.close();
  } finally {
    clearInterval(cuts);
    stopped.abort();
    await Promise.all(copies.map(({ run }) => run));
    client.close();
    await server.close();
    await cutter.close();
    files.remove();
  }
});

interface Stored {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly data: { readonly count?: string };
}

/** Counts up what all writers count up, and makes and deletes objects of its own; every revision it is given is newer than the one before. */
async function write(port: number, writer: number, counters: Map<string, number>): Promise<void> {
  const client = new ApiClient(port);
  let newest = 0;
  for (let i = 0; i < WRITES; i++) {
    const name = `shared-${i % 3}`;
    const revision = await countUp(client, name);
    counters.set(name, (counters.get(name) ?? 0) + 1);
    assert.ok(revision > newest, `revision ${revision} after ${newest}`);
    newest = revision;
    const own = { metadata: { name: `own-${writer}-${i % 5}` } };
    if (i % 2 === 0) await client.post(URL_OF, own);
    else await client.delete(`${URL_OF}/own-${writer}-${(i - 1) % 5}`);
  }
  client.close();
}

/** Reads, adds one and writes back, until nobody came between. */
async function countUp(client: ApiClient, name: string): Promise<number> {
  for (;;) {
    const { code, json } = await client.get(`${URL_OF}/${name}`);
    const answer =
      code === 404
        ? await client.post(URL_OF, { metadata: { name }, data: { count: '1' } })
        : await client.put(`${URL_OF}/${name}`, {
            ...json,
            data: { count: String(Number(json.data.count) + 1) },
          });
    if (answer.code < 300) return Number(answer.json.metadata.resourceVersion);
    assert.equal(answer.code, 409, answer.text);
  }
}
