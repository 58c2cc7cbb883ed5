// What the bench stands on, in a network namespace of its own: an API server, the loop that keeps HAProxy and its control running in a pod, and who answers
// behind every address.

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Lifetime } from '../../src/base/lifetime.ts';
import { deploymentOf } from '../../src/controllers/gateway/proxy-pods.ts';
import { proxyFiles } from '../../src/gateway/proxy-place.ts';
import { haproxySocket, type HaproxySocket } from '../../src/sys/haproxy-socket.ts';
import {
  ApiClient,
  ApiServerFiles,
  ApiServerProcess,
  type Answer as ApiAnswer,
} from '../../test/support/api-server.ts';
import { makeAuthority, type TestCertificate } from '../../test/support/certificates.ts';
import { eventually } from '../../test/support/eventually.ts';
import { askOnce } from '../../test/support/raw-client.ts';
import * as objects from './objects.ts';
import { GATEWAY, HTTP_PORT, NAMESPACE, URLS } from './objects.ts';

export const ADDRESS = '127.0.0.1';
const API_PORT = 6443;
const PARALLEL = 16;
const FAIRLEAD = fileURLToPath(new URL('../../bin/fairlead', import.meta.url));

export interface ProxyProcesses {
  readonly master: number;
  /** Those of before a reload come last. */
  readonly workers: readonly number[];
  /** Of this master. */
  readonly reloads: number;
}

export interface World {
  readonly routes: number;
  readonly client: ApiClient;
  readonly certificates: readonly [TestCertificate, TestCertificate];
  /** Of the process that drives HAProxy; another one after it was ended. */
  controlPid(): number;
  /** What the master of HAProxy says of itself and its workers; it does not listen for a moment when it has begun anew. */
  proxyProcesses(): Promise<ProxyProcesses>;
  /** Rejects where the API does not take it. */
  patch(url: string, name: string, body: object): Promise<void>;
  close(): Promise<void>;
}

/** Resolves when the last route is served and all has come to rest. */
export async function openWorld(routes: number): Promise<World> {
  const lifetime = new Lifetime('bench');
  try {
    return await filled(routes, lifetime);
  } catch (error) {
    await lifetime.close();
    throw error;
  }
}

async function filled(routes: number, lifetime: Lifetime): Promise<World> {
  const folder = mkdtempSync('/tmp/t-bench-gateway-');
  lifetime.defer('the folder', () => rmSync(folder, { recursive: true }));
  const files = lifetime.own('API files', new ApiServerFiles(), (it) => it.remove());
  const server = lifetime.own('API', new ApiServerProcess(files, API_PORT), (it) => it.end('SIGTERM'));
  await server.start();
  const client = lifetime.own('client', new ApiClient(API_PORT), (it) => it.close());
  startAnswers(folder, lifetime);
  const authority = makeAuthority('bench');
  const certificates = [authority.sign('*.example'), authority.sign('*.example')] as const;
  await createAll(client, routes, certificates[0]);
  startPod(folder, files.kubeconfig(API_PORT), lifetime);
  const last = routes - 1;
  await eventually(async () => {
    const place = { address: ADDRESS, port: HTTP_PORT };
    return (await askOnce(place, objects.hostOf(last), objects.pathOf(last))).status === 200;
  }, 120_000);
  await eventually(
    async () => (await client.get(`${URLS.routes}/r${last}`)).json.status.parents.length > 0,
    120_000,
  );
  const socketOf = (path: string): HaproxySocket => haproxySocket({ path, bufferBytes: 1 << 15 });
  const master = socketOf(proxyFiles(folder).masterSocket);
  return {
    routes,
    client,
    certificates,
    controlPid: () => Number(readFileSync(`${folder}/control.pid`, 'utf8')),
    proxyProcesses: () => processesOf(master),
    patch: async (url, name, body) => expectFine(await client.patch(`${url}/${name}`, body)),
    close: () => lifetime.close(),
  };
}

async function processesOf(master: HaproxySocket): Promise<ProxyProcesses> {
  let reply = '';
  await eventually(async () => {
    reply = await master.send('show proc\n');
  });
  return processesIn(reply);
}

