// A node whose pods' links somebody else makes: the reference plugin `ptp` with addresses of `host-local`, followed by our plugin with the agent's data path.
// What differs from links of our own: the host side has an address, the pod asks for it by ARP, and no tunnel says who sends from another node.

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { podDatapath } from '../../src/agent/pod-datapath.ts';
import { PolicyDesk } from '../../src/agent/policy-desk.ts';
import { openNodeBpf } from '../../src/backends/shared-bpf/node-bpf.ts';
import type { PodInterfaces } from '../../src/backends/shared-bpf/pod-interfaces.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { Ip } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parseMac } from '../../src/base/mac.ts';
import { bootIdentity, openNodeDoor, openPodDoor } from '../../src/cni/kernel-doors.ts';
import { startCniServer } from '../../src/cni/server.ts';
import { runCni } from '../support/cni-executable.ts';
import { ownName } from '../support/own-name.ts';
import { buildPolicyWorld, type PolicyWorld, type PolicyWorldPlan } from './policy-world.ts';
import { makeNetns } from './service-netns.ts';
import type { WorldPod } from './service-world.ts';

const PLUGINS = '/usr/lib/cni';
const OBJECTS = new URL('../../build/bpf', import.meta.url).pathname;
const VERSION = '1.0.0';

/** Addresses of the links' host sides: no pod has them. */
const GATEWAYS = { 4: '10.244.0.254', 6: 'fd00:244::fe' } as const;
const SUBNETS = { 4: '10.244.0.0/24', 6: 'fd00:244::/64' } as const;

/** The agent that attached the pods has gone when this resolves: what it programmed stays. */
export async function buildChainedWorld(plan: PolicyWorldPlan, lifetime: Lifetime): Promise<PolicyWorld> {
  const world = buildPolicyWorld({ ...plan, pods: new Map() }, lifetime);
  const folder = mkdtempSync(path.join(tmpdir(), `${ownName('chain')}-`));
  lifetime.defer('folder of the plugins', () => rmSync(folder, { recursive: true }));
  const agent = new Lifetime('agent');
  try {
    const { socket, podInterfaces } = await startAgent(world, { folder, lifetime: agent });
    const pods = new Map<string, WorldPod>();
    for (const [key, ips] of plan.pods) {
      const name = `p${pods.size}`;
      const netns = `${ownName('pol')}-${name}`;
      makeNetns(netns, lifetime);
      // Whoever serves at once cannot wait for addresses that are looked for.
      execFileSync('ip', ['netns', 'exec', netns, 'sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0']);
      pods.set(key, await attach({ name, netns: `/run/netns/${netns}`, ips }, { world, folder, socket }));
    }
    const attached = podInterfaces.list().flatMap(({ mac, ips }) => [mac, ...ips]);
    const known = [...pods.values()].flatMap(({ mac, ips }) => [mac, ...ips]);
    assert.deepEqual(new Set(attached), new Set(known), 'attached by our plugin');
    return { ...world, pods };
  } finally {
    await agent.close();
  }
}

/** With the path of its socket. */
async function startAgent(
  { nodeNetns: netns, pinDir }: PolicyWorld,
  { folder, lifetime }: { readonly folder: string; readonly lifetime: Lifetime },
): Promise<{ readonly socket: string; readonly podInterfaces: PodInterfaces }> {
  const socketPath = `${folder}/cni.sock`;
  const bpf = await openNodeBpf({ pinDir, objectDir: OBJECTS, cgroupPath: undefined, netns }, lifetime);
  const node = lifetime.own('node door', openNodeDoor(netns), (it) => it.close());
  const ignore = (): void => undefined;
  const desk = new PolicyDesk([], { clock: systemClock, onLinks: ignore, onLate: ignore });
  await startCniServer(
    {
      socketPath,
      leasesFile: `${folder}/leases.db`,
      boot: bootIdentity(node),
      node,
      openPod: openPodDoor,
      datapath: podDatapath(bpf, desk),
      // Policies come with the first state.
      waitForPolicy: () => Promise.resolve(),
      network: () => ({ podCidrs: [], mtuBytes: 1500, nodeIps: [] }),
    },
    lifetime,
  );
  return { socket: socketPath, podInterfaces: bpf.podInterfaces };
}

type Place = Pick<WorldPod, 'name' | 'netns' | 'ips'>;

interface Chain {
  readonly world: PolicyWorld;
  readonly folder: string;
  readonly socket: string;
}

/** ADD of both plugins, as a runtime calls them. */
async function attach(pod: Place, { world, folder, socket }: Chain): Promise<WorldPod> {
  const prevResult = await addByPtp(pod, { netns: world.nodeNetns, folder });
  const containerId = pod.name;
  const config = { cniVersion: VERSION, name: 'chain', type: 'fairlead-cni', socket, prevResult };
  const added = await runCni({ command: 'ADD', containerId, netns: pod.netns, ifname: 'eth0', config });
  assert.equal(added.code, 0, added.stdout);
  const { interfaces } = prevResult;
  const [host, own] = [false, true].map((isOwn) =>
    interfaces.find(({ sandbox }) => (sandbox !== undefined) === isOwn),
  );
  assert.ok(host && own);
  return { ...pod, link: host.name, mac: parseMac(own.mac) };
}

interface PtpResult {
  readonly interfaces: readonly { readonly name: string; readonly mac: string; readonly sandbox?: string }[];
}

function addByPtp(
  { name, netns, ips }: Place,
  node: { readonly netns: string; readonly folder: string },
): Promise<PtpResult> {
  const env = {
    PATH: process.env['PATH'],
    CNI_COMMAND: 'ADD',
    CNI_PATH: PLUGINS,
    CNI_CONTAINERID: name,
    CNI_NETNS: netns,
    CNI_IFNAME: 'eth0',
  };
  const ipam = {
    type: 'host-local',
    dataDir: `${node.folder}/host-local`,
    ranges: [[rangeOf(ips[0], 4)], [rangeOf(ips[1], 6)]],
    routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
  };
  return new Promise((resolve, reject) => {
    const args = [`--net=${node.netns}`, `${PLUGINS}/ptp`];
    const child = execFile('nsenter', args, { env }, (error, stdout) => {
      if (error === null) resolve(JSON.parse(stdout) as PtpResult);
      else reject(new Error(`Cannot attach ${name} by ptp: ${stdout}`, { cause: error }));
    });
    child.stdin?.end(JSON.stringify({ cniVersion: VERSION, name: 'chain', type: 'ptp', ipam }));
  });
}

/** Of one address. */
function rangeOf(ip: Ip, family: 4 | 6): object {
  return { subnet: SUBNETS[family], rangeStart: ip, rangeEnd: ip, gateway: GATEWAYS[family] };
}
