// Small HTTP servers of a process' own: for whoever runs it, not for the world.

import { createServer, type RequestListener, type Server } from 'node:http';
import type { ListenOptions } from 'node:net';
import { FairleadError } from '../base/errors.ts';

export interface HttpServerOptions {
  /** For a whole request, in milliseconds. */
  readonly requestTimeout: number;
  /** More connections are refused. */
  readonly maxConnections: number;
}

/** Throws `unavailable` naming the place where it cannot be listened. */
export function listenHttp(
  listener: RequestListener,
  where: ListenOptions,
  { requestTimeout, maxConnections }: HttpServerOptions,
): Promise<Server> {
  const server = createServer({ requestTimeout }, listener);
  server.maxConnections = maxConnections;
  return new Promise((resolve, reject) => {
    const refuse = (cause: Error): void => {
      const place = where.path ?? `${where.host ?? ''}:${where.port ?? 0}`;
      reject(new FairleadError('unavailable', `Cannot listen on ${place}: ${cause.message}`, { cause }));
    };
    server.once('error', refuse);
    server.listen(where, () => {
      server.off('error', refuse);
      resolve(server);
    });
  });
}

export function closeHttp(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
