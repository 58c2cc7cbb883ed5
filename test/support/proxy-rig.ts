// A real HAProxy with its driver on a loopback address of this process' own, and backends that are servers of the test: what tests of the proxy stand on.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { parseIp } from '../../src/base/ip.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { parsePort } from '../../src/base/port.ts';
import type { Endpoint } from '../../src/gateway/server-slots.ts';
import type { ProxyPlace } from '../../src/gateway/proxy-place.ts';
import { openProxyDriver, type ProxyDriver } from '../../src/gateway/proxy-driver.ts';
import { startProxyProcess, type ProxyProcess } from '../../src/gateway/proxy-process.ts';
import { atEnd } from './at-end.ts';
import { ownName } from './own-name.ts';

export interface ProxyRig {
  readonly folder: string;
  readonly address: string;
  readonly process: ProxyProcess;
  readonly driver: ProxyDriver;
  /** Another driver of the same folder, as after a restart. */
  openDriver(lifetime: Lifetime): Promise<ProxyDriver>;
}

const PROGRAM = 'haproxy';
export const METRICS_PORT = 19_101;
const quiet = { info: () => undefined, warn: () => undefined, debug: () => undefined };

export async function openProxyRig(
  lifetime: Lifetime,
  { namesServer = false }: Partial<Pick<ProxyPlace, 'namesServer'>> = {},
): Promise<ProxyRig> {
  const folder = mkdtempSync(`${tmpdir()}/${ownName('proxy')}-`);
  lifetime.defer('the folder', () => rmSync(folder, { recursive: true }));
  const address = ownLoopback();
  const place = {
    folder,
    addresses: [parseIp(address)],
    threads: 2,
    metrics: { ip: address, port: METRICS_PORT },
    namesServer,
  };
  const log = process.env['PROXY_LOG'] === undefined ? quiet : console;
  const openDriver = (owner: Lifetime): Promise<ProxyDriver> =>
    openProxyDriver({ place, program: PROGRAM, log }, owner);
  const proxy = startProxyProcess({ folder, program: PROGRAM, log }, lifetime);
  atEnd(() => {
    if (proxy.pid !== undefined) process.kill(proxy.pid, 'SIGTERM');
  });
  return { folder, address, process: proxy, driver: await openDriver(lifetime), openDriver };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Ask {
  readonly host?: string;
  readonly path?: string;
  readonly method?: string;
  readonly port?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
}

/** One request on a connection of its own. */
export function ask(
  address: string,
  { host, path = '/', method = 'GET', port = 80, ...rest }: Ask,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { ...(host === undefined ? {} : { host }), ...rest.headers } as Record<
      string,
      string | string[]
    >;
    const outgoing = request({ host: address, port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    outgoing.once('error', reject);
    outgoing.end(rest.body);
  });
}

export interface TestBackend {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly server: Server;
  /** Answers of requests that have the header x-hold, to be called. */
  readonly held: (() => void)[];
  /** Its answers' bodies. */
  readonly seen: string[];
}

/** Answers with its name and what it was asked, as JSON. */
export async function openBackend(name: string, lifetime: Lifetime): Promise<TestBackend> {
  const held: (() => void)[] = [];
  const seen: string[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.once('end', () => {
      const { method, url, headers } = incoming;
      const body = Buffer.concat(chunks).toString('utf8');
      response.setHeader('x-backend', name);
      const text = JSON.stringify({ name, method, url, headers, body });
      seen.push(text);
      const answer = (): void => void response.end(text);
      if (headers['x-hold'] === undefined) answer();
      else held.push(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  lifetime.defer(`backend ${name}`, () => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  const { port } = server.address() as AddressInfo;
  return { name, endpoint: { ip: parseIp('127.0.0.1'), port: parsePort(port) }, server, held, seen };
}

/** An address of 127.0.0.0/8 for each process: ports on it are nobody else's. */
function ownLoopback(): string {
  const { pid } = process;
  return `127.${64 + ((pid >> 16) & 63)}.${(pid >> 8) & 255}.${pid & 255}`;
}
