// Node's HTTP requests into ours and replies back: bodies bounded, failures as Status objects, streams ended with their clients.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../../base/errors.ts';
import { MAX_BODY_BYTES } from './body.ts';
import { JSON_TYPE, type ApiRequest, type Reply, type User, type WholeReply } from './request.ts';
import { ResponseSink } from './sink.ts';
import { StatusError, tooLarge } from './status-error.ts';

/** The request as handlers see it; throws 400 for a URL that cannot be read. */
export function apiRequestOf(request: IncomingMessage, user: User, signal: AbortSignal): ApiRequest {
  const text = request.url ?? '/';
  const question = text.indexOf('?');
  return {
    method: request.method ?? 'GET',
    path: question < 0 ? text : text.slice(0, question),
    query: new URLSearchParams(question < 0 ? '' : text.slice(question + 1)),
    headers: request.headers,
    user,
    readBody: () => readBody(request),
    signal,
  };
}

/** By events: an iterator over the chunks would cost several times as much as the one chunk that most bodies are. */
function readBody(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES)
    return Promise.reject(tooLarge(MAX_BODY_BYTES));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
      else {
        // The answer closes the connection; until then nothing more is taken.
        request.removeAllListeners('data');
        request.pause();
        reject(tooLarge(MAX_BODY_BYTES));
      }
    });
    request.once('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    request.once('error', reject);
  });
}

/** The Status of anything thrown; what is no StatusError is a defect and told to `onDefect`. */
export function statusErrorOf(error: unknown, onDefect: (error: unknown) => void): StatusError {
  if (error instanceof StatusError) return error;
  onDefect(error);
  return new StatusError(500, 'InternalError', `Internal error occurred: ${messageOf(error)}`);
}

/** The answer that carries a failure. */
export function failureReply(error: StatusError): WholeReply {
  const { retryAfterSeconds } = error.details ?? {};
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  return {
    kind: 'whole',
    code: error.code,
    contentType: JSON_TYPE,
    body: JSON.stringify(error.status),
    headers,
  };
}

/** Writes a reply; resolves when it is handed over, or its stream is over. */
export async function writeReply(response: ServerResponse, reply: Reply, signal: AbortSignal): Promise<void> {
  if (reply.kind === 'whole') return writeWhole(response, reply);
  response.writeHead(200, { 'content-type': reply.contentType, 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  const sink = new ResponseSink(response, signal);
  await reply.run(sink);
  sink.flush();
  if (!response.destroyed) response.end();
}

function writeWhole(response: ServerResponse, reply: WholeReply): void {
  const body = Buffer.isBuffer(reply.body) ? reply.body : Buffer.from(reply.body);
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  // A body that was refused unread would be taken for the next request.
  if (!response.req.complete) response.setHeader('connection', 'close');
  response.writeHead(reply.code, {
    'content-type': reply.contentType,
    'content-length': body.length,
    'cache-control': 'no-cache, private',
  });
  response.end(body);
}
