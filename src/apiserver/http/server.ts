// One TLS listener: connections, requests and upgrades, each admitted before it is answered and told to the audit log.

import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { FairleadError, messageOf } from '../../base/errors.ts';
import { admit, type Admission } from '../access/admit.ts';
import { ANONYMOUS } from '../access/authentication.ts';
import { isAudited, type AuditFacts } from '../audit/audit-event.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { ListenAddress } from '../config.ts';
import type { ApiContext } from '../context.ts';
import { apiRequestOf, failureReply, statusErrorOf, writeReply } from './http-door.ts';
import type { Reply } from './request.ts';
import { routeRequest } from './router.ts';
import { badRequest, unserved, type StatusError } from './status-error.ts';
import { proxyStream, STREAMS } from '../subresources/streams.ts';
import { withWarnings } from './warning-header.ts';

/** Files of the configuration, read. */
export interface ServerParts {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string;
  readonly audit: AuditLog | undefined;
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

/** A request from its arrival to its answer. */
interface Call {
  readonly incoming: IncomingMessage;
  readonly receivedMs: number;
  admission: Admission | undefined;
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
    response.once('close', () => {
      // Nobody hears of the end of an answer that was whole.
      if (!response.writableFinished) end();
    });
    try {
      const reply = await this.#answer(request, gone.signal);
      // What is whole goes now; streams end with the server.
      if (reply.kind === 'stream') {
        this.#signal.addEventListener('abort', end, { once: true });
        if (this.#signal.aborted) end();
      }
      await writeReply(response, reply, gone.signal);
    } catch (error) {
      if (gone.signal.aborted) return;
      this.#log.error({ error: messageOf(error), url: request.url }, 'cannot answer');
      response.destroy();
    } finally {
      this.#signal.removeEventListener('abort', end);
    }
  }

  async #answer(request: IncomingMessage, signal: AbortSignal): Promise<Reply> {
    const call = this.#callOf(request);
    const { store } = this.#context;
    const { refusals } = store;
    try {
      const admission = this.#admitted(call, signal);
      const reply = await routeRequest(this.#context, admission.request, admission.target);
      if (READS.includes(admission.request.method)) {
        store.settle();
        store.ensureKept(refusals);
      }
      // What is said to be done is done: also where the machine loses its power now.
      else await store.durable(refusals);
      this.#audit(call, { code: reply.kind === 'whole' ? reply.code : 200 });
      return withWarnings(reply, admission.warnings);
    } catch (error) {
      // A client that goes in the middle of its body is no defect, and nobody is left to answer.
      if (signal.aborted) throw error;
      store.settle();
      return withWarnings(failureReply(this.#failure(error, call)), call.admission?.warnings ?? []);
    }
  }

  async onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    const gone = new AbortController();
    socket.once('close', () => gone.abort(CLIENT_GONE));
    const call = this.#callOf(request);
    try {
      await this.#upgrade(call, { socket, head, signal: gone.signal });
    } catch (error) {
      const { code, status } = this.#failure(error, call);
      const body = JSON.stringify(status);
      socket.end(
        `HTTP/1.1 ${code} Refused\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
      );
    }
  }

  #upgrade(
    call: Call,
    { socket, head, signal }: { socket: Duplex; head: Buffer; signal: AbortSignal },
  ): Promise<void> {
    const { request, target, attributes } = this.#admitted(call, signal);
    const { name } = target ?? {};
    if (target === undefined || name === undefined) throw badRequest('this path cannot be upgraded');
    if (!STREAMS.includes(target.subresource ?? ''))
      throw unserved(target.subresource ?? 'an upgrade of this path');
    // A handshake comes by GET, and what comes behind it is no reading.
    if (attributes?.kind === 'resource' && attributes.verb !== 'create')
      this.#context.authorizer.require(request.user, { ...attributes, verb: 'create' });
    this.#audit(call, { code: 101, stage: 'ResponseStarted' });
    return proxyStream(this.#context, { request, socket, head }, { ...target, name });
  }

  #callOf(incoming: IncomingMessage): Call {
    return { incoming, receivedMs: this.#context.clock.nowMs(), admission: undefined };
  }

  #admitted(call: Call, signal: AbortSignal): Admission {
    const request = apiRequestOf(call.incoming, ANONYMOUS, signal);
    const admission: Admission = { request, warnings: [], annotations: new Map() };
    call.admission = admission;
    admit(this.#context, call.incoming, admission);
    return admission;
  }

  #failure(error: unknown, call: Call): StatusError {
    const failure = statusErrorOf(error, (defect) => this.#reportDefect(defect, call.incoming));
    this.#audit(call, { code: failure.code, failure });
    return failure;
  }

  #audit(
    { incoming, receivedMs, admission }: Call,
    answer: Pick<AuditFacts, 'code'> & Partial<Pick<AuditFacts, 'failure' | 'stage'>>,
  ): void {
    const { audit } = this.#parts;
    if (audit === undefined || admission === undefined || !isAudited(admission, answer.code)) return;
    audit.record({
      id: this.#context.random.uuid(),
      admission,
      url: incoming.url ?? '/',
      sourceIp: incoming.socket.remoteAddress,
      receivedMs,
      answeredMs: this.#context.clock.nowMs(),
      stage: 'ResponseComplete',
      failure: undefined,
      ...answer,
    });
  }

  #reportDefect(error: unknown, request: IncomingMessage): void {
    const stack = error instanceof Error ? error.stack : undefined;
    this.#log.error({ error: messageOf(error), stack, method: request.method, url: request.url }, 'defect');
  }
}
