// A small web server over files of mounted volumes: nginx and its like, and agnhost test-webserver. Without an index page it
// answers with the pod's name.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import { numberFlag, parseFlags } from '../flags.ts';
import { sendText, urlOf, type HttpHandler } from '../http-face.ts';
import { hostPathOf } from '../host-path-of.ts';
import { formatPeer } from '../pod-net.ts';
import type { ProgramContext } from '../program.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain',
  '.xml': 'text/xml',
};

export interface FileServerOptions {
  /** Folder inside the container. */
  readonly root: string;
  readonly ports: readonly number[];
}

/** Serves GET and HEAD on the ports. */
export async function fileServer(context: ProgramContext, options: FileServerOptions): Promise<void> {
  const handler: HttpHandler = (request, response) => {
    request.resume();
    void answer(context, options.root, request, response).catch(() =>
      sendText(response, 500, 'cannot read file\n'),
    );
  };
  for (const port of options.ports) {
    await context.net.listenTcp(port, (socket) => context.http.serve(socket, handler));
    context.log(`serving ${options.root} on port ${port}`);
  }
}

/** agnhost test-webserver: any file of the container, `--port` (80). */
export function testWebserver(context: ProgramContext, args: readonly string[]): Promise<void> {
  return fileServer(context, { root: '/', ports: [numberFlag(parseFlags(args), 'port', 80)] });
}

async function answer(
  context: ProgramContext,
  root: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = 'GET' } = request;
  const wanted = decodedPath(request);
  const file = wanted === undefined ? undefined : await findFile(context, path.posix.join(root, wanted));
  const isAllowed = method === 'GET' || method === 'HEAD';
  const isRoot = wanted === '/' || wanted === '/index.html';
  const status = !isAllowed ? 405 : file !== undefined || isRoot ? 200 : 404;
  const client = formatPeer(request.socket.remoteAddress, request.socket.remotePort);
  context.log(`${client} "${method} ${request.url ?? ''}" ${status}`);
  if (status !== 200)
    return sendText(response, status, `${status} ${status === 404 ? 'Not Found' : 'Method Not Allowed'}\n`);
  if (file === undefined) return welcome(context, response);
  response.writeHead(200, {
    'content-type': TYPES[path.extname(file.path)] ?? 'application/octet-stream',
    'content-length': file.size,
  });
  if (method === 'HEAD') response.end();
  else
    createReadStream(file.path, { end: Math.max(0, file.size - 1) })
      .on('error', () => response.destroy())
      .pipe(response);
}

function welcome(context: ProgramContext, response: ServerResponse): void {
  const { pod, namespace, node, image } = context.spec.facts;
  const body = `<!doctype html>\n<title>${pod}</title>\n<h1>${pod}</h1>\n<p>Pod ${pod} in namespace ${namespace} on node ${node}: stand-in for ${escapeHtml(image)}.</p>\n`;
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

/** Undefined for paths that are no proper encoding. */
function decodedPath(request: IncomingMessage): string | undefined {
  try {
    return path.posix.normalize(decodeURIComponent(urlOf(request).pathname));
  } catch {
    return undefined;
  }
}

async function findFile(
  context: ProgramContext,
  inside: string,
): Promise<{ readonly path: string; readonly size: number } | undefined> {
  const { mounts } = context.spec;
  for (const candidate of [inside, path.posix.join(inside, 'index.html')]) {
    try {
      const found = hostPathOf(mounts, candidate);
      const facts = await stat(found);
      if (facts.isFile()) return { path: found, size: facts.size };
    } catch {
      // Not there: the next candidate, then 404.
    }
  }
  return undefined;
}
