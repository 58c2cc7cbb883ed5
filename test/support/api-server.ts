// An API server for tests: its own folder, authority, certificates and tokens; in this process, or as a child that can be killed.

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { once } from 'node:events';
import { parseApiServerConfig, type ApiServerConfig } from '../../src/apiserver/config.ts';
import { startApiServer, type ApiServer } from '../../src/apiserver/main.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { KubeClient } from '../../src/kube/kube-client.ts';
import { loadKubeConfig } from '../../src/kube/kube-config.ts';
import { scaledMs } from './time-scale.ts';

export const ADMIN_TOKEN = 'admin-token';
/** Tokens of users whom nobody has given anything: one of the group developers, and one of no group. */
export const ALICE = 'alice-token';
export const BOB = 'bob-token';
const HOST = '127.0.0.1';

/** Files of one test server. */
export class ApiServerFiles {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), 't-api-'));

  constructor() {
    this.#openssl(
      'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=t-api-ca -keyout ca.key -out ca.crt',
    );
    this.issue('server', '/CN=kube-apiserver', 'subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost');
    this.issue('admin', '/O=system:masters/O=testers/CN=admin');
    this.#openssl('ecparam -name prime256v1 -genkey -noout -out sa.key');
    const users = [
      `${ADMIN_TOKEN},tester,1,"system:masters,testers"`,
      `${ALICE},alice,2,"developers"`,
      `${BOB},bob,3`,
    ];
    writeFileSync(this.at('tokens.csv'), users.join('\n'));
  }

  at(name: string): string {
    return path.join(this.folder, name);
  }

  /** A certificate of the folder's authority. */
  issue(name: string, subject: string, extension?: string): void {
    this.#openssl(
      `req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj ${subject} -keyout ${name}.key -out ${name}.csr`,
    );
    writeFileSync(this.at(`${name}.ext`), extension ?? '');
    this.#openssl(
      `x509 -req -in ${name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile ${name}.ext -out ${name}.crt`,
    );
  }

  config(changes: Readonly<Record<string, unknown>> = {}): ApiServerConfig {
    return parseApiServerConfig(this.rawConfig(changes));
  }

  rawConfig(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return {
      database: this.at('objects.db'),
      listen: [{ host: HOST, port: 0 }],
      certFile: this.at('server.crt'),
      keyFile: this.at('server.key'),
      clientCaFile: this.at('ca.crt'),
      tokensFile: this.at('tokens.csv'),
      serviceAccountKeyFile: this.at('sa.key'),
      kubeletSocket: this.at('kubelet.sock'),
      serviceCidrs: ['10.96.0.0/16', 'fd00:10:96::/112'],
      nodePortRange: [30000, 32767],
      clusterDomain: 'cluster.local',
      defaultDualStack: false,
      advertise: { host: '10.89.0.1', port: 6443 },
      ...changes,
    };
  }

  /** A kubeconfig with the admin's certificate. */
  kubeconfig(port: number): string {
    const file = this.at('kubeconfig');
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 't',
      clusters: [
        {
          name: 't',
          cluster: { server: `https://${HOST}:${port}`, 'certificate-authority': this.at('ca.crt') },
        },
      ],
      users: [
        {
          name: 't',
          user: { 'client-certificate': this.at('admin.crt'), 'client-key': this.at('admin.key') },
        },
      ],
      contexts: [{ name: 't', context: { cluster: 't', user: 't', namespace: 'default' } }],
    };
    writeFileSync(file, JSON.stringify(config));
    return file;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #openssl(args: string): void {
    execFileSync('openssl', args.split(' '), { cwd: this.folder, stdio: ['ignore', 'ignore', 'pipe'] });
  }
}

/** Bodies of answers as tests read them: any path may be asked for. */
export type Loose = ReturnType<typeof JSON.parse>;

export interface Answer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly bytes: Buffer;
  /** The body as JSON; only for answers that are. */
  readonly json: Loose;
}

export interface CallOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly type?: string;
  readonly accept?: string;
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

/** A client of one server with the admin's token. */
export class ApiClient {
  readonly port: number;
  readonly #agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false, maxSockets: 64 });

  constructor(port: number) {
    this.port = port;
  }

  close(): void {
    this.#agent.destroy();
  }

