// What a whole cluster holds at one moment, as numbers by name: of each process its memory and descriptors, of each node its
// kernel objects, of the machine what a cluster puts there. Two pictures are compared to find what is lost over time.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';

/** Numbers by name: "agent-node-1 heap KiB". */
export type Picture = Readonly<Record<string, number>>;

const HEAP_OF = new URL('heap-of.ts', import.meta.url).pathname;
const KIB = 1024;

function output(program: string, args: readonly string[]): string {
  const result = spawnSync(program, [...args], { encoding: 'utf8', maxBuffer: 256 << 20 });
  if (result.status !== 0)
    throw new Error(`${program} ${args.join(' ')}: exit ${result.status}: ${result.stderr}`);
  return result.stdout;
}

/** A process as `fairlead status -o json` tells of it; without a pid it is down. */
export interface RunningProcess {
  readonly name: string;
  readonly pid?: number;
}

/** Everything at once; the cluster should be at rest. Throws where a process is down. */
export function takePicture(cluster: string, processes: readonly RunningProcess[]): Picture {
  const nodes = readdirSync(`/run/fairlead/${cluster}/nodes`).sort();
  return Object.fromEntries([
    ...processes.flatMap(({ name, pid }) => prefixed(name, processPicture(name, pid))),
    ...nodes.flatMap((node) => prefixed(node, nodePicture(cluster, node))),
    ...prefixed('machine', machinePicture(cluster)),
  ]);
}

function prefixed(prefix: string, picture: Picture): readonly (readonly [string, number])[] {
  return Object.entries(picture).map(([name, value]) => [`${prefix} ${name}`, value] as const);
}

function processPicture(name: string, pid: number | undefined): Picture {
  if (pid === undefined) throw new Error(`${name} is down`);
  const heap = JSON.parse(
    output('nsenter', [`--net=/proc/${pid}/ns/net`, process.execPath, HEAP_OF, String(pid)]),
  ) as NodeJS.MemoryUsage;
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const numberOf = (field: string): number =>
    Number(new RegExp(`${field}:\\s+([0-9]+)`).exec(status)?.[1] ?? 0);
  return {
    'heap KiB': Math.round(heap.heapUsed / KIB),
    'external KiB': Math.round(heap.external / KIB),
    'resident KiB': numberOf('VmRSS'),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: numberOf('Threads'),
  };
}

function nodePicture(cluster: string, node: string): Picture {
  const inNode = (...args: string[]): string =>
    output('nsenter', [`--net=/run/netns/${cluster}.${node}`, ...args]);
  const lines = (...args: string[]): number => inNode(...args).split('\n').length - 1;
  return {
    ...mapPicture(`/run/fairlead/${cluster}/bpf/${node}/maps`),
    links: lines('ip', '-o', 'link'),
    addresses: lines('ip', '-o', 'address'),
    'routes of IPv4': lines('ip', '-4', '-o', 'route', 'show', 'table', 'all'),
    'routes of IPv6': lines('ip', '-6', '-o', 'route', 'show', 'table', 'all'),
    'permanent neighbours': lines('ip', '-o', 'neighbour', 'show', 'nud', 'permanent'),
    rules: lines('ip', 'rule') + lines('ip', '-6', 'rule'),
    'nftables lines': lines('nft', 'list', 'ruleset'),
    ...metricPicture(`/run/fairlead/${cluster}/nodes/${node}/agent.sock`),
  };
}

/** Entries of every pinned map whose keys come and go; arrays have all of theirs from the start. */
function mapPicture(folder: string): Picture {
  const picture: Record<string, number> = {};
  for (const pin of readdirSync(folder)) {
    const { type } = JSON.parse(output('bpftool', ['-j', 'map', 'show', 'pinned', `${folder}/${pin}`])) as {
      type: string;
    };
    if (!type.includes('hash') && !type.includes('lpm')) continue;
    const entries = JSON.parse(
      output('bpftool', ['-j', 'map', 'dump', 'pinned', `${folder}/${pin}`]),
    ) as unknown[];
    // The pin's name ends in a hash of its layout.
    picture[`map ${pin.replace(/-[0-9a-f]+$/, '')}${type.startsWith('lru') ? ' (LRU)' : ''}`] =
      entries.length;
  }
  return picture;
}

/** What the agent itself counts: address leases by their state. */
function metricPicture(agentSocket: string): Picture {
  const text = output('curl', ['-sS', '--unix-socket', agentSocket, 'http://agent/metrics']);
  const lines = text.split('\n').filter((line) => line.startsWith('fairlead_cni_addresses'));
  return Object.fromEntries(lines.map((line) => [line.replace(/ \S+$/, ''), Number(/\S+$/.exec(line)?.[0])]));
}

function machinePicture(cluster: string): Picture {
  const state = `/var/lib/fairlead/${cluster}`;
  const cgroups = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].map((it) => `${it}/fairlead/${cluster}`);
  return {
    namespaces: readdirSync('/run/netns').filter((it) => it.startsWith(`${cluster}.`)).length,
    cgroups: count(cgroups.find((it) => existsSync(it)) ?? '', 'd'),
    files: count(state, 'f') + count(`/run/fairlead/${cluster}`, 'f'),
    mounts: readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .filter((it) => it.includes(cluster)).length,
    'API database KiB': Math.round(
      ['api.db', 'api.db-wal'].reduce((sum, file) => sum + statSync(`${state}/${file}`).size, 0) / KIB,
    ),
  };
}

function count(folder: string, type: 'd' | 'f'): number {
  return output('find', [folder, '-xdev', '-type', type]).split('\n').length - 1;
}
