// A node with pods for tests of Services: namespaces joined by veth pairs as the real ones are, a client outside of the cluster, a pod
// of another node, a cgroup, a bpffs, and a process in each of them. Everything goes away with the lifetime.
//
//   outside 192.0.2.9 <-- eth0 --> node 192.0.2.1        pods 10.77.0.0/24 (client .10, a .11, b .12)
//                                       203.0.113.1 <-- eth1 --> remote 10.77.1.13, of another node's prefix
//
// The remote endpoint knows the way to the node and to its pods alone: what it answers to the outside client is lost, so that it answers
// outside clients only where the node hides them.

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import type { Ip } from '../../src/base/ip.ts';
import { parseIp } from '../../src/base/ip.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { macFromSeed, type Mac } from '../../src/base/mac.ts';
import type { BurstRequest, PeerAnswer } from './service-burst.ts';
import type { PeerReply, PeerRequest } from './service-peer.ts';
import { mountBpffs } from '../support/bpffs.ts';
import { ownName } from '../support/own-name.ts';
import { joinNeighbours, UPLINKS } from './service-neighbours.ts';
import { batch, makeNetns, run } from './service-netns.ts';

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
  burst(request: BurstRequest): Promise<readonly PeerAnswer[]>;
}

export interface ServiceWorld {
  /** Path of the node's namespace. */
  readonly nodeNetns: string;
  readonly cgroup: string;
  readonly pinDir: string;
  readonly pods: ReadonlyMap<string, WorldPod>;
  /** The node's links to the outside client and to the remote endpoint. */
  readonly uplinks: readonly string[];
  /** Starts a process in a pod, on the "node", "outside", or at the "remote" endpoint; outside of the cgroup its sockets meet no socket program. */
  startPeer(pod: string, options: { readonly isInCgroup: boolean }): WorldPeer;
}

/** A node forwards. It says all that it has to say: by default ICMP errors to one client are held back, which is what rows look for. */
export const NODE_SYSCTLS: readonly string[] = [
  'net.ipv4.ip_forward=1',
  'net.ipv6.conf.all.forwarding=1',
  'net.ipv4.conf.all.send_redirects=0',
  'net.ipv4.conf.default.send_redirects=0',
  'net.ipv4.conf.lo.accept_local=1',
  'net.ipv4.icmp_ratelimit=0',
  'net.ipv6.icmp.ratelimit=0',
];

/** Builds the world; `podNames` at most 200. Run as root. */
export function buildServiceWorld(podNames: readonly string[], lifetime: Lifetime): ServiceWorld {
  const id = ownName('bpf');
  const node = `${id}-node`;
  makeNetns(node, lifetime);
  run('ip', ['netns', 'exec', node, 'sysctl', '-qw', ...NODE_SYSCTLS]);
  // Addresses that the node serves itself, as it does for cluster DNS. The kernel must not choose them where it hides a client.
  batch(node, [
    'addr add 10.96.0.53/32 dev lo scope host',
    '-6 addr add fd96::53/128 dev lo nodad preferred_lft 0',
  ]);
  joinNeighbours(id, node, lifetime);
  const pods = podNames.map((name, at) => makePod({ id, node, name, ips: addressesAt(at + 10) }, lifetime));
  const cgroup = makeCgroup(id, lifetime);
  return {
    nodeNetns: `/run/netns/${node}`,
    cgroup,
    pinDir: `${mountBpffs(lifetime)}/node`,
    pods: new Map(pods.map((pod) => [pod.name, pod])),
    uplinks: UPLINKS,
    startPeer: (pod, { isInCgroup }) =>
      startPeerIn(`${id}-${pod}`, isInCgroup ? cgroup : undefined, lifetime),
  };
}

function addressesAt(number: number): readonly [Ip, Ip] {
  return [parseIp(`10.77.0.${number}`), parseIp(`fd77::${number}`)];
}

export interface PodPlan {
  readonly id: string;
  /** Name of the node's namespace. */
  readonly node: string;
  readonly name: string;
  readonly ips: readonly [Ip, Ip];
}

/** Smaller than its pod's own: what the path carries is learned from ICMP errors alone. */
const NARROW = { pod: 'b', mtuBytes: 1300 };

/** The same shape as the product's pods: a /32 and a /128, everything by way of the node, no question by ARP. */
export function makePod({ id, node, name, ips }: PodPlan, lifetime: Lifetime): WorldPod {
  const netns = `${id}-${name}`;
  makeNetns(netns, lifetime);
  const link = `h-${name}`;
  const [v4, v6] = ips;
  const [mac, hostMac] = [macFromSeed(`pod/${name}`), macFromSeed(`host/${name}`)];
  batch(node, [
    `link add ${link} address ${hostMac} type veth peer name eth0 address ${mac} netns ${netns}`,
    `link set ${link} ${name === NARROW.pod ? `mtu ${NARROW.mtuBytes} ` : ''}up`,
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
  return { name, netns: `/run/netns/${netns}`, link, mac, ips };
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

/** `netns` is the name of a namespace. */
export function startPeerIn(netns: string, cgroup: string | undefined, lifetime: Lifetime): WorldPeer {
  const child = spawn('ip', ['netns', 'exec', netns, NODE, PEER], { stdio: ['pipe', 'pipe', 'inherit'] });
  // Sockets belong to the cgroup in which they are made: the process has made none yet.
  if (cgroup !== undefined) writeFileSync(`${cgroup}/cgroup.procs`, String(child.pid));
  lifetime.defer(`peer in ${netns}`, () => stop(child));
  const lines = createInterface({ input: child.stdout });
  return {
    // Each kind of request has its one kind of answer.
    ask: async (request) => (await ask(child, lines, request)) as PeerReply,
    burst: async (request) => (await ask(child, lines, request)) as readonly PeerAnswer[],
  };
}

async function ask(
  child: ChildProcess,
  lines: Interface,
  request: PeerRequest | BurstRequest,
): Promise<unknown> {
  const answer = new Promise<string>((resolve, reject) => {
    const onExit = (): void => reject(new Error('the peer is gone'));
    child.once('exit', onExit);
    lines.once('line', (line) => (child.off('exit', onExit), resolve(line)));
  });
  child.stdin?.write(`${JSON.stringify(request)}\n`);
  return JSON.parse(await answer);
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.stdin?.end();
  });
}

/** Number of an interface in the namespace of the calling thread; the file system shows those of the mount, so ip is asked. */
export function linkIndex(link: string): number {
  return Number(execFileSync('ip', ['-o', 'link', 'show', 'dev', link], { encoding: 'utf8' }).split(':')[0]);
}
