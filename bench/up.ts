// How long a cluster takes from nothing to ready, and what it weighs: the example shop, then 300 pods on three nodes.
// JSON lines. The limit beside it: the same number of namespaces with veth pairs made by iproute2, with nothing in them.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NAME = 'bench-up';
const PODS = Number(process.argv[2] ?? 300);

interface Finished {
  readonly seconds: number;
  readonly stdout: string;
}

function run(program: string, args: readonly string[], input?: string): Finished {
  const startedMs = performance.now();
  const result = spawnSync(program, [...args], { encoding: 'utf8', input: input ?? '', maxBuffer: 64 << 20 });
  if (result.status !== 0)
    throw new Error(`${program} ${args.join(' ')}: exit ${result.status}\n${result.stderr}`);
  return { seconds: (performance.now() - startedMs) / 1000, stdout: result.stdout };
}

function fairlead(args: readonly string[], input?: string): Finished {
  return run(`${ROOT}bin/fairlead`, args, input);
}

function print(row: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(row)}\n`);
}

/** Resident set in MiB of the largest process of each kind (node names cut off). */
function memory(): Readonly<Record<string, number>> {
  const status = JSON.parse(fairlead(['status', '--name', NAME, '-o', 'json']).stdout) as {
    processes: { name: string; pid: number }[];
  };
  const sizes = status.processes.map(({ name, pid }) => {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8');
    const mebibytes = Math.round(Number(/VmRSS:\s+([0-9]+)/.exec(text)?.[1] ?? 0) / 1024);
    return { kind: name.replace(/-node-[0-9]+$/, ''), mebibytes };
  });
  const kinds = [...Map.groupBy(sizes, ({ kind }) => kind)];
  return Object.fromEntries(
    kinds.map(([kind, rows]) => [kind, Math.max(...rows.map((row) => row.mebibytes))]),
  );
}

function manyPods(count: number): string {
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'many', namespace: 'default' },
    spec: {
      replicas: count,
      selector: { matchLabels: { app: 'many' } },
      template: {
        metadata: { labels: { app: 'many' } },
        spec: { containers: [{ name: 'web', image: 'example.com/web:1', ports: [{ containerPort: 80 }] }] },
      },
    },
  });
}

/** The kernel's own cost of as many namespaces and veth pairs. */
function bareNamespaces(count: number): number {
  const names = Array.from({ length: count }, (_, i) => `b-up-${i}`);
  const make = names.map(
    (name) =>
      `ip netns add ${name}; ip link add ${name} type veth peer name eth0 netns ${name}; ip link set ${name} up`,
  );
  run('ip', ['netns', 'add', 'b-up']);
  try {
    return run('nsenter', ['--net=/run/netns/b-up', 'sh', '-e'], make.join('\n')).seconds;
  } finally {
    run('sh', ['-e'], [...names, 'b-up'].map((name) => `ip netns del ${name}`).join('\n'));
  }
}

fairlead(['down', '--name', NAME, '-q']);
try {
  const shop = fairlead(['up', '--name', NAME, '-f', `${ROOT}examples/shop`, '-q', '--no-check']);
  print({
    bench: 'up',
    what: 'examples/shop, from nothing to ready',
    seconds: shop.seconds,
    goalSeconds: 10,
  });
  print({ bench: 'up', what: 'memory with the shop, MiB, largest of each kind', ...memory() });
  print({ bench: 'up', what: 'down', seconds: fairlead(['down', '--name', NAME, '-q']).seconds });
  const many = fairlead(
    ['up', '--name', NAME, '-f', '-', '-q', '--no-check', '--wait', '300s'],
    manyPods(PODS),
  );
  const bareNamespacesSeconds = bareNamespaces(PODS);
  const ratio = many.seconds / bareNamespacesSeconds;
  print({
    bench: 'up',
    what: `${PODS} pods, from nothing to ready`,
    seconds: many.seconds,
    goalSeconds: 60,
    bareNamespacesSeconds,
    ratio,
  });
  print({ bench: 'up', what: `memory with ${PODS} pods, MiB, largest of each kind`, ...memory() });
} finally {
  fairlead(['down', '--name', NAME, '-q']);
}
