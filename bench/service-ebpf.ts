// Pod to Service beside pod to pod beside a plain veth pair: connections and round trips per second, in many short turns. Prints
// JSON lines; `ratio` is the median of each turn's ratio to pod to pod, so that the machine's mood falls out. Client and server share one
// core: left to the scheduler they sit on one or on two by chance, which halves or doubles a rate, and one core hides no work behind
// the other's waiting. Needs root, gcc and build/bpf.
// Usage: node bench/service-ebpf.ts [ROUNDS] [SECONDS]

import { execFileSync } from 'node:child_process';
import { parseIp } from '../src/base/ip.ts';
import { Lifetime } from '../src/base/lifetime.ts';
import { parsePort } from '../src/base/port.ts';
import { openServiceTarget } from '../src/backends/service-ebpf/target.ts';
import { openNodeBpf } from '../src/backends/shared-bpf/node-bpf.ts';
import { frontendKey } from '../src/model/network.ts';
import { inNetns } from '../src/sys/netns.ts';
import { anEbpfRow } from '../test/support/ebpf-row.ts';
import {
  LoadProgram,
  median,
  medianRatio,
  type LoadMode,
  type LoadWay,
} from './service-load/load-program.ts';
import { buildServiceWorld, linkIndex, type ServiceWorld } from '../test/contract/service-world.ts';

const [rounds = 40, seconds = 0.1] = process.argv.slice(2).map(Number);
const OBJECTS = new URL('../build/bpf', import.meta.url).pathname;
const PORT = 8080;

/** One way from the client to the server. */
interface Way extends Omit<LoadWay, 'seconds'> {
  readonly name: string;
}

const MEASURES = ['connections', 'round-trips-tcp', 'round-trips-udp'] as const;
type Measure = (typeof MEASURES)[number];
const MODES: Readonly<Record<Measure, LoadMode>> = {
  connections: 'connections',
  'round-trips-tcp': 'tcp',
  'round-trips-udp': 'udp',
};

/** Two namespaces and nothing between them: what the kernel's own path takes. */
function plainPair(lifetime: Lifetime): { readonly client: string; readonly server: string } {
  const [client, server] = [`t-bench-${process.pid}-c`, `t-bench-${process.pid}-s`];
  for (const name of [client, server]) {
    execFileSync('ip', ['netns', 'add', name]);
    lifetime.defer(name, () => void execFileSync('ip', ['netns', 'delete', name]));
  }
  execFileSync('ip', [
    '-n',
    client,
    'link',
    'add',
    'eth0',
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    server,
  ]);
  for (const [name, last] of [
    [client, 1],
    [server, 2],
  ] as const) {
    // prettier-ignore
    execFileSync('ip', ['-n', name, 'addr', 'add', `10.78.0.${last}/24`, 'dev', 'eth0']);
    execFileSync('ip', ['-n', name, 'link', 'set', 'eth0', 'up']);
  }
  return { client: `/run/netns/${client}`, server: `/run/netns/${server}` };
}

async function program(world: ServiceWorld, lifetime: Lifetime): Promise<void> {
  const { pinDir, cgroup, nodeNetns } = world;
  const bpf = await openNodeBpf(
    { pinDir, objectDir: OBJECTS, cgroupPath: cgroup, netns: nodeNetns },
    lifetime,
  );
  lifetime.defer('BPF', () => bpf.detachAll());
  for (const { link, mac, ips } of world.pods.values())
    bpf.podInterfaces.attach({ ifindex: inNetns(nodeNetns, () => linkIndex(link)), mac, ips });
  const rows = (['TCP', 'UDP'] as const).map((protocol) =>
    anEbpfRow([{ ip: parseIp('10.77.0.11'), port: parsePort(PORT) }], {
      ip: parseIp('10.96.0.10'),
      protocol,
    }),
  );
  await openServiceTarget(bpf.maps).update(
    new Map(rows.map((row) => [frontendKey(row), row])),
    lifetime.signal,
    new Map(),
  );
}

async function run(lifetime: Lifetime): Promise<void> {
  const load = LoadProgram.compile(lifetime);
  const measure = (way: Way, what: Measure): number => load.measure({ ...way, seconds }, MODES[what]);
  const pair = plainPair(lifetime);
  const world = buildServiceWorld(['client', 'a'], lifetime);
  const netns = world.pods.get('client')?.netns ?? '';
  await load.serve(pair.server, '10.78.0.2', PORT, lifetime);
  await load.serve(world.pods.get('a')?.netns ?? '', '10.77.0.11', PORT, lifetime);
  const pod = { netns, host: '10.77.0.11', port: PORT };
  const service = { netns, host: '10.96.0.10', port: 80 };
  const ways: readonly Way[] = [
    { name: 'plain veth pair', netns: pair.client, cgroup: undefined, host: '10.78.0.2', port: PORT },
    { name: 'pod to pod', cgroup: world.cgroup, ...pod },
    { name: 'pod to Service, at the socket', cgroup: world.cgroup, ...service },
    { name: 'pod to Service, per packet', cgroup: undefined, ...service },
  ];
  for (const what of MEASURES) {
    // Without programs first, in the same world: what the two hops through the node take by themselves.
    const unprogrammed = Array.from({ length: rounds }, () =>
      measure({ name: '', cgroup: undefined, ...pod }, what),
    );
    print(what, 'pod to pod, without programs', unprogrammed, undefined);
  }
  await program(world, lifetime);
  for (const what of MEASURES) {
    const results = new Map(ways.map((way) => [way.name, [] as number[]]));
    for (let round = 0; round < rounds; round++)
      for (const way of ways) results.get(way.name)?.push(measure(way, what));
    const base = results.get('pod to pod');
    for (const [name, rates] of results) print(what, name, rates, base);
  }
}

function print(
  measured: Measure,
  way: string,
  rates: readonly number[],
  base: readonly number[] | undefined,
): void {
  const ratio = base === undefined ? undefined : medianRatio(rates, base);
  const row = {
    bench: 'service-ebpf',
    measure: measured,
    way,
    perSecond: Math.round(median(rates)),
    ratio,
    rounds,
  };
  process.stdout.write(`${JSON.stringify(row)}\n`);
}

const lifetime = new Lifetime('bench');
try {
  await run(lifetime);
} finally {
  await lifetime.close();
}
