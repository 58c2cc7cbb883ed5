// The embedded API server at its limits: durable creates beside plain appends of the same bytes with one sync per batch of waiting writers (in a process, and
// behind HTTPS), a list of 10,000 pods, an event to 100 watchers and to 2,000, and 50,000 objects in memory and at a start. Prints JSON lines. Needs Debian's wrk.
// Usage: node bench/apiserver-scale.ts [SECONDS] [OBJECTS]

import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import https from 'node:https';
import net from 'node:net';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { ADMIN_TOKEN, ApiClient, ApiServerFiles, ApiServerProcess } from '../test/support/api-server.ts';
import { aPod, podName } from './apiserver/pods.ts';
import { BatchedAppends } from './apiserver/batched-appends.ts';
import { processorMs, quantiles, rssMb } from './apiserver/measure.ts';

const [seconds = 5, objects = 50_000] = process.argv.slice(2).map(Number);
const CONNECTIONS = 32;
const LISTED = 10_000;
const FEW = { watchers: 100, events: 300, pauseMs: 10 };
/** They have time to be told of one event before the next. */
const MANY = { watchers: 2_000, events: 20, pauseMs: 500 };
const NAMESPACE = '/api/v1/namespaces/default';

function print(name: string, values: object): void {
  process.stdout.write(`${JSON.stringify({ bench: 'apiserver-scale', name, ...values })}\n`);
}

const CONFIG_MAP = {
  metadata: { generateName: 'c-', labels: { app: 'a' } },
  data: { text: 'x'.repeat(300) },
};

