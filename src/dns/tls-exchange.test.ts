// DNS over TLS against real servers of the loopback: who is believed, what one connection carries, and what happens when it ends.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { after, afterEach, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { makeAuthority } from '../../test/support/certificates.ts';
import { anUpstreamQuestion } from '../../test/support/dns-messages.ts';
import { questionOf, serveStream, upstreamAnswer } from '../../test/support/dns-upstream.ts';
import type { Exchange } from './exchange.ts';
import { tlsExchange } from './tls-exchange.ts';
import { parseUpstream } from './upstream.ts';
import { upstreamQuery } from './upstream-query.ts';

const folder = mkdtempSync(`${tmpdir()}/t-dns-tls-`);
const caFile = `${folder}/ca.crt`;
const AUTHORITY = makeAuthority('Test authority');
const CERTIFICATE = AUTHORITY.sign('dns.example');
writeFileSync(caFile, AUTHORITY.certificate);
after(() => rmSync(folder, { recursive: true }));

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  open.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A TCP server that listens has an address of this form.
  return (server.address() as AddressInfo).port;
}

/** A server of `dns.example`, what it does to each connection, and how many it has seen. */
async function aServer(serve: (socket: Socket, connection: number) => void = answering) {
  const seen = { connections: 0, names: new Set<unknown>() };
  const server = createTlsServer({ cert: CERTIFICATE.certificate, key: CERTIFICATE.key }, (socket) => {
    seen.names.add(socket.servername);
    serve(socket, ++seen.connections);
  });
  server.on('tlsClientError', () => undefined);
  return { port: await listen(server), seen };
}

function answering(socket: Socket): void {
  serveStream(socket, (bytes) => upstreamAnswer(bytes, '192.0.2.1'));
}

interface AskOptions {
  readonly serverName?: string | undefined;
  readonly caFile?: string | undefined;
  readonly timeoutMs?: number;
}

function anExchange(port: number, options: AskOptions = {}) {
  const end = new AbortController();
  open.push(() => end.abort());
  const exchange: Exchange = tlsExchange(end.signal);
  const tls = { serverName: 'dns.example', caFile, ...options };
  const upstream = parseUpstream(`tls://127.0.0.1:${port}`, tls);
  const { signal } = end;
  /** The address that came, or what came instead. */
  return async (name: string, timeoutMs = options.timeoutMs ?? 3000): Promise<string> => {
    const query = upstreamQuery(anUpstreamQuestion(name), { id: 77, udpPayloadBytes: 1232 });
    const result = await exchange(upstream, query, { transport: 'tcp', timeoutMs, signal });
    if (result.kind === 'unreachable') return result.because;
    const data = result.kind === 'reply' ? result.message.answers[0]?.data : undefined;
    return data?.kind === 'a' ? data.ip : result.kind;
  };
}

test('one connection carries many questions, answered in any order', async () => {
  const held: Buffer[] = [];
  const { port, seen } = await aServer((socket) =>
    serveStream(socket, (bytes) => {
      // The first question is answered behind the second one.
      if (held.length === 0) return void held.push(bytes);
      socket.write(framed(upstreamAnswer(bytes, '192.0.2.2')));
      return held[0] === undefined ? undefined : upstreamAnswer(held[0], '192.0.2.1');
    }),
  );
  const ask = anExchange(port);
  assert.deepEqual(await Promise.all([ask('a.example'), ask('b.example')]), ['192.0.2.1', '192.0.2.2']);
  assert.deepEqual([seen.connections, [...seen.names]], [1, ['dns.example']]);
});

function framed(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from([message.length >> 8, message.length & 0xff]), message]);
}

test('an answer to another question is passed over', async () => {
  const { port } = await aServer((socket) =>
    serveStream(socket, (bytes) => {
      const other = upstreamAnswer(bytes, '192.0.2.66');
      other.writeUInt16BE(other.readUInt16BE(0) ^ 1, 0);
      socket.write(framed(other));
      return upstreamAnswer(bytes, '192.0.2.1');
    }),
  );
  assert.equal(await anExchange(port)('a.example'), '192.0.2.1');
});

test('only who has the name from an authority is asked, and the reason names what is wrong', async () => {
  let asked = 0;
  const { port } = await aServer((socket) => serveStream(socket, () => void asked++));
  const rows: readonly (readonly [AskOptions, RegExp])[] = [
    [
      { serverName: 'other.example' },
      /its certificate is for another name: .*other\.example.*DNS:dns\.example/,
    ],
    [{ serverName: undefined }, /its certificate is for another name: .*127\.0\.0\.1/],
    [{ caFile: undefined }, /signed by no authority that is trusted here/],
    [{ caFile: `${folder}/none` }, /ENOENT.*none/],
  ];
  for (const [options, expected] of rows)
    assert.match(await anExchange(port, options)('a.example'), expected);
  assert.equal(asked, 0);
});

test('a server without TLS and a closed port are named', async () => {
  const plain = await listen(createTcpServer((socket) => void socket.end('no TLS here, for sure\n')));
  assert.equal(await anExchange(plain)('a.example'), 'it speaks no TLS at this port');
  const gone = createTcpServer();
  const port = await listen(gone);
  gone.close();
  assert.match(await anExchange(port)('a.example'), /ECONNREFUSED/);
});

test('a server that ends its idle connections is asked anew, also when the question met the end', async () => {
  let questions = 0;
  const { port, seen } = await aServer((socket) =>
    serveStream(socket, (bytes) => {
      questions++;
      if (questions !== 2) return upstreamAnswer(bytes, '192.0.2.1');
      socket.destroy();
      return undefined;
    }),
  );
  const ask = anExchange(port);
  assert.equal(await ask('a.example'), '192.0.2.1');
  assert.equal(await ask('b.example'), '192.0.2.1', 'its connection ended before the answer');
  assert.deepEqual([seen.connections, questions], [2, 3]);
});

test('a server that ends every connection is given up', async () => {
  const { port, seen } = await aServer((socket) => socket.end());
  assert.match(await anExchange(port)('a.example'), /closed/);
  assert.equal(seen.connections, 1);
});

test('a connection that went silent is replaced, one that answers others is kept', async () => {
  const { port, seen } = await aServer((socket, connection) =>
    serveStream(socket, (bytes) => {
      const isLost = connection === 1 || questionOf(bytes) === 'slow.example';
      return isLost ? undefined : upstreamAnswer(bytes, '192.0.2.1');
    }),
  );
  const ask = anExchange(port);
  assert.equal(await ask('a.example', 200), 'timeout');
  assert.equal(await ask('a.example'), '192.0.2.1');
  assert.equal(seen.connections, 2);
  const slow = ask('slow.example', 500);
  assert.equal(await ask('b.example'), '192.0.2.1');
  assert.equal(await slow, 'timeout');
  await ask('c.example');
  assert.equal(seen.connections, 2);
});
