// Reads what HAProxy tells of requests and tells it on: numbers to Prometheus. What the proxy could not write, because nobody read it in time, it counts itself.

import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Lifetime } from '../base/lifetime.ts';
import type { ProxyModel } from '../model/gateway.ts';
import { growPipe, openFifo } from '../sys/fifo.ts';
import { CertificateMetrics } from './certificate-metrics.ts';
import { serveMetrics } from './metrics-server.ts';
import { proxyFiles } from './proxy-place.ts';
import { readRequestLine } from './request-line.ts';
import { RequestTallies } from './request-tallies.ts';

export interface TelemetryOptions {
  readonly folder: string;
  readonly log: Pick<Logger, 'warn'>;
}

/** Some ten thousand requests may end while control is busy with something else. */
const PIPE_BYTES = 1024 * 1024;
/** What is longer is no line of ours. */
const MAX_LINE = 8192;

export class RequestTelemetry {
  readonly #tallies = new RequestTallies();
  readonly #certificates = new CertificateMetrics(this.#tallies.registry);
  #rest = '';

  get registry(): RequestTallies['registry'] {
    return this.#tallies.registry;
  }

  /** The proxy has this model, and no other any more. */
  follow({ rules, telemetry, certificates }: ProxyModel): void {
    this.#certificates.follow(certificates.values());
    this.#tallies.keep((rule) => telemetry !== undefined && rules.has(rule));
  }

  read(chunk: Buffer): void {
    const lines = (this.#rest + chunk.toString('latin1')).split('\n');
    const rest = lines.pop() ?? '';
    for (const line of lines) this.#readLine(line);
    this.#rest = rest.length > MAX_LINE ? '' : rest;
  }

  #readLine(text: string): void {
    const line = readRequestLine(text);
    if (line === undefined) this.#tallies.unread();
    else this.#tallies.add(line);
  }
}

/** Reads from the folder's pipe, and answers at its socket for metrics, until the lifetime ends. */
export async function openTelemetry(
  { folder, log }: TelemetryOptions,
  lifetime: Lifetime,
): Promise<RequestTelemetry> {
  const files = proxyFiles(folder);
  const telemetry = new RequestTelemetry();
  const fd = openFifo(files.requests);
  if (!growPipe(fd, PIPE_BYTES))
    log.warn('the pipe for requests stays small: busy moments may not be told of');
  const pipe = pipeOf(fd);
  lifetime.defer('the pipe for requests', () => closed(pipe));
  pipe.on('data', (chunk: Buffer) => telemetry.read(chunk));
  pipe.on('error', (err) => log.warn({ err }, 'requests are not told of any more'));
  await serveMetrics(files.metricsSocket, telemetry.registry, lifetime);
  return telemetry;
}

function pipeOf(fd: number): Socket {
  try {
    return new Socket({ fd, readable: true, writable: false });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function closed(pipe: Socket): Promise<void> {
  return new Promise((resolve) => {
    pipe.once('close', () => resolve());
    pipe.destroy();
  });
}
