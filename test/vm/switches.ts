// Changes the Service backend of a standing cluster (`test/vm/pods.yaml`), backend by backend as the arguments say: connections and
// datagram sockets of a pod, of the node and of an outside client that were open before live on, and new ones are answered. Goes on after a
// failure; exits 1 where there was one.
//
//   node test/vm/switches.ts CLUSTER BACKEND...

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { nodePaths, pathRoots, podNetns } from '../../src/base/paths.ts';
import { findCgroupMount } from '../../src/sys/cgroup.ts';
import { Prober } from '../scenarios/prober-client.ts';
import { kubectl } from '../support/cluster.ts';
import { scaledMs } from '../support/time-scale.ts';

const PROBER = fileURLToPath(new URL('../scenarios/prober.ts', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../../bin/fairlead', import.meta.url));
const ANSWER_MS = scaledMs(3_000);

interface Listed {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly uid: string };
    readonly spec: { readonly clusterIPs?: readonly string[] };
    readonly status: {
      readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    };
  }[];
}

/** Where the Service is for a client. */
interface Place {
  readonly hosts: readonly string[];
  readonly tcpPort: number;
  readonly udpPort: number;
}

interface Client {
  readonly name: string;
  readonly prober: Prober;
  readonly place: Place;
}

interface Open extends Client {
  readonly host: string;
  readonly tcp: number;
  readonly udp: number;
  readonly endpoint: string | undefined;
}

const [cluster = '', ...backends] = process.argv.slice(2);
const roots = pathRoots(findCgroupMount() ?? '');
const children: ReturnType<typeof spawn>[] = [];
const startMs = performance.now();

function list(...what: readonly string[]): Listed['items'] {
  return (JSON.parse(kubectl(cluster, ['get', ...what, '-o', 'json'])) as Listed).items;
}

/** A process in a network; in the node's cgroup where that is given. */
async function clientIn(name: string, place: Place, netns: string, cgroup?: string): Promise<Client> {
  const enter = ['nsenter', `--net=${netns}`, process.execPath, PROBER, name, '0'];
  const join = ['sh', '-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', cgroup ?? '', ...enter];
  const [program = '', ...args] = cgroup === undefined ? enter : join;
  children.push(spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] }));
  return { name, place, prober: await Prober.connect(netns, name) };
}

async function open(client: Client, host: string): Promise<Open> {
  const { name, prober, place } = client;
  const tcp = await prober.request('hold', { kind: 'http', host, port: place.tcpPort });
  const udp = await prober.request('hold', { kind: 'udp', host, port: place.udpPort });
  const first = await prober.request('say', { socket: tcp, say: '/hostname', timeoutMs: ANSWER_MS });
  const datagram = await prober.request('say', { socket: udp, say: 'hostname', timeoutMs: ANSWER_MS });
  assert.deepEqual([first.error, datagram.error], [undefined, undefined], `${name} to ${host} before`);
  return { ...client, host, tcp, udp, endpoint: first.text };
}

/** What is wrong with what was open and with a new connection. */
async function problemsOf(opened: Open): Promise<readonly string[]> {
  const { name, prober, place, host, tcp, udp, endpoint } = opened;
  const timeoutMs = ANSWER_MS;
  const again = await prober.request('say', { socket: tcp, say: '/hostname', timeoutMs });
  const datagram = await prober.request('say', { socket: udp, say: 'hostname', timeoutMs });
  const fresh = await prober.ask({ kind: 'http', host, port: place.tcpPort, say: '/hostname', timeoutMs });
  for (const socket of [tcp, udp]) await prober.request('release', socket);
  const where = `${name} to ${host}`;
  return [
    ...(again.text === endpoint
      ? []
      : [`connection of ${where}, by ${endpoint}: ${again.error ?? again.text}`]),
    ...(datagram.error === undefined ? [] : [`datagrams of ${where}: ${datagram.error}`]),
    ...(fresh.error === undefined ? [] : [`new connection of ${where}: ${fresh.error}`]),
  ];
}

/** What it says where it fails, else nothing. */
function changeInBackground(backend: string): { readonly ended: Promise<string>; hasEnded(): boolean } {
  const args = ['set', `proxy=${backend}`, '--name', cluster, '--timeout', '5m'];
  const child = spawn(PROGRAM, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  let hasEnded = false;
  const ended = new Promise<string>((resolve) =>
    child.once('close', (code) => {
      hasEnded = true;
      resolve(code === 0 ? '' : `set proxy=${backend}: exit ${code}: ${said}`);
    }),
  );
  return { ended, hasEnded: () => hasEnded };
}

async function changeTo(backend: string, clients: readonly Client[]) {
  const opened: Open[] = [];
  for (const client of clients) for (const host of client.place.hosts) opened.push(await open(client, host));
  const change = changeInBackground(backend);
  while (!change.hasEnded()) {
    // The server closes what says nothing for five seconds, and a change takes longer here.
    for (const { prober, tcp } of opened)
      await prober.request('say', { socket: tcp, say: '/hostname', timeoutMs: ANSWER_MS });
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const failure = await change.ended;
  if (failure !== '') return [failure];
  const problems = [];
  for (const it of opened) problems.push(...(await problemsOf(it)));
  return problems;
}

const [node] = list('nodes');
const [pod] = list('pods', '-l', 'app=web');
const [service] = list('services', '--field-selector', 'metadata.name=web');
assert.ok(node && pod && service);
const paths = nodePaths(roots, cluster, node.metadata.name);
const inside: Place = { hosts: service.spec.clusterIPs ?? [], tcpPort: 80, udpPort: 81 };
const addresses = (node.status.addresses ?? []).filter((it) => it.type === 'InternalIP');
const outside: Place = { hosts: addresses.map((it) => it.address), tcpPort: 30_080, udpPort: 30_081 };
let isGood = true;
try {
  const clients = [
    await clientIn('pod', inside, podNetns(roots, cluster, pod.metadata.uid)),
    await clientIn('node', inside, paths.netns, `${paths.cgroup}/system`),
    await clientIn('outside', outside, '/proc/self/ns/net'),
  ];
  let last = 'the first';
  for (const backend of backends) {
    const problems = await changeTo(backend, clients).catch((error: unknown) => [String(error)]);
    const seconds = Math.round((performance.now() - startMs) / 1000);
    console.log(`${problems.length === 0 ? 'ok' : 'FAILED'} ${last} to ${backend} (${seconds} s)`);
    for (const problem of problems) console.log(`  ${problem}`);
    if (problems.length > 0) isGood = false;
    last = backend;
  }
} finally {
  for (const child of children) child.kill('SIGKILL');
}
process.exit(isGood ? 0 : 1);
