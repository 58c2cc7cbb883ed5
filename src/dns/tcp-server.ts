// One TCP listener per address: framed queries in, framed answers out, many at once per connection (RFC 7766). Bounded in every direction.

import { createServer, type Server, type Socket } from 'node:net';
import { familyOf } from '../base/ip.ts';
import type { Lifetime } from '../base/lifetime.ts';
import { MessageFramer, frameMessage } from './message-framer.ts';
import type { Responder } from './responder.ts';
import type { ServerAddress } from './udp-server.ts';

/** Per listener. A pod that needs more connections than this is not resolving names. */
const MAX_CONNECTIONS = 1024;
const MAX_CONNECTIONS_PER_CLIENT = 64;
/** A connection with this many questions open is not read from until one is answered. */
const MAX_OPEN_QUERIES = 64;
/** An idle client is let go after this (RFC 7766 6.2.3 asks for seconds). */
const IDLE_TIMEOUT_MS = 10_000;
/** No honest query comes near it; answers may be as long as TCP can frame. */
const MAX_QUERY_BYTES = 4096;
const MAX_UNSENT_BYTES = 256 * 1024;

/** Listens and answers until `lifetime` ends; rejects with the bind's error. */
export async function openTcpServer(
  address: ServerAddress,
  responder: Responder,
  lifetime: Lifetime,
  onError: (error: unknown) => void,
): Promise<void> {
  const connections = new Map<Socket, string>();
  const server = createServer({ noDelay: true }, (socket) => {
    const client = socket.remoteAddress ?? '';
    const ofClient = [...connections.values()].filter((it) => it === client).length;
    if (connections.size >= MAX_CONNECTIONS || ofClient >= MAX_CONNECTIONS_PER_CLIENT) {
      socket.destroy();
      return;
    }
    connections.set(socket, client);
    socket.on('close', () => connections.delete(socket));
    serveConnection(socket, responder);
  });
  await listen(server, address);
  server.on('error', onError);
  lifetime.own(`TCP listener of ${address.ip}`, server, async () => {
    const done = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of connections.keys()) socket.destroy();
    await done;
  });
}

function serveConnection(socket: Socket, responder: Responder): void {
  const framer = new MessageFramer(MAX_QUERY_BYTES);
  const client = { address: socket.remoteAddress ?? '', transport: 'tcp' } as const;
  let openQueries = 0;
  // A connection's end at any moment is the client's right.
  socket.on('error', () => socket.destroy());
  socket.setTimeout(IDLE_TIMEOUT_MS, () => socket.destroy());
  const resume = (): void => {
    if (openQueries < MAX_OPEN_QUERIES && socket.writableLength < MAX_UNSENT_BYTES) socket.resume();
  };
  socket.on('drain', resume);
  const answer = async (query: Buffer): Promise<void> => {
    openQueries++;
    const out = await responder.respond(query, client);
    openQueries--;
    if (socket.destroyed) return;
    if (out !== undefined) socket.write(frameMessage(out));
    resume();
  };
  socket.on('data', (chunk: Buffer) => {
    const queries = framer.push(chunk);
    if (queries === undefined) {
      socket.destroy();
      return;
    }
    for (const query of queries) void answer(query);
    if (openQueries >= MAX_OPEN_QUERIES || socket.writableLength >= MAX_UNSENT_BYTES) socket.pause();
  });
}

function listen(server: Server, address: ServerAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const options = { host: address.ip, port: address.port, ipv6Only: familyOf(address.ip) === 6 };
    server.listen(options, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}
