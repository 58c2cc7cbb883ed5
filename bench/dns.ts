// How fast and how large the DNS process is with many Services: JSON lines, with dnsmasq beside it where that is installed.
// Usage: node bench/dns.ts [--seconds 5] [--services 10000]. Answers per second of the server's own processor time are what counts:
// the generator shares the machine.

import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import packet from 'dns-packet';
import { parseCidr } from '../src/base/cidr.ts';
import { Lifetime } from '../src/base/lifetime.ts';
import { nameEntryKey, type NameEntry } from '../src/model/names.ts';
import { writeZoneFile } from '../src/dns/zone-file.ts';
import { parseNameEntry } from '../src/dns/zone-json.ts';
import { startDnsProcess } from '../test/support/dns-process.ts';
import { DnsLoadProgram } from './dns/load.ts';
import { cpuSeconds } from './dns/processor-time.ts';
import { writeQuestions, type AskedName } from './dns/questions.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    services: { type: 'string', default: '10000' },
    open: { type: 'string', default: '64' },
  },
});
const services = Number(values.services);
const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-bench-dns-'));
const PORT = 15_353;
const UPSTREAM_PORT = 15_354;
const PEER_PORT = 15_355;
const IP = '127.0.0.1';

function ipv4(base: number, i: number): string {
  return `10.${base}.${(i >> 8) & 255}.${i & 255}`;
}

function entries(): NameEntry[] {
  const ports = [
    { name: 'http', port: 80, protocol: 'TCP' },
    { name: 'metrics', port: 9090, protocol: 'TCP' },
  ];
  const list = Array.from({ length: services }, (_, i) => ({
    kind: 'cluster-ip',
    namespace: `team-${i % 100}`,
    service: `service-${i}`,
    ips: [ipv4(96 + (i >> 16), i), `fd00:10:96::${i.toString(16)}`],
    ports,
  }));
  const endpoints = [1, 2, 3].map((i) => ({ ip: `10.244.0.${i}`, hostname: `db-${i}`, ports }));
  return [...list, { kind: 'headless', namespace: 'team-0', service: 'db', endpoints }].map((it) =>
    parseNameEntry(it),
  );
}

interface Case {
  readonly name: string;
  readonly questions: readonly string[];
}

function cases(): Case[] {
  const service = (i: number): string => `service-${i}.team-${i % 100}.svc.cluster.local`;
  const all = Array.from({ length: Math.min(services, 20_000) }, (_, i) => (i * 7919) % services);
  return [
    { name: 'one Service, A', questions: [`${service(1)} A`] },
    {
      name: 'every Service, A and AAAA',
      questions: all.flatMap((i) => [`${service(i)} A`, `${service(i)} AAAA`]),
    },
    { name: 'every Service, SRV', questions: all.map((i) => `_http._tcp.${service(i)} SRV`) },
    { name: 'headless of three, A', questions: ['db.team-0.svc.cluster.local A'] },
    { name: 'search list, NXDOMAIN', questions: all.map((i) => `${service(i)}.team-1.svc.cluster.local A`) },
    {
      name: 'forwarded, from cache',
      questions: Array.from({ length: 1000 }, (_, i) => `host-${i}.example.org A`),
    },
  ];
}

function residentMb(pid: number): number {
  const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kb) / 102.4) / 10;
}

function asked(line: string): AskedName {
  const [name = '', type = 'A'] = line.split(' ');
  return { name, type: type as AskedName['type'] };
}

/** The same questions by dnsperf, an independent generator; undefined where it is not installed. */
function dnsperf(port: number, file: string): number | undefined {
  const args = ['-s', IP, '-p', String(port), '-d', file, '-l', values.seconds, '-c', '4', '-q', values.open];
  const { stdout, status } = spawnSync('dnsperf', args, { encoding: 'utf8' });
  const perS = /Queries per second:\s+([\d.]+)/.exec(stdout ?? '')?.[1];
  return status === 0 && perS !== undefined ? Math.round(Number(perS)) : undefined;
}

/** Answers every A question with one address. */
function startUpstream(): () => void {
  const socket = createSocket('udp4');
  socket.on('message', (bytes, from) => {
    const query = packet.decode(bytes);
    const name = query.questions?.[0]?.name ?? '';
    const answer = packet.encode({
      type: 'response',
      id: query.id ?? 0,
      questions: query.questions ?? [],
      answers: [{ type: 'A', name, ttl: 3600, data: '192.0.2.1' }],
    });
    socket.send(answer, from.port, from.address);
  });
  socket.bind(UPSTREAM_PORT, IP);
  return () => socket.close();
}

