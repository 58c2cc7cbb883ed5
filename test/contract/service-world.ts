// A node with pods for tests of Services: namespaces joined by veth pairs as the real ones are, a cgroup, a bpffs, and a process in
// each pod. Everything is named t-bpf-* and goes away with the lifetime.

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import type { Ip } from '../../src/base/ip.ts';
import { parseIp } from '../../src/base/ip.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { macFromSeed, type Mac } from '../../src/base/mac.ts';
import type { PeerReply, PeerRequest } from './service-peer.ts';

const NODE = new URL('../../node_modules/node/bin/node', import.meta.url).pathname;
const PEER = new URL('service-peer.ts', import.meta.url).pathname;

/** A namespace with an address of each family, joined to the node by `link`. */
export interface WorldPod {
  readonly name: string;
  readonly netns: string;
  /** Host side of the pod's veth, in the node's namespace. */
  readonly link: string;
  readonly mac: Mac;
  readonly ips: readonly [Ip, Ip];
}

/** A process in a pod that does what it is asked. */
export interface WorldPeer {
  ask(request: PeerRequest): Promise<PeerReply>;
}

export interface ServiceWorld {
  /** Path of the node's namespace. */
  readonly nodeNetns: string;
  readonly cgroup: string;
  readonly pinDir: string;
  readonly pods: ReadonlyMap<string, WorldPod>;
  /** Starts a process in a pod, or on the "node"; outside of the cgroup its sockets meet no socket program. */
  startPeer(pod: string, options: { readonly isInCgroup: boolean }): WorldPeer;
}

/** Builds the world; `podNames` at most 200. Run as root. */
export function buildServiceWorld(podNames: readonly string[], lifetime: Lifetime): ServiceWorld {
  const id = `t-bpf-${process.pid}`;
  const node = `${id}-node`;
  makeNetns(node, lifetime);
  run('ip', [
    'netns',
    'exec',
    node,
    'sysctl',
    '-qw',
    'net.ipv4.ip_forward=1',
    'net.ipv6.conf.all.forwarding=1',
  ]);
  // Addresses that the node serves itself, as it does for cluster DNS.
  batch(node, ['addr add 10.96.0.53/32 dev lo', '-6 addr add fd96::53/128 dev lo nodad']);
  const pods = podNames.map((name, at) => makePod({ id, node, name, number: at + 10 }, lifetime));
  const cgroup = makeCgroup(id, lifetime);
  return {
    nodeNetns: `/run/netns/${node}`,
    cgroup,
    pinDir: `${mountBpffs(lifetime)}/node`,
    pods: new Map(pods.map((pod) => [pod.name, pod])),
    startPeer: (pod, { isInCgroup }) => startPeer(`${id}-${pod}`, isInCgroup ? cgroup : undefined, lifetime),
  };
}

function makeNetns(name: string, lifetime: Lifetime): void {
  run('ip', ['netns', 'add', name]);
  lifetime.defer(`namespace ${name}`, () => run('ip', ['netns', 'delete', name]));
  run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
}

interface PodPlan {
  readonly id: string;
  readonly node: string;
  readonly name: string;
  readonly number: number;
}

/** The same shape as the product's pods: a /32 and a /128, everything by way of the node, no question by ARP. */
function makePod({ id, node, name, number }: PodPlan, lifetime: Lifetime): WorldPod {
  const netns = `${id}-${name}`;
  makeNetns(netns, lifetime);
  const link = `h-${name}`;
  const [v4, v6] = [`10.77.0.${number}`, `fd77::${number}`];
  const [mac, hostMac] = [macFromSeed(`pod/${name}`), macFromSeed(`host/${name}`)];
  batch(node, [
    `link add ${link} address ${hostMac} type veth peer name eth0 address ${mac} netns ${netns}`,
    `link set ${link} up`,
    `route add ${v4}/32 dev ${link}`,
    `neigh add ${v4} lladdr ${mac} dev ${link} nud permanent`,
    `-6 route add ${v6}/128 dev ${link}`,
    `-6 neigh add ${v6} lladdr ${mac} dev ${link} nud permanent`,
  ]);
  batch(netns, [
    `link set eth0 up`,
    `addr add ${v4}/32 dev eth0`,
    `-6 addr add ${v6}/128 dev eth0 nodad`,
    `neigh add 169.254.1.1 lladdr ${hostMac} dev eth0 nud permanent`,
    `neigh add fe80::1 lladdr ${hostMac} dev eth0 nud permanent`,
    `route add default via 169.254.1.1 dev eth0 onlink`,
    `-6 route add default via fe80::1 dev eth0`,
  ]);
  return { name, netns: `/run/netns/${netns}`, link, mac, ips: [parseIp(v4), parseIp(v6)] };
}

function batch(netns: string, lines: readonly string[]): void {
  // `ip -batch` takes no family per line: those lines are run one by one.
  for (const line of lines) run('ip', ['-n', netns, ...line.split(' ')]);
}

function makeCgroup(id: string, lifetime: Lifetime): string {
  const path = `${cgroupMount()}/${id}`;
  mkdirSync(path);
  lifetime.defer(`cgroup ${path}`, () => removeCgroup(path));
  return path;
}

/** A cgroup is busy until the kernel has seen the last of its processes off. */
async function removeCgroup(path: string): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    try {
      return rmdirSync(path);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  rmdirSync(path);
}

function cgroupMount(): string {
  const line = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .find((it) => it.split(' ')[2] === 'cgroup2');
  return line?.split(' ')[1] ?? '/sys/fs/cgroup';
}

function mountBpffs(lifetime: Lifetime): string {
  const path = mkdtempSync('/tmp/t-bpf-');
  run('mount', ['-t', 'bpf', 'bpf', path]);
  lifetime.defer(`bpffs ${path}`, () => {
    run('umount', [path]);
    rmdirSync(path);
  });
  return path;
}

function startPeer(netns: string, cgroup: string | undefined, lifetime: Lifetime): WorldPeer {
  const child = spawn('ip', ['netns', 'exec', netns, NODE, PEER], { stdio: ['pipe', 'pipe', 'inherit'] });
  // Sockets belong to the cgroup in which they are made: the process has made none yet.
  if (cgroup !== undefined) writeFileSync(`${cgroup}/cgroup.procs`, String(child.pid));
  lifetime.defer(`peer in ${netns}`, () => stop(child));
  const lines = createInterface({ input: child.stdout });
  return { ask: (request) => ask(child, lines, request) };
}

async function ask(child: ChildProcess, lines: Interface, request: PeerRequest): Promise<PeerReply> {
  const answer = new Promise<string>((resolve) => {
    lines.once('line', resolve);
  });
  child.stdin?.write(`${JSON.stringify(request)}\n`);
  return JSON.parse(await answer) as PeerReply;
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.stdin?.end();
  });
}

function run(program: string, args: readonly string[]): void {
  execFileSync(program, [...args], { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Number of an interface in the namespace of the calling thread; the file system shows those of the mount, so ip is asked. */
export function linkIndex(link: string): number {
  return Number(execFileSync('ip', ['-o', 'link', 'show', 'dev', link], { encoding: 'utf8' }).split(':')[0]);
}
