// /metrics, /healthz and /readyz on a port of their own. Knows what to print, not what it means.

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { messageOf } from '../base/errors.ts';
import type { Lifetime } from '../base/lifetime.ts';
import type { ServerAddress } from './udp-server.ts';

export interface HttpSources {
  readonly metrics: () => Promise<string>;
  /** Undefined when ready, else what is missing. */
  readonly whatIsMissing: () => string | undefined;
  /** What is wrong without keeping us from answering: said behind the "ok" of /readyz. */
  readonly warnings: () => readonly string[];
}

/** Serves until `lifetime` ends; rejects where the address cannot be bound. */
export async function openHttpServer(
  address: ServerAddress,
  sources: HttpSources,
  lifetime: Lifetime,
): Promise<void> {
  // An import of node:http evaluates every lazy export, WebSocket and fetch among them: ten megabytes for nothing.
  const { createServer } = process.getBuiltinModule('node:http');
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    answer(request, response, sources).catch((error: unknown) => {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(`${messageOf(error)}\n`);
    });
  });
  server.maxConnections = 64;
  await listen(server, address);
  lifetime.own('metrics listener', server, () => {
    const done = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    return done;
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  sources: HttpSources,
): Promise<void> {
  const text = (status: number, body: string): void => {
    response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(body);
  };
  const missing = sources.whatIsMissing();
  switch (request.url) {
    case '/metrics':
      return text(200, await sources.metrics());
    case '/healthz':
      return text(200, 'ok\n');
    case '/readyz':
      return missing === undefined
        ? text(200, ['ok', ...sources.warnings(), ''].join('\n'))
        : text(503, `${missing}\n`);
    default:
      return text(404, 'not found\n');
  }
}

function listen(server: Server, address: ServerAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address.port, address.ip, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}