function print(line: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify({ bench: 'dns', services, ...line })}\n`);
}

async function measure(server: string, pid: number, port: number): Promise<void> {
  for (const it of cases()) {
    const file = path.join(folder, 'questions');
    writeFileSync(file, `${it.questions.join('\n')}\n`);
    writeQuestions(`${file}.wire`, it.questions.map(asked));
    const load = { ip: IP, port, open: Number(values.open), questions: `${file}.wire` };
    await program.run({ ...load, seconds: 1 });
    const before = { cpu: cpuSeconds(pid), ms: performance.now() };
    const result = await program.run({ ...load, seconds: Number(values.seconds) });
    const elapsedS = (performance.now() - before.ms) / 1000;
    const cpu = cpuSeconds(pid) - before.cpu;
    const answers = result.answersPerS * Number(values.seconds);
    const perf = dnsperf(port, file);
    print({
      server,
      case: it.name,
      ...result,
      answersPerCpuS: Math.round(answers / cpu),
      cpuShare: Math.round((cpu / elapsedS) * 100) / 100,
      dnsperfPerS: perf,
      rssMb: residentMb(pid),
    });
  }
}

/** dnsmasq answers the same names from its own configuration: one thread of C, the usual small resolver. */
async function measurePeer(list: readonly NameEntry[]): Promise<void> {
  const records = list.flatMap((entry) =>
    entry.kind === 'cluster-ip'
      ? [
          `host-record=${entry.service}.${entry.namespace}.svc.cluster.local,${entry.ips.join(',')}`,
          `srv-host=_http._tcp.${entry.service}.${entry.namespace}.svc.cluster.local,${entry.service}.${entry.namespace}.svc.cluster.local,80`,
        ]
      : [1, 2, 3].map((i) => `host-record=db.team-0.svc.cluster.local,10.244.0.${i}`),
  );
  const file = path.join(folder, 'dnsmasq.conf');
  const fixed = ['no-resolv', 'no-hosts', 'keep-in-foreground', 'bind-interfaces', `listen-address=${IP}`];
  const local = [
    'local=/cluster.local/',
    `server=${IP}#${UPSTREAM_PORT}`,
    `port=${PEER_PORT}`,
    'cache-size=10000',
  ];
  writeFileSync(
    file,
    `${[...fixed, ...local, 'user=root', 'dns-forward-max=1000', ...records].join('\n')}\n`,
  );
  const child = spawn('dnsmasq', ['-C', file], { stdio: 'ignore' });
  const failed = new Promise<boolean>((resolve) => {
    child.on('error', () => resolve(true));
    setTimeout(() => resolve(false), 1500);
  });
  if (await failed) {
    print({ server: 'dnsmasq', skipped: 'not installed' });
    return;
  }
  try {
    await measure('dnsmasq', child.pid ?? 0, PEER_PORT);
  } finally {
    child.kill('SIGTERM');
  }
}

const lifetime = new Lifetime('bench');
const program = DnsLoadProgram.compile(lifetime);
const stopUpstream = startUpstream();
try {
  const list = entries();
  const zone = {
    prefixes: ['10.96.0.0/12', 'fd00:10:96::/112'].map(parseCidr),
    entries: new Map(list.map((entry) => [nameEntryKey(entry), entry])),
  };
  const zoneFile = path.join(folder, 'zone');
  await writeZoneFile(zoneFile, { zone, revision: 1 });
  const config = {
    listen: [IP],
    port: PORT,
    zoneFile,
    feedSocket: path.join(folder, 'dns.sock'),
    clusterDomain: 'cluster.local',
    upstreams: [`${IP}:${UPSTREAM_PORT}`],
    metricsPort: PORT + 10,
  };
  const start = () =>
    // As bin/fairlead does: sources are stripped of their types once, not at each start.
    startDnsProcess(path.join(folder, 'dns.json'), config, undefined, {
      NODE_COMPILE_CACHE: path.join(folder, 'compile-cache'),
    });
  const first = start();
  await first.said('answering');
  await first.end('SIGTERM');
  const startMs = performance.now();
  const dns = start();
  await dns.said('answering');
  print({ server: 'fairlead', startMs: Math.round(performance.now() - startMs), rssMb: residentMb(dns.pid) });
  await measure('fairlead', dns.pid, PORT);
  await dns.end('SIGTERM');
  await measurePeer(list);
} finally {
  stopUpstream();
  rmSync(folder, { recursive: true });
  await lifetime.close();
}
