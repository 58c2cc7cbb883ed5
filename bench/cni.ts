// CNI ADD (two families) and DEL through our executable, beside the reference `ptp` with `host-local` (one family), same machine, same run.
// Prints JSON lines, times in milliseconds: one process per call, from its start to its end. Needs root.
// usage: node bench/cni.ts [calls in sequence, default 200] [calls in parallel, default 100]

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createNetns, deleteNetns } from '../src/sys/netns.ts';

const SEQUENCE = Number(process.argv[2] ?? 200);
const BURST = Number(process.argv[3] ?? 100);
const prefix = `t-bench-cni-${process.pid}`;
const nodeNetns = `/run/netns/${prefix}-node`;
const here = new URL('.', import.meta.url).pathname;
const OURS = `${here}../build/native/fairlead-cni`;
const REFERENCE = '/usr/lib/cni/ptp';

interface Plugin {
  readonly name: string;
  readonly executable: string;
  readonly config: string;
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function stats(times: readonly number[]): Record<string, number> {
  const sorted = [...times].sort((a, b) => a - b);
  const round = (value: number): number => Math.round(value * 100) / 100;
  return {
    p50: round(percentile(sorted, 0.5)),
    p99: round(percentile(sorted, 0.99)),
    max: round(sorted.at(-1) ?? 0),
  };
}

function launch(
  launcher: string,
  plugin: Plugin,
  command: 'ADD' | 'DEL' | 'VERSION',
  jobs: { readonly pods: readonly string[]; readonly parallel: number },
): readonly number[] {
  const input = jobs.pods.map((pod) => `${pod} /run/netns/${pod} ${plugin.config}\n`).join('');
  const args = [`--net=${nodeNetns}`, launcher, plugin.executable, String(jobs.parallel)];
  const env = {
    CNI_COMMAND: command,
    CNI_IFNAME: 'eth0',
    CNI_PATH: '/usr/lib/cni',
    PATH: process.env['PATH'],
  };
  const output = execFileSync('nsenter', args, { input, env, encoding: 'utf8', maxBuffer: 1 << 24 });
  const results = output
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number));
  const failures = results.filter(([, status]) => status !== 0).length;
  if (failures > 0) throw new Error(`${plugin.name} ${command}: ${failures} of ${results.length} failed`);
  return results.map(([us]) => (us ?? 0) / 1000);
}

async function startServer(folder: string): Promise<ChildProcess> {
  const config = {
    socketPath: `${folder}/cni.sock`,
    leasesFile: `${folder}/leases.db`,
    podCidrs: ['10.66.0.0/16', 'fd00:66::/64'],
    nodeIps: [],
    restMs: 0,
  };
  const program = `${here}../test/support/cni-server-process.ts`;
  const args = [`--net=${nodeNetns}`, process.execPath, program, JSON.stringify(config)];
  const server = spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve, reject) => {
    server.stdout?.once('data', resolve);
    server.once('exit', () => reject(new Error('the CNI server ended')));
  });
  return server;
}

function writeConfigs(folder: string): { readonly ours: Plugin; readonly reference: Plugin } {
  const ours = { cniVersion: '1.0.0', name: 'ours', type: 'fairlead-cni', socket: `${folder}/cni.sock` };
  const reference = {
    cniVersion: '1.0.0',
    name: 'reference',
    type: 'ptp',
    mtu: 1450,
    ipam: {
      type: 'host-local',
      subnet: '10.77.0.0/16',
      dataDir: `${folder}/host-local`,
      routes: [{ dst: '0.0.0.0/0' }],
    },
  };
  writeFileSync(`${folder}/ours.json`, JSON.stringify(ours));
  writeFileSync(`${folder}/reference.json`, JSON.stringify(reference));
  return {
    ours: { name: 'fairlead', executable: OURS, config: `${folder}/ours.json` },
    reference: { name: 'ptp+host-local', executable: REFERENCE, config: `${folder}/reference.json` },
  };
}

