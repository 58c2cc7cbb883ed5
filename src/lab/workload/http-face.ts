// One HTTP server for all workloads of a node: sockets of any pod are handed in with the handler that answers them.
// Bounds what a client may send; knows no program.

import http from 'node:http';
import type net from 'node:net';

export type HttpHandler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

const MAX_BODY_BYTES = 1024 * 1024;

/** Serves HTTP on sockets that come from elsewhere; never listens itself, so it needs no timer per pod. */
export class HttpFace {
  readonly #handlers = new WeakMap<net.Socket, HttpHandler>();
  readonly #server: http.Server;

  constructor() {
    this.#server = http.createServer({ maxHeaderSize: 16_384 }, (request, response) => {
      const handler = this.#handlers.get(request.socket);
      if (handler === undefined) request.socket.destroy();
      else handler(request, response);
    });
    this.#server.on('clientError', (_error, socket) => socket.destroy());
  }

  /** Takes over the socket; bytes already read must have been given back by `unshift`. */
  serve(socket: net.Socket, handler: HttpHandler): void {
    this.#handlers.set(socket, handler);
    this.#server.emit('connection', socket);
  }
}

/** The request's URL with its query; hostile paths give "/" rather than an error. */
export function urlOf(request: http.IncomingMessage): URL {
  return URL.parse(request.url ?? '/', 'http://pod') ?? new URL('http://pod/');
}

/** The body as text, undefined where it is longer than 1 MiB. */
export async function bodyOf(request: http.IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    // Without an encoding a request yields buffers.
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

export function sendText(response: http.ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

export function sendJson(response: http.ServerResponse, status: number, value: unknown): void {
  const text = `${JSON.stringify(value, undefined, 2)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
