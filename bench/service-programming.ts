// From the event to the kernel: 10,000 Services of 10 endpoints through the agent's own way (store, compile, engine, backend) from cold,
// then single changes, then a thousand a second. Prints JSON lines, for each backend that this kernel carries. Needs root and build/bpf.
// Usage: node bench/service-programming.ts [BACKEND,...] [SERVICES] [SECONDS] [LIMITED]
// LIMITED of the Services are load balancers with source ranges (default: none); then single changes are of theirs, and their ranges change too.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../src/base/clock.ts';
import { Lifetime } from '../src/base/lifetime.ts';
import { mergeViews, type AgentView } from '../src/agent/agent-view.ts';
import { ENDPOINT_SLICE_KIND, SERVICE_KIND } from '../src/agent/watched-kinds.ts';
import { SERVICE_BACKENDS, backendSupport } from '../src/backends/registry.ts';
import { openNodeBpf } from '../src/backends/shared-bpf/node-bpf.ts';
import { parseEndpointSlice } from '../src/objects/endpoint-slice.ts';
import { parseService } from '../src/objects/service.ts';
import { Engine } from '../src/reconcile/engine.ts';
import type { Store } from '../src/store/store.ts';
import { probeMachine } from '../src/sys/probe.ts';
import { buildServiceWorld } from '../test/contract/service-world.ts';
import { benchConfig, memoryMb, quantile, startWay } from './service-load/agent-way.ts';

const [names = '', services = '10000', seconds = '60', limited = '0'] = process.argv.slice(2);
const COUNT = Number(services);
const LIMITED = Number(limited);
const ENDPOINTS = 10;
const SINGLE_CHANGES = 500;
const OBJECTS = new URL('../build/bpf', import.meta.url).pathname;
/** With source ranges. */
const LIMITED_CHANGE_MS = 30;
const GOALS: Readonly<Record<string, { coldMs: number; changeMs: number }>> = {
  ebpf: { coldMs: 1000, changeMs: 5 },
  nftables: { coldMs: 2000, changeMs: 15 },
};

