// A node with an agent, its DNS process, ten thousand Services and one pod; and Knot on the same node with the same names.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { NAMESPACES, PODS, SERVICES } from '../../src/kube/resource.ts';
import { inNetns } from '../../src/sys/netns.ts';
import { attachPod } from '../../test/support/attach-pod.ts';
import { startDnsProcess, type DnsProcess } from '../../test/support/dns-process.ts';
import { eventually } from '../../test/support/eventually.ts';
import { ServiceRig } from '../../test/support/service-rig.ts';
import { writeZone, type NamedAddresses } from './questions.ts';

export const CLUSTER_DNS = '10.96.0.10';
/** The node itself, where Knot listens. */
export const KNOT = '10.89.1.11';
const DOMAIN = 'cluster.local';
const TEAMS = 100;

export interface DnsRig {
  readonly rig: ServiceRig;
  readonly folder: string;
  readonly podNetns: string;
  readonly names: readonly NamedAddresses[];
  readonly dns: DnsProcess;
}

export function fullName({ name }: NamedAddresses): string {
  return `${name}.${DOMAIN}`;
}

function namesOf(services: number): readonly NamedAddresses[] {
  return Array.from({ length: services }, (_, i) => ({
    name: `service-${i}.team-${i % TEAMS}.svc`,
    v4: `10.96.${1 + (i >> 8)}.${i & 255}`,
    v6: `fd00:10:96::${(0x1000 + i).toString(16)}`,
  }));
}

export function putService({ api }: ServiceRig, { name, v4, v6 }: NamedAddresses): void {
  const [service = '', namespace = ''] = name.split('.');
  const ports = [{ name: 'http', port: 80, protocol: 'TCP' }];
  api.put(SERVICES, {
    metadata: { namespace, name: service },
    spec: { clusterIP: v4, clusterIPs: [v4, v6], ports },
  });
}

export async function openDnsRig(services: number, lifetime: Lifetime): Promise<DnsRig> {
  const folder = mkdtempSync(`${tmpdir()}/t-bench-dns-`);
  lifetime.defer('folder', () => rmSync(folder, { recursive: true }));
  const prefix = 't-bench-dns';
  const [dnsSocket, serviceCidrs] = [`${folder}/dns.sock`, ['10.96.0.0/16', 'fd00:10:96::/112']];
  const rig = new ServiceRig({ prefix, backend: 'ebpf', config: { dnsSocket, serviceCidrs } }, lifetime);
  const names = namesOf(services);
  for (const it of names) putService(rig, it);
  const dnsIps = [CLUSTER_DNS, 'fd00:10:96::a'];
  rig.api.put(SERVICES, {
    metadata: { namespace: 'kube-system', name: 'kube-dns' },
    spec: { clusterIP: CLUSTER_DNS, clusterIPs: dnsIps, ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] },
  });
  const started = rig.start();
  await eventually(() => rig.node.netns !== '', 60_000);
  const config = {
    listen: dnsIps,
    zoneFile: `${folder}/zone.json`,
    feedSocket: dnsSocket,
    clusterDomain: DOMAIN,
    upstreams: ['127.0.0.1:5355'],
  };
  const dns = startDnsProcess(`${folder}/dns.json`, config, rig.node.netns);
  lifetime.defer('DNS process', async () => void (await dns.end('SIGKILL')));
  await started;
  await dns.said('answering');
  return { rig, folder, podNetns: await addPod(rig, lifetime), names, dns };
}

async function addPod(rig: ServiceRig, lifetime: Lifetime): Promise<string> {
  const netns = '/run/netns/t-bench-dns-pod';
  const [namespace, name, uid] = ['default', 'asks', 'u-asks'];
  rig.api.put(NAMESPACES, { metadata: { name: namespace } });
  const pod = { metadata: { namespace, name, uid }, spec: { nodeName: rig.node.name, containers: [] } };
  rig.api.put(PODS, pod);
  const status = await attachPod(rig.node, { netns, namespace, name, uid }, lifetime);
  rig.api.put(PODS, { ...pod, status });
  return netns;
}

/** Debian's `knot`, with a worker for each processor, the same names, and nothing else to do. Resolves with its process when it answers. */
export async function startKnot({ rig, folder, names }: DnsRig, lifetime: Lifetime): Promise<number> {
  const home = `${folder}/knot`;
  mkdirSync(home);
  writeZone(`${home}/${DOMAIN}.zone`, DOMAIN, names);
  const config = [
    `server:\n  rundir: ${home}\n  listen: ${KNOT}@53\n  udp-workers: 2\n  tcp-workers: 1\n  background-workers: 1`,
    `database:\n  storage: ${home}/db`,
    `log:\n  - target: stderr\n    any: warning`,
    `template:\n  - id: default\n    storage: ${home}\n    zonefile-sync: -1\n    journal-content: none`,
    `zone:\n  - domain: ${DOMAIN}\n    file: ${home}/${DOMAIN}.zone`,
  ];
  writeFileSync(`${home}/knot.conf`, `${config.join('\n')}\n`);
  const child = inNetns(rig.node.netns, () =>
    spawn('knotd', ['-c', `${home}/knot.conf`], { stdio: ['ignore', 'inherit', 'inherit'] }),
  );
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  lifetime.defer('Knot', () => {
    child.kill('SIGKILL');
    return ended;
  });
  const [first] = names;
  assert.ok(first);
  await eventually(() => {
    const question = [`@${KNOT}`, '+short', '+tries=1', '+time=1', fullName(first), 'A'];
    const answer = inNetns(rig.node.netns, () => execFileSync('dig', question, { encoding: 'utf8' }));
    assert.equal(answer.trim(), first.v4);
  }, 20_000);
  return child.pid ?? 0;
}