/** "1234  master  0 [failed: 0]  0d00h01m" and below it, until the old ones, "1235  worker  0 ..." */
function processesIn(reply: string): ProxyProcesses {
  const rows = reply.split('\n').map((it) => it.trim().split(/\s+/));
  const pidsOf = (type: string): readonly number[] =>
    rows.filter((it) => it[1] === type).map((it) => Number(it[0]));
  const master = rows.find((it) => it[1] === 'master');
  return { master: Number(master?.[0]), workers: pidsOf('worker'), reloads: Number(master?.[2]) };
}

/** Says by which address it was reached. */
function startAnswers(folder: string, lifetime: Lifetime): void {
  execFileSync('ip', ['route', 'replace', 'local', '10.0.0.0/8', 'dev', 'lo']);
  const config = `
global
  nbthread 1
defaults
  mode http
  timeout client 1h
frontend answers
  bind 0.0.0.0:${objects.ANSWER_PORT}
  http-request return status 200 content-type text/plain lf-string "%[dst]"
`;
  writeFileSync(`${folder}/answers.cfg`, config);
  own(spawn('haproxy', ['-db', '-f', `${folder}/answers.cfg`], { stdio: 'inherit' }), 'answers', lifetime);
}

/** As its container starts it. */
function startPod(folder: string, kubeconfig: string, lifetime: Lifetime): void {
  const key = `${NAMESPACE}/${GATEWAY}`;
  const args = [`--gateway=${key}`, `--service=${key}`, `--folder=${folder}`, '--node=bench'];
  const control = [FAIRLEAD, 'gateway', ...args, `--kubeconfig=${kubeconfig}`];
  const log = ['ignore', 'ignore', process.env['BENCH_LOG'] === undefined ? 'ignore' : 'inherit'] as const;
  own(spawn('/bin/sh', ['-c', podLoop(), 'proxy', folder, ...control], { stdio: [...log] }), 'pod', lifetime);
}

function podLoop(): string {
  const workload = {
    name: GATEWAY,
    namespace: NAMESPACE,
    labels: {},
    annotations: {},
    selector: {},
    owner: { apiVersion: 'v1', kind: 'Gateway', name: GATEWAY, uid: '' },
    subject: ['--gateway', GATEWAY] as const,
  };
  const settings = { image: '', annotations: {}, hostFolder: undefined };
  const { spec } = deploymentOf(workload, settings, []) as unknown as {
    readonly spec: { readonly template: { readonly spec: { readonly containers: readonly Container[] } } };
  };
  const loop = spec.template.spec.containers[0]?.command[2];
  if (loop === undefined) throw new Error('a pod without its loop');
  return loop;
}

interface Container {
  readonly command: readonly string[];
}

function own(child: ChildProcess, name: string, lifetime: Lifetime): void {
  lifetime.defer(name, async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'close');
    child.kill('SIGTERM');
    await gone;
  });
}

async function createAll(client: ApiClient, routes: number, certificate: TestCertificate): Promise<void> {
  const services = objects.servicesOf(routes);
  const posts = [
    [URLS.classes, () => objects.gatewayClass()],
    [URLS.gateways, () => objects.gateway()],
    [URLS.secrets, () => objects.secret(certificate)],
    ...many(services, URLS.services, objects.service),
    ...many(services, URLS.slices, objects.slice),
    ...many(routes, URLS.routes, objects.route),
  ] as (readonly [string, () => object])[];
  const work = async (): Promise<void> => {
    for (let next = posts.shift(); next !== undefined; next = posts.shift())
      expectFine(await client.post(next[0], next[1]()));
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
}

function many(
  count: number,
  url: string,
  make: (index: number) => object,
): readonly (readonly [string, () => object])[] {
  return Array.from({ length: count }, (_, i) => [url, () => make(i)] as const);
}

function expectFine({ code, text }: ApiAnswer): void {
  if (code >= 300) throw new Error(`${code} ${text}`);
}

export function rssMb(pid: number): number {
  const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kb) / 102.4) / 10;
}

/** Of user and kernel, in steps of 10 ms. */
export function cpuMs(pid: number): number {
  // Behind the name in parentheses: state is the first field, utime and stime are the 12th and 13th.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