function ipOf(first: number, number: number): string {
  return `${first}.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
}

/** `round` replaces the last of the source ranges. */
function aService(i: number, round = 0): unknown {
  const ranges = [0, 1, 2, 3 + (round % 2)].map(
    (at) => `${ipOf(172, ((16 + at) << 16) + ((i % 256) << 8))}/24`,
  );
  const balancer = { type: 'LoadBalancer', loadBalancerSourceRanges: ranges };
  return {
    metadata: { namespace: 'bench', name: `s${i}`, uid: `u${i}` },
    spec: {
      clusterIP: ipOf(10, (96 << 16) + i + 1),
      clusterIPs: [ipOf(10, (96 << 16) + i + 1)],
      ports: [{ port: 80, targetPort: 8080 }],
      ...(i < LIMITED ? balancer : {}),
    },
    ...(i < LIMITED
      ? { status: { loadBalancer: { ingress: [{ ip: ipOf(198, (18 << 16) + i + 1) }] } } }
      : {}),
  };
}

/** `round` replaces the last endpoint. */
function aSlice(i: number, round: number): unknown {
  const endpoints = Array.from({ length: ENDPOINTS }, (_, at) => ({
    addresses: [ipOf(11, (i * 16 + at + (at === ENDPOINTS - 1 ? round % 2 : 0)) & 0xffffff)],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: `node-${at}`,
  }));
  return {
    metadata: {
      namespace: 'bench',
      name: `s${i}-x`,
      uid: `x${i}`,
      labels: { 'kubernetes.io/service-name': `s${i}` },
    },
    addressType: 'IPv4',
    ports: [{ port: 8080 }],
    endpoints,
  };
}

async function run(name: string): Promise<void> {
  const backend = SERVICE_BACKENDS.find((it) => it.name === name);
  if (backend === undefined) throw new Error(`no Service backend ${name}`);
  const lifetime = new Lifetime('bench');
  const world = buildServiceWorld([], lifetime);
  const bpf = await openNodeBpf(
    { pinDir: world.pinDir, objectDir: OBJECTS, cgroupPath: undefined, netns: world.nodeNetns },
    lifetime,
  );
  lifetime.defer('BPF', () => bpf.detachAll());
  const raws = Array.from({ length: COUNT }, (_, i) => [aService(i), aSlice(i, 0)] as const);
  const before = memoryMb();
  let appliedMs = 0;
  let wake = (): void => undefined;
  const engine: Engine<AgentView> = new Engine<AgentView>({
    parts: backend.open<AgentView>({
      maps: bpf.maps,
      nodeLinks: bpf.nodeLinks,
      netns: world.nodeNetns,
      lifetime,
    }),
    clock: systemClock,
    random: Math.random,
    timing: { quietMs: 0 },
    merge: mergeViews,
    report: (event) => {
      if (event.kind === 'failed')
        process.stderr.write(`${event.target} ${event.key}: ${String(event.error)}\n`);
      if (event.kind === 'applied') appliedMs += event.durationMs;
      if (event.kind === 'passed' && event.isConverged) wake();
    },
  });
  const store = startWay(
    benchConfig({ nodeName: 'node-a', service: name, podCidrs: [], dnsIps: [] }),
    engine,
    lifetime,
  );
  const converged = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  const startMs = performance.now();
  const services = new Map(raws.map(([raw]) => parseService(raw)).map((it) => [`bench/${it.name}`, it]));
  const slices = new Map(
    raws.map(([, raw]) => parseEndpointSlice(raw)).map((it) => [`bench/${it.name}`, it]),
  );
  const parsedMs = performance.now();
  const parsedCpu = process.cpuUsage();
  store.table(SERVICE_KIND).replace(services);
  store.table(ENDPOINT_SLICE_KIND).replace(slices);
  await converged();
  const coldMs = performance.now() - parsedMs;
  const { user, system } = process.cpuUsage(parsedCpu);
  raws.length = 0;
  const goal = GOALS[name];
  print({
    what: 'cold',
    name,
    services: COUNT,
    limited: LIMITED,
    coldMs,
    coldCpuMs: (user + system) / 1000,
    parseMs: parsedMs - startMs,
    appliedMs,
    ...memoryMb(),
    beforeRssMb: before.rssMb,
    goalMs: goal?.coldMs,
  });

  const singles = LIMITED > 0 ? LIMITED : COUNT;
  const changed = {
    name,
    services: COUNT,
    limited: LIMITED,
    goalP99Ms: LIMITED > 0 ? LIMITED_CHANGE_MS : goal?.changeMs,
  };
  const endpointLags = await lagsOfSingles(converged, (round) => {
    const i = (round * 7919) % singles;
    store.table(ENDPOINT_SLICE_KIND).put(`bench/s${i}-x`, parseEndpointSlice(aSlice(i, 1)));
  });
  print({ what: 'one change', ...changed, ...quantiles(endpointLags) });
  if (LIMITED > 0) {
    const rangeLags = await lagsOfSingles(converged, (round) => {
      const i = (round * 7919) % singles;
      store.table(SERVICE_KIND).put(`bench/s${i}`, parseService(aService(i, 1)));
    });
    print({ what: 'one change of source ranges', ...changed, ...quantiles(rangeLags) });
  }
  await flood(name, store, engine, lifetime);
  await lifetime.close();
}

/** Each change by itself, until the kernel has it. */
async function lagsOfSingles(
  converged: () => Promise<void>,
  change: (round: number) => void,
): Promise<readonly number[]> {
  const lags: number[] = [];
  for (let round = 1; round <= SINGLE_CHANGES; round++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    const atMs = performance.now();
    change(round);
    await converged();
    lags.push(performance.now() - atMs);
  }
  return lags;
}

function quantiles(lags: readonly number[]): object {
  return { p50Ms: quantile(lags, 0.5), p99Ms: quantile(lags, 0.99), maxMs: quantile(lags, 1) };
}

/** A thousand changes a second: a change counts as programmed with the first converged pass after the engine took it. */
async function flood(
  name: string,
  store: Store,
  engine: Engine<AgentView>,
  lifetime: Lifetime,
): Promise<void> {
  const start = memoryMb();
  const waiting: number[] = [];
  const lags: number[] = [];
  const endMs = performance.now() + Number(seconds) * 1000;
  const beginMs = performance.now();
  let count = 0;
  while (performance.now() < endMs && !lifetime.signal.aborted) {
    while (count < performance.now() - beginMs && performance.now() < endMs) {
      count++;
      const i = (count * 104_729) % COUNT;
      store
        .table(ENDPOINT_SLICE_KIND)
        .put(`bench/s${i}-x`, parseEndpointSlice(aSlice(i, Math.floor(count / COUNT))));
      waiting.push(performance.now());
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (engine.isConverged) {
      const nowMs = performance.now();
      for (const atMs of waiting) lags.push(nowMs - atMs);
      waiting.length = 0;
    }
  }
  const lastMs = performance.now();
  while (!engine.isConverged) await new Promise((resolve) => setTimeout(resolve, 1));
  for (const atMs of waiting) lags.push(performance.now() - atMs);
  const end = memoryMb();
  print({
    what: 'changes per second',
    name,
    perSecond: Math.round((count * 1000) / (lastMs - beginMs)),
    limited: LIMITED,
    ...quantiles(lags),
    heapGrowthMb: end.heapMb - start.heapMb,
    rssGrowthMb: end.rssMb - start.rssMb,
    goalP99Ms: 200,
  });
}

function print(row: object): void {
  process.stdout.write(`${JSON.stringify({ bench: 'service-programming', ...row })}\n`);
}

if (names !== '' && !names.includes(',')) await run(names);
else {
  const answers = new Map((await probeMachine()).map((it) => [it.probe.name, it.support]));
  const wanted = names === '' ? SERVICE_BACKENDS.map((it) => it.name) : names.split(',');
  for (const backend of SERVICE_BACKENDS.filter((it) => wanted.includes(it.name))) {
    if (backendSupport(backend, answers).kind !== 'yes') continue;
    // A process each, so that one's memory is not another's.
    const args = ['--expose-gc', fileURLToPath(import.meta.url), backend.name, services, seconds, limited];
    execFileSync(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  }
}
