// Services in IPVS: the whole set from cold, beside the same services given to `ipvsadm -R`; the whole state read back, beside `ipvsadm -S` of the
// same; and one endpoint's change at that size. Prints JSON lines. Needs root and a kernel with IPVS; build machines may have none: `test/vm/ipvsadm`,
// then `VM_SECONDS=3600 test/vm/run node_modules/node/bin/node bench/service-ipvs.ts 10000`.
// ipvsadm is the one that `test/vm/ipvsadm` unpacks, or the machine's own.
// Usage: node bench/service-ipvs.ts [SERVICES] [ENDPOINTS] [CHANGES]

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Lifetime } from '../src/base/lifetime.ts';
import { parseCidr } from '../src/base/cidr.ts';
import { parseIp } from '../src/base/ip.ts';
import { parsePort } from '../src/base/port.ts';
import { baseTarget, renderBase } from '../src/backends/service-ipvs/base-target.ts';
import { openIpvsKernel, type IpvsKernel } from '../src/backends/service-ipvs/kernel.ts';
import { IPVS_RENDERING } from '../src/backends/service-ipvs/render.ts';
import { ipvsTarget } from '../src/backends/service-ipvs/target.ts';
import type { IpvsRow } from '../src/backends/service-ipvs/row.ts';
import { frontendKey, NO_FRONTEND_OPTIONS, type Frontend, type ServiceView } from '../src/model/network.ts';
import { openIpvs } from '../src/sys/ipvs.ts';
import { anonymousNetns, type Netns } from '../src/sys/netns.ts';
import { runProgram } from '../src/sys/process.ts';
import { buildServiceWorld } from '../test/contract/service-world.ts';

const [services = 10_000, endpoints = 10, changes = 20] = process.argv.slice(2).map(Number);
const SIGNAL = new AbortController().signal;
const UNPACKED = fileURLToPath(new URL('../build/vm/ipvsadm', import.meta.url));

const VIEW: ServiceView = {
  node: {
    name: 'node-a',
    addresses: [parseIp('192.0.2.1')],
    podCidrs: [parseCidr('10.0.0.0/24')],
    labels: new Map(),
  },
  frontends: new Map(),
  cluster: {
    podCidrs: [parseCidr('10.0.0.0/10')],
    serviceCidrs: [parseCidr('10.96.0.0/16')],
    clusterDomain: 'cluster.local',
    dnsIps: [],
    nodePortAddresses: [],
    allowsExternalIps: false,
  },
};
const CONTEXT = IPVS_RENDERING.contextOf(VIEW);

/** `shift` moves one endpoint, as a pod that is replaced does; with `isLocal` outside clients have fewer endpoints. */
function aFrontend(index: number, shift = 0, isLocal = false): Frontend {
  const list = Array.from({ length: endpoints }, (_, at) => {
    const host = index * endpoints + at + (at === 0 ? shift : 0);
    return {
      ip: parseIp(`10.${(host >> 16) & 31}.${(host >> 8) & 255}.${host & 255}`),
      port: parsePort(8080),
      node: `node-${at}`,
      isTerminating: false,
    };
  });
  return {
    kind: 'balanced',
    scope: 'cluster-ip',
    namespace: 'bench',
    service: `service-${index}`,
    portName: 'http',
    ip: parseIp(`10.96.${index >> 8}.${index & 255}`),
    port: parsePort(80),
    protocol: 'TCP',
    inside: { endpoints: list, whenEmpty: 'refuse' },
    outside: { endpoints: isLocal ? list.slice(0, 2) : list, whenEmpty: 'refuse' },
    masqueradesOutside: !isLocal,
    sourceRanges: undefined,
    affinityTimeoutS: undefined,
    options: NO_FRONTEND_OPTIONS,
  };
}

function rowOf(frontend: Frontend): readonly [string, IpvsRow] {
  const row = IPVS_RENDERING.renderFrontend(frontend, CONTEXT);
  if (row === undefined) throw new Error('a frontend of this bench has a row');
  return [frontendKey(frontend), row];
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly ms: number; readonly result: T }> {
  const startMs = performance.now();
  const result = await work();
  return { ms: performance.now() - startMs, result };
}

function mustBeEmpty(failures: ReadonlyMap<string, unknown>): void {
  for (const [key, error] of failures) throw new Error(`failed: ${key}: ${String(error)}`);
}

/** The same services and endpoints as text of `ipvsadm -S`. */
function restoreText(rows: Iterable<IpvsRow>): string {
  const lines: string[] = [];
  for (const { ip, port, inside } of rows) {
    lines.push(`-A -t ${ip}:${port} -s rr`);
    for (const it of inside?.destinations ?? [])
      lines.push(`-a -t ${ip}:${port} -r ${it.ip}:${it.port} -m -w 1`);
  }
  return `${lines.join('\n')}\n`;
}