/** What the kernel takes for the links alone, from one process and without addresses: no ADD of a burst can all be over sooner. */
function bareLinks(pods: readonly string[]): void {
  const totalsMs = Array.from({ length: 3 }, (_, round) => {
    const links = pods.map((pod, i) => [`b${round}x${i}`, pod] as const);
    const lines = links.flatMap(([link, pod]) => [
      `link add ${link} numrxqueues 1 numtxqueues 1 type veth peer name ${link} netns ${pod}`,
      `link set ${link} up`,
    ]);
    const startMs = performance.now();
    execFileSync('ip', ['-n', `${prefix}-node`, '-batch', '-'], { input: `${lines.join('\n')}\n` });
    const totalMs = performance.now() - startMs;
    const gone = links.map(([link]) => `link del ${link}\n`);
    execFileSync('ip', ['-n', `${prefix}-node`, '-batch', '-'], { input: gone.join('') });
    return Math.round(totalMs * 10) / 10;
  });
  print({
    what: `limit: ${pods.length} veth pairs made and set up by one "ip -batch", no addresses`,
    unit: 'ms',
    totals: totalsMs.toSorted((a, b) => a - b),
  });
}

function print(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify({ bench: 'cni', ...line })}\n`);
}

function ratioOf(ours: readonly number[], reference: readonly number[]): number {
  return Math.round(((stats(ours)['p50'] ?? 0) / (stats(reference)['p50'] ?? 1)) * 100) / 100;
}

/** Both plugins in turn over the same namespaces, in several rounds, so that both see the same machine. */
function measure(
  launcher: string,
  plugins: { readonly ours: Plugin; readonly reference: Plugin },
  runs: {
    readonly what: string;
    readonly pods: readonly string[];
    readonly parallel: number;
    readonly rounds: number;
  },
): void {
  const times = {
    ours: { ADD: [] as number[], DEL: [] as number[] },
    reference: { ADD: [] as number[], DEL: [] as number[] },
  };
  for (let round = 0; round < runs.rounds; round++) {
    for (const who of ['ours', 'reference'] as const) {
      for (const command of ['ADD', 'DEL'] as const) {
        times[who][command].push(...launch(launcher, plugins[who], command, runs));
      }
    }
  }
  for (const command of ['ADD', 'DEL'] as const) {
    print({
      what: `${runs.what} ${command}`,
      calls: times.ours[command].length,
      unit: 'ms',
      fairlead: stats(times.ours[command]),
      'ptp+host-local': stats(times.reference[command]),
      ratioP50: ratioOf(times.ours[command], times.reference[command]),
    });
  }
}

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), `${prefix}-`));
  const launcher = `${folder}/cni-launch`;
  execFileSync('gcc', ['-O2', '-o', launcher, `${here}cni-launch.c`]);
  const pods = Array.from({ length: Math.max(SEQUENCE, BURST) }, (_, i) => `${prefix}-${i}`);
  createNetns(nodeNetns);
  for (const pod of pods) createNetns(`/run/netns/${pod}`);
  const server = await startServer(folder);
  try {
    const plugins = writeConfigs(folder);
    const alone = launch(launcher, plugins.ours, 'VERSION', { pods, parallel: 1 });
    print({
      what: 'start of the executable alone (VERSION)',
      calls: alone.length,
      unit: 'ms',
      fairlead: stats(alone),
    });
    measure(launcher, plugins, { what: 'sequence', pods: pods.slice(0, SEQUENCE), parallel: 1, rounds: 2 });
    bareLinks(pods.slice(0, BURST));
    measure(launcher, plugins, {
      what: `burst of ${BURST}`,
      pods: pods.slice(0, BURST),
      parallel: BURST,
      rounds: 3,
    });
  } finally {
    server.kill();
    for (const pod of [`${prefix}-node`, ...pods]) await deleteNetns(`/run/netns/${pod}`);
    rmSync(folder, { recursive: true });
  }
}

await main();
