// One TCP listener per address: framed queries in, framed answers out, many at once per connection (RFC 7766). Bounded in every direction.

import { createServer, type Server, type Socket } from 'node:net';
import { familyOf } from '../base/ip.ts';
import { MessageFramer, frameMessage } from './message-framer.ts';
import type { Responder } from './responder.ts';
import type { ServerAddress, ServerOwner } from './udp-server.ts';

export interface TcpLimits {
  /** Per listener. A pod that needs more connections than this is not resolving names. */
  readonly connections: number;
  readonly connectionsPerClient: number;
  /** A connection with this many questions open is not read from until one is answered. */
  readonly openQueries: number;
  /** An idle client is let go after this (RFC 7766 6.2.3 asks for seconds), and one that has not brought a question whole within it. */
  readonly idleMs: number;
}

export const TCP_LIMITS: TcpLimits = {
  connections: 1024,
  connectionsPerClient: 64,
  openQueries: 64,
  idleMs: 10_000,
};

/** No honest query comes near it; answers may be as long as TCP can frame. */
const MAX_QUERY_BYTES = 4096;
const MAX_UNSENT_BYTES = 256 * 1024;

/** Listens and answers until `lifetime` ends; rejects with the bind's error. */
export async function openTcpServer(
  address: ServerAddress,
  responder: Pick<Responder, 'respond'>,
  { lifetime, onError, limits = TCP_LIMITS }: ServerOwner & { readonly limits?: TcpLimits },
): Promise<void> {
  const connections = new Map<Socket, string>();
  const server = createServer({ noDelay: true }, (socket) => {
    const client = socket.remoteAddress ?? '';
    const ofClient = [...connections.values()].filter((it) => it === client).length;
    if (connections.size >= limits.connections || ofClient >= limits.connectionsPerClient) {
      socket.destroy();
      return;
    }
    connections.set(socket, client);
    socket.on('close', () => connections.delete(socket));
    serveConnection(socket, responder, limits);
  });
  await listen(server, address);
  server.on('error', onError);
  lifetime.own(`TCP listener of ${address.ip}`, server, async () => {
    const done = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of connections.keys()) socket.destroy();
    await done;
  });
}

function serveConnection(socket: Socket, responder: Pick<Responder, 'respond'>, limits: TcpLimits): void {
  const framer = new MessageFramer(MAX_QUERY_BYTES);
  const client = { address: socket.remoteAddress ?? '', transport: 'tcp' } as const;
  let openQueries = 0;
  // A connection's end at any moment is the client's right.
  socket.on('error', () => socket.destroy());
  socket.setTimeout(limits.idleMs, () => socket.destroy());
  const closeUnlessWhole = deadline(limits.idleMs, socket);
  const resume = (): void => {
    if (openQueries < limits.openQueries && socket.writableLength < MAX_UNSENT_BYTES) socket.resume();
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
    closeUnlessWhole(framer.isWhole, queries.length > 0);
    for (const query of queries) void answer(query);
    if (openQueries >= limits.openQueries || socket.writableLength >= MAX_UNSENT_BYTES) socket.pause();
  });
}

/** Ends a connection whose message began `afterMs` ago and is not whole: octets that come one by one keep it from being idle. */
function deadline(afterMs: number, socket: Socket): (isWhole: boolean, isNew: boolean) => void {
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    clearTimeout(timer);
    timer = undefined;
  };
  socket.on('close', stop);
  return (isWhole, isNew) => {
    if (isWhole || isNew) stop();
    if (!isWhole) timer ??= setTimeout(() => socket.destroy(), afterMs);
  };
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