/** Creates by `wrk`, per second: names are the server's, so that the body stays the same. */
async function creates(port: number, plural: string, body: object): Promise<number> {
  const folder = mkdtempSync('/tmp/t-bench-api-');
  try {
    const script = path.join(folder, 'create.lua');
    const headers = [
      `wrk.headers["Authorization"]="Bearer ${ADMIN_TOKEN}"`,
      'wrk.headers["Content-Type"]="application/json"',
    ];
    writeFileSync(
      script,
      ['wrk.method="POST"', ...headers, `wrk.body=[==[${JSON.stringify(body)}]==]`].join('\n'),
    );
    const url = `https://127.0.0.1:${port}${NAMESPACE}/${plural}`;
    const args = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}`, '-s', script, url];
    const { stdout } = await promisify(execFile)('wrk', args);
    if (stdout.includes('Non-2xx')) throw new Error(stdout);
    return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Writers that each wait for their bytes to be on the disk. */
async function appends(folder: string, bytes: number): Promise<number> {
  const file = path.join(folder, 'appends');
  const handle = await open(file, 'a');
  const log = new BatchedAppends(handle, Buffer.alloc(bytes, 'x'));
  let count = 0;
  const end = performance.now() + seconds * 1000;
  const writer = async (): Promise<void> => {
    for (; performance.now() < end; count++) await log.append();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, writer));
  await handle.close();
  rmSync(file);
  return count / seconds;
}

async function durableCreates(client: ApiClient, server: ApiServerProcess): Promise<void> {
  const { port, files } = server;
  for (const [plural, body] of [
    ['configmaps', CONFIG_MAP],
    ['pods', { ...aPod(0), metadata: { generateName: 'p-', labels: { app: 'a' } } }],
  ] as const) {
    const { text } = await client.post(`${NAMESPACE}/${plural}`, body);
    // In turns: the disk is as fast as others let it be.
    const limits: number[] = [];
    const plain: number[] = [];
    const rates: number[] = [];
    const used: number[] = [];
    for (let round = 0; round < 3; round++) {
      limits.push(await appends(files.folder, text.length));
      plain.push(await plainServer(files, text.length, (at) => creates(at, plural, body)));
      const began = processorMs(server.pid);
      const perSecond = await creates(port, plural, body);
      rates.push(perSecond);
      used.push(((processorMs(server.pid) - began) * 1000) / (perSecond * seconds));
    }
    const [limit, https, rate] = [median(limits), median(plain), median(rates)];
    print('durable creates', {
      plural,
      bytes: text.length,
      connections: CONNECTIONS,
      perSecond: Math.round(rate),
      appendsPerSecond: Math.round(limit),
      ratio: rate / limit,
      goalRatio: 0.5,
      appendsBehindHttpsPerSecond: Math.round(https),
      ratioToHttps: rate / https,
      // Of all threads of the server: it says more than the rate where others use the machine too.
      processorUsPerCreate: Math.round(median(used)),
    });
    await client.delete(`${NAMESPACE}/${plural}`);
  }
}

/** What HTTPS alone costs: the same answers by a server that does nothing but append. */
async function plainServer(
  files: ApiServerFiles,
  bytes: number,
  load: (port: number) => Promise<number>,
): Promise<number> {
  const port = await freePort();
  const script = new URL('apiserver/plain-server.ts', import.meta.url).pathname;
  const file = files.at('plain');
  const args = [script, String(port), files.at('server.crt'), files.at('server.key'), file, String(bytes)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    return await load(port);
  } finally {
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
    rmSync(file);
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

/** Of one list, in milliseconds: its first octet and its end. */
async function timedList(
  port: number,
  query: string,
): Promise<{ firstMs: number; wholeMs: number; bytes: number }> {
  const began = performance.now();
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const request = https.get({
    host: '127.0.0.1',
    port,
    path: `${NAMESPACE}/pods${query}`,
    headers,
    rejectUnauthorized: false,
  });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let firstMs = 0;
  let bytes = 0;
  for await (const chunk of response) {
    if (bytes === 0) firstMs = performance.now() - began;
    bytes += (chunk as Buffer).length;
  }
  return { firstMs, wholeMs: performance.now() - began, bytes };
}

async function lists(port: number): Promise<void> {
  const all = [];
  for (let i = 0; i < 7; i++) all.push(await timedList(port, ''));
  const page = [];
  for (let i = 0; i < 7; i++) page.push(await timedList(port, '?limit=500'));
  const mid = (values: number[]): number => Number(median(values).toFixed(1));
  print('list', {
    pods: LISTED,
    mb: Math.round((all[0]?.bytes ?? 0) / 1e6),
    firstMs: mid(all.map((it) => it.firstMs)),
    wholeMs: mid(all.map((it) => it.wholeMs)),
    pageOf500Ms: mid(page.map((it) => it.wholeMs)),
  });
}

/** The watchers are a process of their own: what they do with an event is theirs, and each event names the time at which it was asked for. */
async function watchers(
  client: ApiClient,
  server: ApiServerProcess,
  { watchers: count, events, pauseMs }: typeof FEW,
): Promise<void> {
  const aloneMb = rssMb(server.pid);
  const { metadata } = (await client.get(`${NAMESPACE}/pods?limit=1`)).json;
  const script = new URL('apiserver/watch-clients.ts', import.meta.url).pathname;
  const path = `${NAMESPACE}/pods?watch=1&resourceVersion=${metadata.resourceVersion}`;
  const args = [script, String(server.port), path, ADMIN_TOKEN, String(count)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  const began = processorMs(server.pid);
  for (let i = 0; i < events; i++) {
    await client.patch(`${NAMESPACE}/pods/${podName(0)}`, {
      metadata: { annotations: { bench: String(process.hrtime.bigint()) } },
    });
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  const used = processorMs(server.pid) - began;
  await new Promise((resolve) => setTimeout(resolve, 500));
  child.stdin.end();
  const times = JSON.parse((await lines.next()).value ?? '[]') as number[];
  print('event to watchers', {
    watchers: count,
    events,
    received: times.length,
    ...quantiles(times),
    ...(count === FEW.watchers ? { goalP99Ms: 20 } : {}),
    processorMsPerEvent: Number((used / events).toFixed(2)),
    rssMb: rssMb(server.pid),
    rssBeforeMb: aloneMb,
  });
}

async function fill(client: ApiClient, from: number, to: number): Promise<void> {
  let next = from;
  const worker = async (): Promise<void> => {
    while (next < to) {
      const { code, text } = await client.post(`${NAMESPACE}/pods`, aPod(next++));
      if (code !== 201) throw new Error(text);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
}

async function freePort(): Promise<number> {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as net.AddressInfo;
  probe.close();
  return port;
}

/** A server of its own for each part: what one leaves in memory is not another's. */
async function withServer(
  use: (client: ApiClient, server: ApiServerProcess) => Promise<void>,
): Promise<void> {
  const files = new ApiServerFiles();
  const port = await freePort();
  const server = new ApiServerProcess(files, port);
  await server.start();
  const client = new ApiClient(port);
  try {
    await use(client, server);
  } finally {
    client.close();
    await server.end('SIGTERM');
    files.remove();
  }
}

async function main(): Promise<void> {
  await withServer(async (client, server) => {
    await durableCreates(client, server);
    print('memory after creates', { objects: 0, rssMb: rssMb(server.pid) });
  });
  await withServer(async (client, server) => {
    await fill(client, 0, LISTED);
    await lists(server.port);
    await watchers(client, server, FEW);
    await fill(client, LISTED, objects);
    print('memory', { objects, kind: 'pods', rssMb: rssMb(server.pid), goalMb: 500 });
    await watchers(client, server, MANY);
    await server.end('SIGTERM');
    const began = performance.now();
    await server.start();
    await client.get('/readyz');
    print('start', {
      objects,
      ms: Math.round(performance.now() - began),
      goalMs: 3000,
      rssMb: rssMb(server.pid),
      databaseMb: sizeMb(server.files.at('objects.db')),
    });
  });
}

function sizeMb(file: string): number {
  return Math.round(readFileSync(file).length / 1e6);
}

await main();
