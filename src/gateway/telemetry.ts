// Reads what HAProxy tells of requests and tells it on: numbers to Prometheus, each request to a log where that is asked for. What the proxy could not write, because nobody read it in time, it counts itself.

import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Lifetime } from '../base/lifetime.ts';
import type { ProxyModel } from '../model/gateway.ts';
import { growPipe, openFifo } from '../sys/fifo.ts';
import { accessEntry, type RequestPlaces } from './access-entry.ts';
import { CertificateMetrics } from './certificate-metrics.ts';
import { LineOutput } from './line-output.ts';
import { ListenerNames } from './listener-names.ts';
import { serveMetrics } from './metrics-server.ts';
import { proxyFiles } from './proxy-place.ts';
import { isRequestLine, readRequestLine } from './request-line.ts';
import { RequestTallies } from './request-tallies.ts';

export interface TelemetryOptions {
  readonly folder: string;
  /** For the log of accesses. */
  readonly output: number;
  /** See `ProxyDriver`. */
  readonly backendOf: RequestPlaces['backendOf'];
  readonly log: Pick<Logger, 'warn'>;
}

/** Some ten thousand requests may end while control is busy with something else. */
const PIPE_BYTES = 1024 * 1024;
/** What is longer is no line of ours. */
const MAX_LINE = 8192;

export class RequestTelemetry {
  readonly #tallies = new RequestTallies();
  readonly #certificates = new CertificateMetrics(this.#tallies.registry);
  readonly #output: LineOutput;
  readonly #places: RequestPlaces;
  #listeners = new ListenerNames({ ports: [] });
  #rest = '';

  constructor({ output, backendOf }: Pick<TelemetryOptions, 'output' | 'backendOf'>) {
    this.#output = new LineOutput(output, (lines) => this.#tallies.lost(lines));
    this.#places = { backendOf, listenerOf: (port, host) => this.#listeners.of(port, host) };
  }

  get registry(): RequestTallies['registry'] {
    return this.#tallies.registry;
  }

  /** The proxy has this model, and no other any more. */
  follow(model: ProxyModel): void {
    const { rules, telemetry, certificates } = model;
    this.#certificates.follow(certificates.values());
    this.#tallies.keep((rule) => telemetry !== undefined && rules.has(rule));
    this.#listeners = new ListenerNames(model);
  }

  read(chunk: Buffer): void {
    const lines = (this.#rest + chunk.toString('latin1')).split('\n');
    const rest = lines.pop() ?? '';
    for (const line of lines) if (isRequestLine(line)) this.#readLine(line);
    this.#rest = rest.length > MAX_LINE ? '' : rest;
  }

  #readLine(text: string): void {
    const line = readRequestLine(text);
    if (line === undefined) return this.#tallies.unread();
    this.#tallies.add(line);
    const entry = accessEntry(line, this.#places);
    if (entry !== undefined) this.#output.line(JSON.stringify(entry));
  }
}

/** Reads from the folder's pipe, and answers at its socket for metrics, until the lifetime ends. */
export async function openTelemetry(
  { folder, log, ...options }: TelemetryOptions,
  lifetime: Lifetime,
): Promise<RequestTelemetry> {
  const files = proxyFiles(folder);
  const telemetry = new RequestTelemetry(options);
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
