// Metrics of control at a socket in the proxy's folder: HAProxy hands scrapes on to it.

import { chmodSync, rmSync } from 'node:fs';
import type { Registry } from 'prom-client';
import type { Lifetime } from '../base/lifetime.ts';
import { closeHttp, listenHttp } from '../sys/http-server.ts';

const BOUNDS = { requestTimeout: 5000, maxConnections: 64 };

/** Answers every request with all that the registry has. */
export async function serveMetrics(path: string, registry: Registry, lifetime: Lifetime): Promise<void> {
  // Of a control that was killed.
  rmSync(path, { force: true });
  const server = await listenHttp(
    (_, response) => {
      registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
        (error: unknown) => response.writeHead(500).end(`${String(error)}\n`),
      );
    },
    { path },
    BOUNDS,
  );
  lifetime.own('socket for metrics', server, closeHttp);
  chmodSync(path, 0o600);
}
