// The kubelet part's HTTP face on its unix socket, for the API server alone (it has checked who may):
//   GET /containerLogs/{namespace}/{pod}/{container}?follow&tailLines&sinceSeconds&sinceTime&timestamps&previous&limitBytes
//   GET or POST /exec/{namespace}/{pod}/{container}?command=&stdin=&stdout=&stderr=&tty=    upgraded to a WebSocket or SPDY/3.1
//   GET or POST /attach/{namespace}/{pod}/{container}?stdin=&stdout=&stderr=&tty=    upgraded likewise
//   GET or POST /portForward/{namespace}/{pod}?port=    upgraded to SPDY/3.1, to a WebSocket with its frames, or to one with two channels per port
//   GET /pods   GET /healthz

import { rm } from 'node:fs/promises';
import http from 'node:http';
import type { ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { FairleadError, messageOf } from '../../base/errors.ts';
import type { Lifetime } from '../../base/lifetime.ts';
import type { Container } from '../../objects/api-types.ts';
import { attachStreams } from './attach-streams.ts';
import { ExecDoor } from './exec/exec-door.ts';
import { refuseUpgrade, type Connection } from './exec/spdy-upgrades.ts';
import { connectPod } from './port-forward/connect-pod.ts';
import { PortForwardDoor } from './port-forward/port-forward-door.ts';
import { containersOf } from './pod-containers.ts';
import type { PodSet } from './pod-set.ts';
import { readLog, type LogOptions } from './log-reader.ts';
import type { PodWorker } from './pod-worker.ts';
import type { PodWorld } from './pod-world.ts';

/** Serves until the lifetime ends. */
export async function serveKubelet(
  path: string,
  world: PodWorld,
  pods: PodSet,
  lifetime: Lifetime,
): Promise<void> {
  const face = new KubeletFace(world, pods);
  const server = http.createServer((request, response) => {
    void face.answer(request, response).catch((error: unknown) => sendError(response, error));
  });
  server.on('upgrade', (request, socket, head) => face.upgrade(request, socket, head));
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  lifetime.defer('kubelet socket', async () => {
    face.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
}

class KubeletFace {
  readonly #world: PodWorld;
  readonly #pods: PodSet;
  readonly #execs = new ExecDoor();
  readonly #attaches = new ExecDoor({ failed: 'error attaching to container' });
  readonly #forwards = new PortForwardDoor();

  constructor(world: PodWorld, pods: PodSet) {
    this.#world = world;
    this.#pods = pods;
  }

  close(): void {
    this.#execs.close();
    this.#attaches.close();
    this.#forwards.close();
  }

  async answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://kubelet');
    const [kind, ...place] = url.pathname.split('/').slice(1).map(decodeURIComponent);
    if (kind === 'healthz') response.end('ok');
    else if (kind === 'pods') sendPods(this.#pods, response);
    else if (kind === 'containerLogs') await this.#logs(place, url.searchParams, response);
    else throw new FairleadError('not-found', `Cannot answer ${url.pathname}: no such call`);
  }

  upgrade(request: http.IncomingMessage, socket: Duplex, head: Buffer): void {
    const url = new URL(request.url ?? '/', 'http://kubelet');
    const [kind, ...place] = url.pathname.split('/').slice(1).map(decodeURIComponent);
    if (kind === 'exec') {
      this.#execs.upgrade(request, { socket, head }, ({ hasTty }, signal) =>
        this.#exec(place, url.searchParams.getAll('command'), { hasTty, signal }),
      );
    } else if (kind === 'attach') {
      this.#attaches.upgrade(request, { socket, head }, async ({ hasStdin }, signal) =>
        attachStreams(this.#world, this.#find(place), { hasStdin, signal }),
      );
    } else if (kind === 'portForward') this.#forward(place, request, { socket, head });
    else refuseUpgrade(socket, '404 Not Found', `Cannot upgrade ${url.pathname}: no such call`);
  }

  #forward(place: readonly string[], request: http.IncomingMessage, connection: Connection): void {
    try {
      const { namespace, name, uid } = this.#findPod(place).record;
      this.#forwards.upgrade(request, connection, {
        podText: `${name}_${namespace}, uid ${uid}`,
        connect: (port) => connectPod(this.#findPod(place).record, port),
      });
    } catch (error) {
      refuseUpgrade(connection.socket, '404 Not Found', messageOf(error));
    }
  }

  async #exec(
    place: readonly string[],
    command: readonly string[],
    options: { readonly hasTty: boolean; readonly signal: AbortSignal },
  ): Promise<ChildProcess> {
    const { worker, container } = this.#find(place);
    if (command.length === 0) throw new FairleadError('invalid', 'no command was given');
    return this.#world.execSandboxes.open(
      { pod: worker.pod, container, record: worker.record },
      command,
      options,
    );
  }

  async #logs(
    place: readonly string[],
    query: URLSearchParams,
    response: http.ServerResponse,
  ): Promise<void> {
    const { worker, container } = this.#find(place);
    const record = worker.record.containers[container.name];
    const isPrevious = isTrue(query, 'previous');
    const attempt = (record?.attempt ?? 0) - (isPrevious ? 1 : 0);
    const subject = `container "${container.name}" in pod "${worker.record.name}"`;
    if (record === undefined) throw new FairleadError('invalid', `${subject} is waiting to start`);
    if (attempt < 0) throw new FairleadError('invalid', `previous terminated ${subject} not found`);
    const { folders } = this.#world.node(worker.record.node);
    const abort = new AbortController();
    response.on('close', () => abort.abort());
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
    response.flushHeaders();
    const isOver = (): boolean => {
      const now = worker.record.containers[container.name];
      return isPrevious || now?.attempt !== attempt || now.state.kind === 'exited';
    };
    const { log } = folders.container(worker.record, container.name, attempt);
    for await (const text of readLog(log, logOptions(query), { signal: abort.signal, isOver })) {
      if (!response.write(text))
        await new Promise((resolve) => void response.once('drain', resolve).once('close', resolve));
    }
    response.end();
  }

  #find(place: readonly string[]): { readonly worker: PodWorker; readonly container: Container } {
    const [, name = '', wanted = ''] = place;
    const worker = this.#findPod(place);
    const container = containersOf(worker.pod).find((it) => it.name === wanted);
    if (container === undefined) {
      throw new FairleadError('not-found', `container ${wanted} is not valid for pod ${name}`);
    }
    return { worker, container };
  }

  #findPod([namespace = '', name = '']: readonly string[]): PodWorker {
    const worker = this.#pods.find(namespace, name);
    if (worker === undefined) throw new FairleadError('not-found', `pod "${name}" not found on this node`);
    return worker;
  }
}

function isTrue(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value === 'true' || value === '1';
}

function logOptions(query: URLSearchParams): LogOptions {
  const number = (name: string): number | undefined => {
    const value = Number(query.get(name) ?? Number.NaN);
    return Number.isInteger(value) && value >= 0 ? value : undefined;
  };
  const sinceSeconds = number('sinceSeconds');
  const sinceTime = Date.parse(query.get('sinceTime') ?? '');
  return {
    follow: isTrue(query, 'follow'),
    timestamps: isTrue(query, 'timestamps'),
    tailLines: number('tailLines'),
    limitBytes: number('limitBytes'),
    sinceMs:
      sinceSeconds !== undefined
        ? Date.now() - sinceSeconds * 1000
        : Number.isNaN(sinceTime)
          ? undefined
          : sinceTime,
  };
}

function sendPods(pods: PodSet, response: http.ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(pods.records()));
}

function sendError(response: http.ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const code = error instanceof FairleadError ? error.code : 'internal';
  const status = code === 'not-found' ? 404 : code === 'invalid' ? 400 : 500;
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(messageOf(error));
}
