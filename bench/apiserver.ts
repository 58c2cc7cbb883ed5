// Measures the API server as a process of its own: writes per second, fan-out of a write to watchers, lists, memory.
// Prints JSON lines; arguments: number of pods (default 1000), number of watchers (default 20).

import https from 'node:https';
import net from 'node:net';
import { once } from 'node:events';
import { ADMIN_TOKEN, ApiClient, ApiServerFiles, ApiServerProcess } from '../test/support/api-server.ts';
import { quantiles, rssMb } from './apiserver/measure.ts';
import { aPod, podName, runningStatus } from './apiserver/pods.ts';

const [pods = 1000, watchers = 20] = process.argv.slice(2).map(Number);
const PARALLEL = 16;
const PODS = '/api/v1/namespaces/default/pods';

function print(name: string, values: object): void {
  process.stdout.write(`${JSON.stringify({ bench: 'apiserver', name, ...values })}\n`);
}

/** Runs `work` for every number below `count`, some at a time; gives milliseconds per call and calls per second. */
async function measure(name: string, count: number, work: (i: number) => Promise<unknown>): Promise<void> {
  const times: number[] = [];
  const start = performance.now();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const i = next++;
      const began = performance.now();
      await work(i);
      times.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  const seconds = (performance.now() - start) / 1000;
  print(name, { count, parallel: PARALLEL, perSecond: Math.round(count / seconds), ...quantiles(times) });
}

async function expectOk(answer: Promise<{ code: number; text: string }>): Promise<void> {
  const { code, text } = await answer;
  if (code >= 300) throw new Error(text);
}

/** Opens watches and calls back for every line of theirs. */
async function openWatches(port: number, count: number, onLine: (line: string) => void): Promise<() => void> {
  const requests = await Promise.all(
    Array.from({ length: count }, async () => {
      const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
      const request = https.get({
        host: '127.0.0.1',
        port,
        path: `${PODS}?watch=1`,
        headers,
        rejectUnauthorized: false,
        agent: false,
      });
      const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
      let rest = '';
      response.on('data', (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) onLine(line);
      });
      response.on('error', () => undefined);
      request.on('error', () => undefined);
      return request;
    }),
  );
  return () => {
    for (const request of requests) request.destroy();
  };
}

async function fanOut(client: ApiClient, port: number): Promise<void> {
  const sent = new Map<string, number>();
  const times: number[] = [];
  const close = await openWatches(port, watchers, (line) => {
    const mark = /"bench":"(\d+)"/.exec(line)?.[1] ?? '';
    const at = sent.get(mark);
    if (at !== undefined) times.push(performance.now() - at);
  });
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const count = 200;
  for (let i = 0; i < count; i++) {
    sent.set(String(i), performance.now());
    await expectOk(client.patch(`${PODS}/pod-00000`, { metadata: { annotations: { bench: String(i) } } }));
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  close();
  print('write to watcher', { watchers, writes: count, received: times.length, ...quantiles(times) });
}

async function main(): Promise<void> {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as net.AddressInfo;
  probe.close();
  const files = new ApiServerFiles();
  const server = new ApiServerProcess(files, port);
  const began = performance.now();
  await server.start();
  print('start', { ms: Math.round(performance.now() - began), rssMb: rssMb(server.pid) });
  const client = new ApiClient(port);
  try {
    await measure('create pod', pods, (i) => expectOk(client.post(PODS, aPod(i))));
    await measure('bind pod', pods, (i) =>
      expectOk(
        client.post(`${PODS}/${podName(i)}/binding`, {
          target: { name: `node-${i % 3}` },
        }),
      ),
    );
    await measure('patch status', pods, (i) =>
      expectOk(client.patch(`${PODS}/${podName(i)}/status`, runningStatus(i))),
    );
    await measure('get pod', pods, (i) => expectOk(client.get(`${PODS}/${podName(i)}`)));
    print('memory', { pods, rssMb: rssMb(server.pid) });
    await measure('list all pods', 50, () => expectOk(client.get(PODS)));
    await measure('list pods of a node', 50, () =>
      expectOk(client.get(`${PODS}?fieldSelector=spec.nodeName%3Dnode-1`)),
    );
    await measure('create service', 500, (i) =>
      expectOk(
        client.post('/api/v1/namespaces/default/services', {
          metadata: { name: `s-${i}` },
          spec: { ports: [{ port: 80 }] },
        }),
      ),
    );
    await fanOut(client, port);
    await measure('delete pod', pods, (i) =>
      expectOk(client.delete(`${PODS}/${podName(i)}`, { gracePeriodSeconds: 0 })),
    );
    print('memory at the end', { rssMb: rssMb(server.pid) });
  } finally {
    client.close();
    await server.end('SIGTERM');
    files.remove();
  }
}

await main();
