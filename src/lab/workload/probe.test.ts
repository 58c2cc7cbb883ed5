// Probes against real servers on the loopback address, judged by what a kubelet would say of them.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { formatGoDuration } from './go-duration.ts';
import { runProbe } from './probe.ts';
import type { ProbeRequest } from './workload-spec.ts';

const HOST = '127.0.0.1';

type Kind = ProbeRequest['kind'];

function requestOf(kind: Kind, port: number, timeoutMs: number): ProbeRequest {
  const to = { host: HOST, port, timeoutMs };
  if (kind === 'tcp') return { kind, ...to };
  if (kind === 'grpc') return { kind, ...to, service: '' };
  return { kind, ...to, scheme: 'HTTP', path: '/healthz', headers: [] };
}

/** The message of a failed probe against a server that does this with each connection; none: nobody listens. */
async function failureOf(kind: Kind, serve?: (socket: net.Socket) => void): Promise<string> {
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket.on('error', () => undefined));
    serve?.(socket);
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  if (serve === undefined) server.close();
  const answer = await runProbe(requestOf(kind, port, serve === undefined ? 5000 : 300));
  for (const socket of open) socket.destroy();
  server.close();
  assert.equal(answer.isSuccess, false);
  return answer.message.replaceAll(`:${port}`, ':PORT');
}

const closes = (socket: net.Socket): void => void socket.once('data', () => socket.end());
const resets = (socket: net.Socket): void => void socket.once('data', () => socket.resetAndDestroy());
const rests = (socket: net.Socket): void => void socket.resume();

const GET = `Get "http://${HOST}:PORT/healthz": `;
const ROWS: readonly (readonly [string, Kind, ((socket: net.Socket) => void) | undefined, string])[] = [
  ['TCP, nobody listens', 'tcp', undefined, `dial tcp ${HOST}:PORT: connect: connection refused`],
  ['HTTP, nobody listens', 'http', undefined, `${GET}dial tcp ${HOST}:PORT: connect: connection refused`],
  ['HTTP, closed', 'http', closes, `${GET}EOF`],
  ['HTTP, reset', 'http', resets, `${GET}read tcp ${HOST}:PORT: read: connection reset by peer`],
  [
    'HTTP, no answer',
    'http',
    rests,
    `${GET}context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
  ],
  [
    'gRPC, nobody listens',
    'grpc',
    undefined,
    `timeout: failed to connect service "${HOST}:PORT" within 5s: context deadline exceeded`,
  ],
];

for (const [name, kind, serve, message] of ROWS) {
  test(`runProbe() says what a kubelet says: ${name}`, async () => {
    assert.equal(await failureOf(kind, serve), message);
  });
}

test('runProbe() says the status alone, not the body, and takes 200 to 399 for success', async () => {
  const server = http.createServer((request, response) => {
    response.writeHead(Number(request.headers['x-code'])).end('secret words');
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const answers = [];
  for (const code of [200, 399, 400, 500]) {
    const headers = [['X-Code', String(code)]] as const;
    answers.push(
      await runProbe({ kind: 'http', host: HOST, port, timeoutMs: 5000, scheme: 'HTTP', path: '', headers }),
    );
  }
  server.close();
  server.closeAllConnections();
  assert.deepEqual(answers, [
    { isSuccess: true, message: '' },
    { isSuccess: true, message: '' },
    { isSuccess: false, message: 'HTTP probe failed with statuscode: 400' },
    { isSuccess: false, message: 'HTTP probe failed with statuscode: 500' },
  ]);
});

test('formatGoDuration() writes as Go does', () => {
  assert.deepEqual([0, 250, 1000, 1500, 60_000, 90_000, 3_600_000].map(formatGoDuration), [
    '0s',
    '250ms',
    '1s',
    '1.5s',
    '1m0s',
    '1m30s',
    '1h0m0s',
  ]);
});