async function ipvsadmMs(netns: Netns | string, args: readonly string[], stdin = ''): Promise<number> {
  const isUnpacked = existsSync(`${UNPACKED}/sbin/ipvsadm`);
  const program = isUnpacked ? `${UNPACKED}/sbin/ipvsadm` : 'ipvsadm';
  const libraries = ['lib', 'usr/lib'].map((it) => `${UNPACKED}/${it}/x86_64-linux-gnu`).join(':');
  const env = { PATH: process.env['PATH'] ?? '', LD_LIBRARY_PATH: libraries };
  return (await timed(() => runProgram(program, args, { netns, stdin, env, timeoutMs: 1_800_000 }))).ms;
}

async function plainRestoreMs(text: string): Promise<number> {
  const netns = anonymousNetns();
  try {
    // Without any local route the kernel takes no address for a unicast one.
    await runProgram('ip', ['link', 'set', 'lo', 'up'], { netns });
    return await ipvsadmMs(netns, ['-R'], text);
  } finally {
    netns.close();
  }
}

/** What the kernel holds, read as a whole: as rows, as services with their destinations alone, and by `ipvsadm -S`. */
async function printReads(kernel: IpvsKernel, nodeNetns: string): Promise<void> {
  const seen = await timed(() => ipvsTarget(kernel).observe(SIGNAL));
  const listed = await timed(async () => {
    let count = 0;
    for (const { key } of await kernel.ipvs.services()) count += (await kernel.ipvs.destinations(key)).length;
    return count;
  });
  const plainMs = await ipvsadmMs(nodeNetns, ['-S', '-n']);
  const beside = (ms: number): Readonly<Record<string, number>> => ({
    ms: Math.round(ms),
    plainMs: Math.round(plainMs),
    ratio: Number((ms / plainMs).toFixed(3)),
  });
  print({ what: 'observe', ...beside(seen.ms), rows: seen.result.size });
  print({ what: 'services and destinations alone', ...beside(listed.ms), destinations: listed.result });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function print(row: Readonly<Record<string, unknown>>): void {
  const isEmulated = process.env['FAIRLEAD_VM'] === '1';
  process.stdout.write(
    `${JSON.stringify({ bench: 'service-ipvs', services, endpoints, ...(isEmulated ? { machine: 'emulated' } : {}), ...row })}\n`,
  );
}

async function run(lifetime: Lifetime): Promise<void> {
  const { nodeNetns } = buildServiceWorld([], lifetime);
  const kernel = openIpvsKernel(nodeNetns, lifetime);
  const target = ipvsTarget(kernel);
  mustBeEmpty(await baseTarget(kernel).update(renderBase(VIEW), SIGNAL, new Map()));
  const rows = new Map<string, IpvsRow>();
  const cold = await timed(async () => {
    for (let i = 0; i < services; i++) {
      const [key, row] = rowOf(aFrontend(i));
      rows.set(key, row);
    }
    mustBeEmpty(await target.update(rows, SIGNAL, new Map()));
  });
  const plainMs = await plainRestoreMs(restoreText(rows.values()));
  print({
    what: 'from cold, with addresses and elements',
    ms: Math.round(cold.ms),
    plainMs: Math.round(plainMs),
    ratio: Number((cold.ms / plainMs).toFixed(3)),
  });
  await printReads(kernel, nodeNetns);
  for (const isLocal of [false, true]) {
    const times: number[] = [];
    for (let i = 0; i < changes; i++) {
      const index = Math.floor((i * services) / changes);
      const one = rowOf(aFrontend(index, services * endpoints + (isLocal ? 1 : 0), isLocal));
      const { ms, result } = await timed(() => target.update(new Map([one]), SIGNAL, rows));
      mustBeEmpty(result);
      rows.set(...one);
      times.push(ms);
    }
    print({
      what: isLocal ? 'one Service gets other endpoints for outside clients' : 'one endpoint changes',
      ms: Number(median(times).toFixed(2)),
      maxMs: Number(Math.max(...times).toFixed(2)),
    });
  }
  const [first] = rows;
  if (first !== undefined) {
    const { ms, result } = await timed(() => target.delete(new Map([first]), SIGNAL));
    mustBeEmpty(result);
    rows.delete(first[0]);
    print({ what: 'one Service leaves', ms: Number(ms.toFixed(2)) });
  }
  const gone = await timed(() => target.delete(rows, SIGNAL));
  mustBeEmpty(gone.result);
  print({ what: 'all leave', ms: Math.round(gone.ms) });
}

const probe = openIpvs();
const hasIpvs = probe.isPresent();
probe.close();
if (!hasIpvs) print({ what: 'left out: this kernel has no IPVS' });
else {
  const lifetime = new Lifetime('bench of IPVS');
  try {
    await run(lifetime);
  } finally {
    await lifetime.close();
  }
}
