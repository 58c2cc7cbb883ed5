// The control protocol of a node's workload process: HTTP with JSON over its unix socket.
//   POST   /workloads                  WorkloadSpec -> WorkloadStatus
//   GET    /workloads                  -> WorkloadStatus[]
//   DELETE /workloads/{podUid}/{name}  stop and forget
//   GET    /exits                      JSON lines: {} at once, then a WorkloadStatus per exit
//   POST   /probe                      ProbeRequest -> ProbeAnswer
//   POST   /dial                       DialRequest -> DialResult[]
//   GET    /healthz

import http from 'node:http';
import { rm } from 'node:fs/promises';
import { FairleadError, messageOf } from '../../base/errors.ts';
import type { Lifetime } from '../../base/lifetime.ts';
import { runDial } from './dial.ts';
import { bodyOf, sendJson, sendText } from './http-face.ts';
import { runProbe } from './probe.ts';
import { parseDialRequest, parseProbeRequest, parseWorkloadSpec } from './parse-control.ts';
import type { Workloads } from './workloads.ts';

/** Serves until the lifetime ends; a socket file left behind by a dead process gives way. */
export async function serveControl(path: string, workloads: Workloads, lifetime: Lifetime): Promise<void> {
  // Idle connections are the caller's to close: one that is closed here just when it is taken up again costs a call.
  const server = http.createServer({ keepAliveTimeout: 0 }, (request, response) => {
    void answer(workloads, request, response).catch((error: unknown) => sendError(response, error));
  });
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  lifetime.defer('control socket', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
}

async function answer(
  workloads: Workloads,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const path = (request.url ?? '/').split('/').slice(1).map(decoded);
  const route = `${request.method ?? 'GET'} /${path[0] ?? ''}`;
  if (route === 'POST /workloads') {
    sendJson(response, 200, await workloads.start(parseWorkloadSpec(await wholeBody(request))));
  } else if (route === 'GET /workloads') {
    sendJson(response, 200, workloads.list());
  } else if (route === 'DELETE /workloads' && path.length === 3) {
    await workloads.stop(path[1] ?? '', path[2] ?? '');
    sendJson(response, 200, {});
  } else if (route === 'GET /exits') {
    streamExits(workloads, response);
  } else if (route === 'POST /probe') {
    sendJson(response, 200, await runProbe(parseProbeRequest(await wholeBody(request))));
  } else if (route === 'POST /dial') {
    sendJson(response, 200, await runDial(parseDialRequest(await wholeBody(request))));
  } else if (route === 'GET /healthz') {
    sendText(response, 200, 'ok');
  } else {
    throw new FairleadError('not-found', `Cannot answer ${route}: no such call`);
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    throw new FairleadError('invalid', 'Cannot read request: the path is not percent-encoded', {
      cause: error,
    });
  }
}

async function wholeBody(request: http.IncomingMessage): Promise<string> {
  const body = await bodyOf(request);
  if (body === undefined) throw new FairleadError('invalid', 'Cannot read request: longer than 1 MiB');
  return body;
}

function streamExits(workloads: Workloads, response: http.ServerResponse): void {
  const abort = new AbortController();
  response.on('close', () => abort.abort());
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  // The first line tells the caller that no later exit will be missed.
  response.write('{}\n');
  workloads.onExit((status) => response.write(`${JSON.stringify(status)}\n`), abort.signal);
}

function sendError(response: http.ServerResponse, error: unknown): void {
  const code = error instanceof FairleadError ? error.code : 'internal';
  const status =
    code === 'not-found' ? 404 : code === 'already-exists' ? 409 : code === 'invalid' ? 400 : 500;
  if (response.headersSent) response.destroy();
  else sendJson(response, status, { code, message: messageOf(error) });
}
