// Services in nftables by themselves, without the agent around: the whole set from cold, one endpoint's change at that size and a look at all of
// it, beside the program nft given the same elements as text, which is what the kernel and a parser cost. Prints JSON lines. Needs root.
// Usage: node bench/service-nftables.ts [SERVICES] [ENDPOINTS] [CHANGES]

import { parseIp } from '../src/base/ip.ts';
import { parsePort } from '../src/base/port.ts';
import type { FrontendRow } from '../src/backends/service-nftables/frontend-row.ts';
import { renderFrontend, renderSkeleton } from '../src/backends/service-nftables/render.ts';
import { SERVICE_TABLE } from '../src/backends/service-nftables/skeleton-entry.ts';
import { skeletonTarget } from '../src/backends/service-nftables/skeleton-target.ts';
import { frontendTarget } from '../src/backends/service-nftables/target.ts';
import { frontendKey, NO_FRONTEND_OPTIONS, type Frontend, type ServiceView } from '../src/model/network.ts';
import { openConntrack } from '../src/sys/conntrack.ts';
import { openNfTables } from '../src/sys/nf-tables.ts';
import { applyNft } from '../src/sys/nft.ts';
import { anonymousNetns, type Netns } from '../src/sys/netns.ts';
import { runProgram } from '../src/sys/process.ts';

const [services = 10_000, endpoints = 10, changes = 100] = process.argv.slice(2).map(Number);
const SIGNAL = new AbortController().signal;
const SIZE = { services, endpoints };

const VIEW: ServiceView = {
  node: { name: 'node-a', addresses: [], podCidrs: [], labels: new Map() },
  frontends: new Map(),
  cluster: {
    podCidrs: [],
    serviceCidrs: [],
    clusterDomain: 'cluster.local',
    dnsIps: [],
    nodePortAddresses: [],
    allowsExternalIps: false,
  },
};

/** `shift` moves one endpoint, as a pod that is replaced does. */
function aFrontend(index: number, shift = 0): Frontend {
  const list = Array.from({ length: endpoints }, (_, at) => {
    const host = index * (endpoints + 1) + (at === 0 ? shift * endpoints : at);
    return {
      ip: parseIp(`11.${(host >> 16) & 255}.${(host >> 8) & 255}.${host & 255}`),
      port: parsePort(8080),
      node: undefined,
      isTerminating: false,
    };
  });
  const choice = { endpoints: list, whenEmpty: 'refuse' } as const;
  return {
    kind: 'balanced',
    scope: 'cluster-ip',
    namespace: 'bench',
    service: `service-${index}`,
    portName: 'http',
    ip: parseIp(`10.96.${index >> 8}.${index & 255}`),
    port: parsePort(80),
    protocol: 'TCP',
    inside: choice,
    outside: choice,
    masqueradesOutside: true,
    sourceRanges: undefined,
    affinityTimeoutS: undefined,
    options: NO_FRONTEND_OPTIONS,
  };
}

function rowOf(index: number, shift = 0): readonly [string, FrontendRow] {
  const frontend = aFrontend(index, shift);
  const row = renderFrontend(frontend);
  if (row === undefined) throw new Error(`no row of ${frontendKey(frontend)}`);
  return [frontendKey(frontend), row];
}

interface Timed<T> {
  /** As the clock has it, which on a busy machine is others' work, too. */
  readonly ms: number;
  /** Of this process, in the kernel too. */
  readonly cpuMs: number;
  readonly result: T;
}

async function timed<T>(work: () => Promise<T> | T): Promise<Timed<T>> {
  const startMs = performance.now();
  const start = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(start);
  return { ms: performance.now() - startMs, cpuMs: (user + system) / 1000, result };
}

function print(what: string, figures: object): void {
  process.stdout.write(`${JSON.stringify({ bench: 'service-nftables', what, ...SIZE, ...figures })}\n`);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** The elements of rows as nft(8) takes them, a map after the other. */
function elementsText(rows: Iterable<FrontendRow>): string {
  const lists = new Map<string, string[]>();
  for (const { ip, port, elements } of rows) {
    for (const [name, value] of elements) {
      const [set = '', mark] = name.split(' ');
      const key = `${ip} . tcp . ${port}${mark === undefined ? '' : ` . ${mark}`}`;
      const text = value === '' ? key : `${key} : ${value.replace(' ', ' . ')}`;
      const list = lists.get(set);
      if (list === undefined) lists.set(set, [text]);
      else list.push(text);
    }
  }
  const lines = [...lists].map(([set, all]) => `add element inet ${SERVICE_TABLE} ${set}4 { ${all.join(', ')} }\n`); // prettier-ignore
  return lines.join('');
}

async function withTable(work: (netns: Netns) => Promise<void>): Promise<void> {
  const netns = anonymousNetns();
  const tables = openNfTables(netns);
  const conntrack = openConntrack(netns);
  try {
    await skeletonTarget({ tables, conntrack, place: { netns } }).update(renderSkeleton(VIEW), SIGNAL, new Map());
    await work(netns);
  } finally {
    tables.close();
    conntrack.close();
    netns.close();
  }
} // prettier-ignore

async function measureOurs(netns: Netns): Promise<void> {
  const tables = openNfTables(netns);
  const target = frontendTarget(tables, { netns });
  const update = async (rows: ReadonlyMap<string, FrontendRow>): Promise<void> => {
    const failures = await target.update(rows, SIGNAL, new Map());
    if (failures.size > 0) throw new Error(`failed: ${String([...failures.values()][0])}`);
  };
  await target.observe(SIGNAL);
  const rows = new Map(Array.from({ length: services }, (_, index) => rowOf(index)));
  const { ms, cpuMs } = await timed(() => update(rows));
  print('cold, rows to the kernel', { ms, cpuMs, goalMs: 2000 });
  const lags = [];
  for (let index = 0; index < changes; index++) {
    lags.push((await timed(() => update(new Map([rowOf(index, 1)])))).ms);
  }
  print('one change', { p50Ms: quantile(lags, 0.5), p99Ms: quantile(lags, 0.99), goalP99Ms: 15 });
  const again = await timed(() => target.observe(SIGNAL));
  print('a look, nothing else changed the tables', { ms: again.ms, cpuMs: again.cpuMs });
  const first = await timed(() => frontendTarget(tables, { netns }).observe(SIGNAL));
  print('the first look', { ms: first.ms, cpuMs: first.cpuMs });
  tables.close();
}

/** The same by nft; the time of the program is not this process'. */
async function measurePlain(netns: Netns): Promise<void> {
  const text = elementsText(Array.from({ length: services }, (_, index) => rowOf(index)[1]));
  print('nft -f: cold', { ms: (await timed(() => applyNft(text, { netns }))).ms, megabytes: text.length / 1e6 });
  const lags = [];
  for (let index = 0; index < Math.min(changes, 20); index++) {
    const from = rowOf(index)[1];
    const only = { ...from, elements: new Map([...from.elements].slice(1, 2)) };
    const add = elementsText([only]);
    lags.push((await timed(() => applyNft(add.replace('add', 'delete') + add, { netns }))).ms);
  }
  print('nft -f: one change', { p50Ms: quantile(lags, 0.5), p99Ms: quantile(lags, 0.99) });
  const list = ['list', 'map', 'inet', SERVICE_TABLE, 'endpoints4'];
  const { ms } = await timed(() => runProgram('nft', list, { netns, maxOutputBytes: 2 ** 28, timeoutMs: 300_000 }));
  print('nft list: the map of endpoints', { ms });
} // prettier-ignore

await withTable(measureOurs);
await withTable(measurePlain);
