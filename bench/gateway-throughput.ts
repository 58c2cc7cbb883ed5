// The proxy of a Gateway beside HAProxy and nginx whose configurations were written by hand, in turns: requests per second for one route, for one among 5,000, for what
// Lua decides and does, and by HTTP/2 over TLS; and how long it takes until a change of one among 5,000 is there. Prints JSON lines. Needs root, HAProxy, nginx, wrk and h2load.
// usage: node bench/gateway-throughput.ts [seconds for each in a round, default 1] [rounds, default 5]

import { mkdtempSync, rmSync } from 'node:fs';
import { parseIp } from '../src/base/ip.ts';
import { Lifetime } from '../src/base/lifetime.ts';
import { parsePort } from '../src/base/port.ts';
import type { ProxyModel, RouteEntry, TlsPort } from '../src/model/gateway.ts';
import { makeTestPair, type TestPair } from '../test/support/gateway-tables.ts';
import {
  aBackend,
  aListener,
  aModel,
  anEntry,
  anHttpPort,
  aRule,
  aTable,
} from '../test/support/proxy-models.ts';
import { openProxyRig } from '../test/support/proxy-rig.ts';
import { measureRates, type Rate, type Target } from './gateway/load.ts';
import { checkPrograms, PORTS, startRivals, type Rivals } from './gateway/rivals.ts';

const SECONDS = Number(process.argv[2] ?? 1);
const ROUNDS = Number(process.argv[3] ?? 5);
const ROUTES = 5000;
const CHANGES = 50;
/** As the rig's proxy has. */
const THREADS = 2;
const HOST = 'x.example.com';

const prefixes = Array.from({ length: ROUTES + CHANGES }, (_, i) => `/route${i === 0 ? '' : `-${i}`}`);
const header = { type: 'exact' as const, name: 'x-kind', value: 'bench' };
const many = (more: number): readonly RouteEntry[] =>
  prefixes.slice(0, ROUTES + more).map((it) => anEntry(`${it}*`, 'plain'));

/** What is measured of the proxy, by its port; what it is held to is the rate of another one. */
const CASES: readonly Case[] = [
  {
    port: 80,
    what: 'one route',
    entries: [anEntry('/route*', 'plain')],
    goals: { haproxy: 0.95, nginx: 0.9 },
  },
  { port: 81, what: `one of ${ROUTES} routes`, entries: many(0), goals: { haproxy: 0.9, nginxMany: 1 } },
  {
    port: 82,
    what: 'a route with a condition on a header',
    entries: [anEntry('/route*', 'plain', { headers: [header] })],
    goals: { haproxy: 0.7 },
  },
  {
    port: 83,
    what: 'a route to two backends by weight',
    entries: [anEntry('/route*', 'split')],
    goals: { haproxy: 0.7 },
  },
  {
    port: 84,
    what: 'a route with a filter',
    entries: [anEntry('/route*', 'filter')],
    goals: { haproxy: undefined },
  },
  {
    port: 85,
    what: 'a route with a timeout for all tries',
    entries: [anEntry('/route*', 'total')],
    goals: { 'one route': 0.5, haproxyTwice: undefined },
  },
  {
    port: 443,
    what: 'one route, HTTP/2 over TLS',
    entries: [anEntry('/route*', 'plain')],
    goals: { haproxyTls: undefined, nginxTls: undefined },
  },
];

interface Case {
  readonly port: number;
  readonly what: string;
  readonly entries: readonly RouteEntry[];
  /** Ratio to another target that is wanted; undefined where there is no goal. */
  readonly goals: Readonly<Record<string, number | undefined>>;
}

function portOf({ port, entries }: Case, pair: TestPair): ProxyModel['ports'][number] {
  const hosts = [aTable(HOST, ...entries)];
  if (port !== 443) return anHttpPort(port, aListener(undefined, ...hosts));
  const tls = { certificates: [pair.certificate], clientValidation: undefined };
  const listener = { id: 'bench/gateway/https', kind: 'https', hostname: undefined, tls, hosts } as const;
  return { kind: 'tls', port: parsePort(port), listeners: [listener] } satisfies TlsPort;
}

