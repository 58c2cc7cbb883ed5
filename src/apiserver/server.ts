// One TLS listener: connections, authentication, requests and upgrades.

import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { FairleadError, messageOf } from '../base/errors.ts';
import { authenticate } from './authentication.ts';
import type { ListenAddress } from './config.ts';
import type { ApiContext } from './context.ts';
import { ANONYMOUS, apiRequestOf, failureReply, statusErrorOf, writeReply } from './http-door.ts';
import type { Reply, User } from './request.ts';
import { openReply, routeRequest } from './router.ts';
import type { ServiceAccountTokens } from './service-account-tokens.ts';
import { badRequest, unauthorized, unserved } from './status-error.ts';
import { proxyExec } from './subresources/exec.ts';
import { targetOf } from './target.ts';

/** Files of the configuration, read. */
export interface ServerParts {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string;
  readonly tokens: ReadonlyMap<string, User>;
  readonly serviceAccounts: ServiceAccountTokens;
}

export interface ListenOptions {
  readonly address: ListenAddress;
  readonly log: Logger;
  /** Aborted when the server stops. */
  readonly signal: AbortSignal;
}

export interface Listener {
  readonly address: ListenAddress;
  close(): Promise<void>;
}

/** One reason for all: abort() without one makes an exception with a stack, for every request. */
const CLIENT_GONE = new FairleadError('aborted', 'the connection ended');

const READS: readonly string[] = ['GET', 'HEAD'];

/** Listens on one address; throws `unavailable` where it is taken or missing. */
export async function listen(
  context: ApiContext,
  parts: ServerParts,
  options: ListenOptions,
): Promise<Listener> {
  const door = new Door(context, parts, options);
  const server = https.createServer(
    {
      cert: parts.cert,
      key: parts.key,
      ca: parts.clientCa,
      requestCert: true,
      // Who has no certificate may have a token: the request decides, not the handshake.
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      keepAliveTimeout: 120_000,
      maxHeaderSize: 256 * 1024,
    },
    (request, response) => void door.onRequest(request, response),
  );
  server.on('upgrade', (request, socket, head) => void door.onUpgrade(request, socket, head));
  const { host, port } = options.address;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new FairleadError('unavailable', `Cannot listen on ${host} port ${port}: ${messageOf(cause)}`, {
          cause,
        }),
      ),
    );
    server.listen(port, host, resolve);
  });
  server.on('error', (error) => options.log.error({ error: messageOf(error) }, 'listener failed'));
  const bound = server.address();
  return {
    address: { host, port: typeof bound === 'object' && bound !== null ? bound.port : port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

class Door {
  readonly #context: ApiContext;
  readonly #parts: ServerParts;
  readonly #log: Logger;
  readonly #signal: AbortSignal;

  constructor(context: ApiContext, parts: ServerParts, { log, signal }: ListenOptions) {
    this.#context = context;
    this.#parts = parts;
    this.#log = log;
    this.#signal = signal;
  }

  async onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    const end = (): void => gone.abort(CLIENT_GONE);
    response.once('close', end);
    this.#signal.addEventListener('abort', end, { once: true });
    try {
      await writeReply(response, await this.#answer(request, gone.signal), gone.signal);
    } catch (error) {
      if (gone.signal.aborted) return;
      this.#log.error({ error: messageOf(error), url: request.url }, 'cannot answer');
      response.destroy();
    } finally {
      this.#signal.removeEventListener('abort', end);
    }
  }

  async #answer(request: IncomingMessage, signal: AbortSignal): Promise<Reply> {
    try {
      const anonymous = apiRequestOf(request, ANONYMOUS, signal);
      const open = openReply(anonymous);
      if (open !== undefined) return open;
      const reply = await routeRequest(this.#context, { ...anonymous, user: this.#userOf(request) });
      // What is said to be done is done: also where the machine loses its power now.
      if (!READS.includes(anonymous.method)) await this.#context.store.durable();
      return reply;
    } catch (error) {
      // A client that goes in the middle of its body is no defect, and nobody is left to answer.
      if (signal.aborted) throw error;
      return failureReply(statusErrorOf(error, (defect) => this.#reportDefect(defect, request)));
    }
  }

  async onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    const gone = new AbortController();
    socket.once('close', () => gone.abort(CLIENT_GONE));
    try {
      await this.#upgrade(request, { socket, head, signal: gone.signal });
    } catch (error) {
      const { code, status } = statusErrorOf(error, (defect) => this.#reportDefect(defect, request));
      const body = JSON.stringify(status);
      socket.end(
        `HTTP/1.1 ${code} Refused\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
      );
    }
  }

  #upgrade(
    request: IncomingMessage,
    { socket, head, signal }: { socket: Duplex; head: Buffer; signal: AbortSignal },
  ): Promise<void> {
    const apiRequest = apiRequestOf(request, this.#userOf(request), signal);
    const target = targetOf(apiRequest.path, this.#context.kinds);
    const { name } = target ?? {};
    if (target === undefined || name === undefined) throw badRequest('this path cannot be upgraded');
    if (target.subresource !== 'exec') throw unserved(target.subresource ?? 'an upgrade of this path');
    const upgrade = { request: apiRequest, socket, head };
    return proxyExec(this.#context, upgrade, { ...target, name });
  }

  #userOf(request: IncomingMessage): User {
    const { tokens, serviceAccounts } = this.#parts;
    const nowMs = (): number => this.#context.clock.nowMs();
    const user = authenticate(request, { tokens, serviceAccounts, nowMs });
    if (user === undefined) throw unauthorized();
    return user;
  }

  #reportDefect(error: unknown, request: IncomingMessage): void {
    const stack = error instanceof Error ? error.stack : undefined;
    this.#log.error({ error: messageOf(error), stack, method: request.method, url: request.url }, 'defect');
  }
}
