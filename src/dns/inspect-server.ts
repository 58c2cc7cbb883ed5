// What people ask of a DNS process, by HTTP on a unix socket beside the agent's: who asks what (/top), who answers what and why (/explain).

import { chmod, unlink } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { FairleadError, messageOf } from '../base/errors.ts';
import type { Lifetime } from '../base/lifetime.ts';
import { parseIp } from '../base/ip.ts';
import type { ClientTally } from './client-tallies.ts';
import type { Explanation, ExplainQuestion } from './explain.ts';

export interface InspectSources {
  readonly top: (names: number) => readonly ClientTally[];
  readonly explain: (question: ExplainQuestion) => Promise<Explanation>;
}

const MAX_NAMES = 64;
const MAX_CONNECTIONS = 16;

/** Listens on `path` (mode 0600) until `lifetime` ends. */
export async function openInspectServer(
  path: string,
  sources: InspectSources,
  lifetime: Lifetime,
): Promise<void> {
  let http: Server | undefined;
  // The HTTP library takes two megabytes: whoever is never asked does without.
  const listener = createServer((socket) => {
    http ??= httpServer(sources);
    http.emit('connection', socket);
  });
  listener.maxConnections = MAX_CONNECTIONS;
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(path, resolve);
  });
  await chmod(path, 0o600);
  lifetime.own('inspect socket', listener, async () => {
    const done = new Promise<void>((resolve) => listener.close(() => resolve()));
    http?.closeAllConnections();
    await done;
  });
}

function httpServer(sources: InspectSources): Server {
  // An import of node:http evaluates every lazy export, WebSocket and fetch among them: ten megabytes for nothing.
  const { createServer: createHttp } = process.getBuiltinModule('node:http');
  return createHttp((request, response) => void answer(request, response, sources));
}

async function answer(
  { url = '' }: IncomingMessage,
  response: ServerResponse,
  sources: InspectSources,
): Promise<void> {
  try {
    const value = await valueOf(new URL(url, 'http://dns'), sources);
    response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(value)}\n`);
  } catch (error) {
    const code = error instanceof FairleadError && error.code === 'invalid' ? 400 : 500;
    response.writeHead(code, { 'content-type': 'text/plain' }).end(`${messageOf(error)}\n`);
  }
}

function valueOf({ pathname, searchParams }: URL, { top, explain }: InspectSources): unknown {
  switch (pathname) {
    case '/top':
      return top(Math.min(Number(searchParams.get('names') ?? MAX_NAMES), MAX_NAMES));
    case '/explain':
      return explain({
        name: searchParams.get('name') ?? '',
        type: searchParams.get('type') ?? 'A',
        client: parseIp(searchParams.get('client') ?? '127.0.0.1'),
        isSearched: searchParams.get('searched') === 'yes',
      });
    default:
      throw new FairleadError('invalid', `Cannot answer: no ${pathname} here`);
  }
}
