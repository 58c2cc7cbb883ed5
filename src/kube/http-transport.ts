// HTTP/1.1 requests to one API server over kept-alive connections. Knows paths and bytes, no kinds.

import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { FairleadError, hasCode, messageOf } from '../base/errors.ts';
import type { ClusterAccess } from './cluster-access.ts';

/** A page of 500 objects of 100 kB each; a longer answer is a defect or an attack. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  /** Of the body; JSON where undefined. */
  readonly contentType?: string | undefined;
  /** For errors: "create pods shop/web-1". */
  readonly action: string;
  readonly signal?: AbortSignal | undefined;
  /** Until the whole answer is in (until its head for `open`). */
  readonly timeoutMs: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** Watches hold their connections for minutes, so they have a pool of their own and never starve requests. */
export class HttpTransport {
  readonly #access: ClusterAccess;
  readonly #requests: http.Agent;
  readonly #watches: http.Agent;

  constructor(access: ClusterAccess, maxConnections: number) {
    this.#access = access;
    const { Agent } = access.server.protocol === 'https:' ? https : http;
    this.#requests = new Agent({ keepAlive: true, maxSockets: maxConnections, scheduling: 'lifo' });
    this.#watches = new Agent({ keepAlive: true });
  }

  get server(): URL {
    return this.#access.server;
  }

  /** Sends and reads the whole answer, whatever its status. Throws `unavailable`, `timeout` or `aborted`. */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    const deadline = new Deadline(request);
    try {
      const response = await this.#start(request, this.#requests, deadline.signal);
      const body = await readBody(response);
      return { status: response.statusCode ?? 0, body };
    } catch (error) {
      throw deadline.errorOf(error, this.server);
    } finally {
      deadline.end();
    }
  }

  /** The answer as a stream, for watches and logs; the caller destroys it, or aborts `request.signal`. */
  async open(request: HttpRequest): Promise<IncomingMessage> {
    const deadline = new Deadline(request);
    try {
      const response = await this.#start(request, this.#watches, deadline.signal);
      const destroy = (): void => void response.destroy();
      request.signal?.addEventListener('abort', destroy, { once: true });
      response.once('close', () => request.signal?.removeEventListener('abort', destroy));
      return response;
    } catch (error) {
      throw deadline.errorOf(error, this.server);
    } finally {
      deadline.end();
    }
  }

  close(): void {
    this.#requests.destroy();
    this.#watches.destroy();
  }

  async #start(request: HttpRequest, agent: http.Agent, signal: AbortSignal): Promise<IncomingMessage> {
    const { server, authorities, serverName, isInsecure } = this.#access;
    const credentials = await orAborted(this.#access.credentials(), signal);
    const payload = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const options: https.RequestOptions = {
      method: request.method,
      path: pathOf(server, request),
      agent,
      signal,
      headers: headersOf(request, credentials.authorization, payload),
      ca: authorities,
      cert: credentials.certificate,
      key: credentials.key,
      rejectUnauthorized: !isInsecure,
      ...(serverName === undefined ? {} : { servername: serverName }),
    };
    return exchange(server, options, payload);
  }
}

/** A plugin that never answers must not outlive the request's deadline. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const gate = Promise.withResolvers<never>();
  const abort = (): void => gate.reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, gate.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function exchange(
  server: URL,
  options: https.RequestOptions,
  payload: Buffer | undefined,
): Promise<IncomingMessage> {
  const { request } = server.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const outgoing = request(server, options, resolve);
    // Stays after the answer has begun, so that a later failure of the connection is the stream's, not the process's.
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}

function pathOf(server: URL, request: HttpRequest): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) search.set(name, value);
  }
  const query = search.toString();
  return `${server.pathname.replace(/\/$/, '')}${request.path}${query === '' ? '' : `?${query}`}`;
}

function headersOf(
  request: HttpRequest,
  authorization: string | undefined,
  payload: Buffer | undefined,
): http.OutgoingHttpHeaders {
  return {
    accept: 'application/json',
    'user-agent': 'fairlead',
    ...(authorization === undefined ? {} : { authorization }),
    ...(payload === undefined
      ? {}
      : { 'content-type': request.contentType ?? 'application/json', 'content-length': payload.length }),
  };
}

/** The answer's body as text, at most 64 MiB. */
export async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) {
      response.destroy();
      throw new FairleadError('exhausted', `Cannot read answer: longer than ${MAX_BODY_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Joins the caller's signal with a time limit, without leaving a listener on a signal that lives as long as the process. */
class Deadline {
  readonly #abort = new AbortController();
  readonly #request: HttpRequest;
  readonly #timer: NodeJS.Timeout;
  readonly #forward: () => void;
  #isLate = false;

  constructor(request: HttpRequest) {
    this.#request = request;
    this.#forward = () => this.#abort.abort(request.signal?.reason);
    if (request.signal?.aborted === true) this.#forward();
    request.signal?.addEventListener('abort', this.#forward, { once: true });
    this.#timer = setTimeout(() => {
      this.#isLate = true;
      this.#abort.abort();
    }, request.timeoutMs);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#request.signal?.removeEventListener('abort', this.#forward);
  }

  errorOf(error: unknown, server: URL): FairleadError {
    const { action, timeoutMs, signal } = this.#request;
    if (signal?.aborted === true)
      return new FairleadError('aborted', `Cannot ${action}: given up`, { cause: error });
    if (this.#isLate) {
      const message = `Cannot ${action}: no answer from ${server.origin} within ${timeoutMs} ms`;
      return new FairleadError('timeout', message, { cause: error });
    }
    if (hasCode(error, 'exhausted')) return error;
    return new FairleadError('unavailable', `Cannot ${action}: ${server.origin}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
