// Memory of a real agent with 10,000 Services of 10 endpoints, and of the kernel for its BPF maps: a cluster of one node, filled through its API.
// Prints JSON lines. Needs root and the build.
// Usage: node bench/service-memory.ts [BACKEND] [SERVICES]

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { clusterPaths, nodePaths, pathRoots } from '../src/base/paths.ts';
import { KubeClient } from '../src/kube/kube-client.ts';
import { loadKubeConfig } from '../src/kube/kube-config.ts';
import { ENDPOINT_SLICES, SERVICES } from '../src/kube/resource.ts';
import { findCgroupMount } from '../src/sys/cgroup.ts';
import { getJson } from '../src/lab/cluster/unix-http.ts';
import type { AgentStatus } from '../src/agent/status.ts';

const [backend = 'ebpf', countText = '10000'] = process.argv.slice(2);
const COUNT = Number(countText);
const ENDPOINTS = 10;
const AT_ONCE = 32;
const NAME = 'bench-mem';
const PROGRAM = fileURLToPath(new URL('../bin/fairlead', import.meta.url));
const SIGNAL = new AbortController().signal;

function fairlead(...args: readonly string[]): void {
  const { status, stderr } = spawnSync(PROGRAM, [...args, '--name', NAME, '-q'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`fairlead ${args.join(' ')}: ${stderr}`);
}

async function fill(client: KubeClient): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < COUNT; i = next++) {
      const metadata = { namespace: 'default', name: `s${i}` };
      await client.create(SERVICES, { metadata, spec: { ports: [{ port: 80, targetPort: 8080 }] } });
      await client.create(ENDPOINT_SLICES, {
        metadata: {
          namespace: 'default',
          name: `s${i}-x`,
          labels: {
            'kubernetes.io/service-name': `s${i}`,
            'endpointslice.kubernetes.io/managed-by': 'bench',
          },
        },
        addressType: 'IPv4',
        ports: [{ port: 8080, protocol: 'TCP' }],
        endpoints: Array.from({ length: ENDPOINTS }, (_, at) => ({
          addresses: [`11.${(i >> 12) & 255}.${(i >> 4) & 255}.${((i & 15) << 4) + at + 1}`],
          conditions: { ready: true, serving: true, terminating: false },
        })),
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Bytes that the kernel charges for the maps that a process has open. */
function mapBytes(pid: number): number {
  const seen = new Map<string, number>();
  for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) {
    let text = '';
    try {
      text = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
    } catch {
      continue; // Closed meanwhile.
    }
    const id = /^map_id:\s*(\d+)/m.exec(text)?.[1];
    const bytes = /^memlock:\s*(\d+)/m.exec(text)?.[1];
    if (id !== undefined && bytes !== undefined) seen.set(id, Number(bytes));
  }
  return [...seen.values()].reduce((a, b) => a + b, 0);
}

const roots = pathRoots(findCgroupMount() ?? '');
fairlead('up', '--nodes', '1', '--no-check', '--proxy', backend);
try {
  const client = new KubeClient(await loadKubeConfig(clusterPaths(roots, NAME).kubeconfig));
  const socket = nodePaths(roots, NAME, 'node-1').agentSocket;
  const status = async (): Promise<AgentStatus> => (await getJson(socket, '/status', SIGNAL)) as AgentStatus;
  const before = await status();
  const startMs = performance.now();
  await fill(client);
  const filledMs = performance.now() - startMs;
  client.close();
  const wanted = before.engine.targets.find((it) => it.name === `service-${backend}`)?.desiredCount ?? 0;
  let now = await status();
  const isThere = (): boolean =>
    now.engine.isConverged &&
    (now.engine.targets.find((it) => it.name === `service-${backend}`)?.observedCount ?? 0) >= wanted + COUNT;
  while (!isThere()) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    now = await status();
  }
  const lagMs = performance.now() - startMs - filledMs;
  // What the filling needed for a moment is given back by then.
  await new Promise((resolve) => setTimeout(resolve, 20_000));
  now = await status();
  const mb = (bytes: number): number => Math.round(bytes / 2 ** 20);
  const row = {
    bench: 'service-memory',
    name: backend,
    services: COUNT,
    createsPerSecond: Math.round((2 * COUNT * 1000) / filledMs),
    lagAfterLastMs: Math.round(lagMs),
    agentRssMb: mb(now.memory.rssBytes),
    agentHeapMb: mb(now.memory.heapUsedBytes),
    emptyRssMb: mb(before.memory.rssBytes),
    kernelMapsMb: mb(mapBytes(now.pid)),
    goalMb: 250,
  };
  process.stdout.write(`${JSON.stringify(row)}\n`);
} finally {
  fairlead('down');
}