  call(
    url: string,
    { method = 'GET', body, type, accept, token = ADMIN_TOKEN, headers: more = {} }: CallOptions = {},
  ): Promise<Answer> {
    const bytes =
      body === undefined
        ? undefined
        : typeof body === 'string' || Buffer.isBuffer(body)
          ? body
          : JSON.stringify(body);
    const headers = {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(type === undefined ? {} : { 'content-type': type }),
      ...(accept === undefined ? {} : { accept }),
      ...(bytes === undefined ? {} : { 'content-length': Buffer.byteLength(bytes) }),
      ...more,
    };
    return new Promise((resolve, reject) => {
      const request = https.request(
        { host: HOST, port: this.port, path: url, method, headers, agent: this.#agent },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const bytes = Buffer.concat(chunks);
            const text = bytes.toString();
            const type = response.headers['content-type'] ?? '';
            const isJson = text !== '' && type.startsWith('application/json');
            resolve({
              code: response.statusCode ?? 0,
              headers: response.headers,
              text,
              bytes,
              json: isJson ? JSON.parse(text) : undefined,
            });
          });
        },
      );
      request.on('error', reject);
      request.end(bytes);
    });
  }

  get(url: string, accept?: string): Promise<Answer> {
    return this.call(url, accept === undefined ? {} : { accept });
  }

  post(url: string, body: unknown, type = 'application/json'): Promise<Answer> {
    return this.call(url, { method: 'POST', body, type });
  }

  put(url: string, body: unknown): Promise<Answer> {
    return this.call(url, { method: 'PUT', body, type: 'application/json' });
  }

  patch(url: string, body: unknown, type = 'application/merge-patch+json'): Promise<Answer> {
    return this.call(url, { method: 'PATCH', body, type });
  }

  delete(url: string, body?: unknown): Promise<Answer> {
    return this.call(url, {
      method: 'DELETE',
      ...(body === undefined ? {} : { body, type: 'application/json' }),
    });
  }

  /** A watch whose events can be awaited in order. */
  watch(url: string, accept?: string): WatchReader {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, ...(accept === undefined ? {} : { accept }) };
    return new WatchReader(
      https.get({ host: HOST, port: this.port, path: url, headers, rejectUnauthorized: false }),
    );
  }
}

export class WatchReader {
  readonly #request: ReturnType<typeof https.get>;
  #lines: string[] = [];
  #rest = '';
  #wake: () => void = () => undefined;
  isEnded = false;

  constructor(request: ReturnType<typeof https.get>) {
    this.#request = request;
    const end = (): void => {
      this.isEnded = true;
      this.#wake();
    };
    request.on('error', end);
    request.on('response', (response) => {
      response.on('data', (chunk: Buffer) => {
        const lines = (this.#rest + chunk.toString()).split('\n');
        this.#rest = lines.pop() ?? '';
        this.#lines.push(...lines);
        this.#wake();
      });
      response.on('end', end);
      response.on('error', end);
      response.on('close', end);
    });
  }

  /** The next event; undefined when the watch is over, rejects after `timeoutMs`. */
  async next(timeoutMs = 3000): Promise<{ type: string; object: Loose } | undefined> {
    const deadline = Date.now() + scaledMs(timeoutMs);
    while (this.#lines.length === 0 && !this.isEnded) {
      if (Date.now() > deadline) throw new Error('no event came in time');
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const line = this.#lines.shift();
    return line === undefined ? undefined : (JSON.parse(line) as { type: string; object: unknown });
  }

  close(): void {
    this.#request.destroy();
  }
}

/** A server in this process. */
export async function startTestServer(
  changes: Readonly<Record<string, unknown>> = {},
  windowRevisions?: number,
): Promise<{ files: ApiServerFiles; server: ApiServer; client: ApiClient; stop: () => Promise<void> }> {
  const files = new ApiServerFiles();
  const server = await startApiServer(
    files.config(changes),
    windowRevisions === undefined ? {} : { windowRevisions },
  );
  const client = new ApiClient(server.addresses[0]?.port ?? 0);
  const stop = async (): Promise<void> => {
    client.close();
    await server.close();
    files.remove();
  };
  return { files, server, client, stop };
}

/** A server as a process of its own, on a fixed port; it can be killed and started again on the same files. */
export class ApiServerProcess {
  readonly files: ApiServerFiles;
  readonly port: number;
  #child: ChildProcess | undefined;

  constructor(files: ApiServerFiles, port: number) {
    this.files = files;
    this.port = port;
    writeFileSync(
      files.at('config.json'),
      JSON.stringify(files.rawConfig({ listen: [{ host: HOST, port }] })),
    );
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(): Promise<void> {
    const main = new URL('../../src/apiserver/main.ts', import.meta.url).href;
    const code = `import { runApiServer } from ${JSON.stringify(main)};
      const stop = new AbortController();
      process.on('SIGTERM', () => stop.abort());
      await runApiServer(${JSON.stringify(this.files.at('config.json'))}, stop.signal);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      env: {
        ...process.env,
        NODE_COMPILE_CACHE: new URL('../../build/compile-cache', import.meta.url).pathname,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (exit) => reject(new Error(`the server ended with ${exit}`)));
      child.stdout?.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('serving')) resolve();
      });
    });
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }
}

/** A server in this process with a client, that agents in other namespaces reach by relays to its port. */
export async function openTestApi(
  lifetime: Lifetime,
): Promise<{ readonly files: ApiServerFiles; readonly port: number; readonly client: KubeClient }> {
  const files = lifetime.own('API files', new ApiServerFiles(), (it) => it.remove());
  const server = lifetime.own('API server', await startApiServer(files.config()), (it) => it.close());
  const port = server.addresses[0]?.port ?? 0;
  const access = await loadKubeConfig(files.kubeconfig(port));
  return { files, port, client: lifetime.own('client', new KubeClient(access), (it) => it.close()) };
}