function modelOf(cases: readonly Case[], pair: TestPair, address: string): ProxyModel {
  const endpoints = [{ ip: parseIp(address), port: parsePort(PORTS.answers) }];
  const set = [{ name: 'x-bench', value: 'yes' }];
  const certificate = { id: pair.certificate, pem: `${pair.certificate}\n${pair.key}`, names: [HOST] };
  return {
    ...aModel({
      ports: cases.map((it) => portOf(it, pair)),
      rules: [
        aRule('plain', 'web'),
        aRule('split', { web: 1, other: 1 }),
        aRule('filter', 'web', { filters: [{ kind: 'request-headers', set, add: [], remove: [] }] }),
        aRule('total', 'retried', { requestTimeoutMs: 10_000 }),
      ],
      backends: [
        aBackend('web', endpoints),
        aBackend('other', endpoints),
        aBackend('retried', endpoints, { retry: { attempts: 2, codes: [] } }),
      ],
    }),
    certificates: new Map([[certificate.id, certificate]]),
  };
}

function targetsAt(address: string, rivals: Rivals, ours: number): readonly Target[] {
  const theirs = Object.entries(PORTS).filter(([name]) => name !== 'answers');
  const isTls = (port: number): boolean => [443, PORTS.haproxyTls, PORTS.nginxTls].some((it) => it === port);
  const tool = (port: number): Target['tool'] => (isTls(port) ? 'h2load' : 'wrk');
  return [
    ...theirs.map(([name, port]) => {
      const pid = name.startsWith('nginx') ? rivals.nginx : rivals.haproxy;
      return { name, port, address, pid, tool: tool(port) };
    }),
    ...CASES.map(({ what, port }) => ({ name: what, port, address, pid: ours, tool: tool(port) })),
  ];
}

function report(what: string, figures: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify({ bench: 'gateway-throughput', what, ...figures }));
}

function reportCase({ what, goals }: Case, rates: ReadonlyMap<string, Rate>): void {
  const own = rates.get(what);
  const figures: Record<string, unknown> = { ...own };
  for (const [name, goal] of Object.entries(goals)) {
    const other = rates.get(name);
    if (own === undefined || other === undefined) continue;
    figures[`perSecond of ${name}`] = other.perSecond;
    figures[`cpuUs of ${name}`] = other.cpuUs;
    figures[`ratio to ${name}`] = own.perSecond / other.perSecond;
    figures[`goal to ${name}`] = goal;
  }
  report(what, figures);
}

/** How long a publication of one more route takes. */
async function reportChanges(publish: (entries: readonly RouteEntry[]) => Promise<unknown>): Promise<void> {
  await publish(many(0));
  const times: number[] = [];
  for (let i = 1; i <= CHANGES; i++) {
    const entries = many(i);
    const startMs = performance.now();
    await publish(entries);
    times.push(performance.now() - startMs);
  }
  times.sort((a, b) => a - b);
  report(`one more of ${ROUTES} routes`, { p50Ms: times[CHANGES / 2], p99Ms: times.at(-1) });
}

checkPrograms();
const lifetime = new Lifetime('bench');
try {
  const rig = await openProxyRig(lifetime);
  const { address, driver } = rig;
  const folder = mkdtempSync('/tmp/t-bench-gateway-');
  lifetime.defer('the folder', () => rmSync(folder, { recursive: true }));
  const pair = await makeTestPair();
  const rivals = await startRivals(
    { address, folder, pair, threads: THREADS, prefixes: prefixes.slice(0, ROUTES) },
    lifetime,
  );
  await driver.publish(modelOf(CASES, pair, address));
  const targets = targetsAt(address, rivals, rig.process.pid ?? 0);
  const rates = measureRates(targets, { rounds: ROUNDS, seconds: SECONDS });
  for (const it of CASES) reportCase(it, rates);
  await reportChanges((entries) => {
    const one = { port: 80, what: '', entries, goals: {} };
    return driver.publish(modelOf([one], pair, address));
  });
} finally {
  await lifetime.close();
}
