// Metrics of control at a socket in the proxy's folder: HAProxy hands scrapes on to it.

import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';
import { FairleadError } from '../base/errors.ts';
import type { Lifetime } from '../base/lifetime.ts';

const REQUEST_TIMEOUT_MS = 5000;

/** Answers every request with all that the registry has. */
export async function serveMetrics(path: string, registry: Registry, lifetime: Lifetime): Promise<void> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (_, response) => {
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error: unknown) => response.writeHead(500).end(`${String(error)}\n`),
    );
  });
  // Of a control that was killed.
  rmSync(path, { force: true });
  lifetime.own('socket for metrics', await listening(server, path), close);
  chmodSync(path, 0o600);
}

function listening(server: Server, path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: Error): void =>
      reject(new FairleadError('unavailable', `Cannot listen on ${path}: ${cause.message}`, { cause }));
    server.once('error', refuse);
    server.listen({ path }, () => {
      server.off('error', refuse);
      resolve(server);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
