// A node whose pods' links somebody else makes: the reference plugin `ptp` or `bridge` with addresses of `host-local`, followed by our plugin with the agent's
// data path. What differs from links of our own: the host side or the bridge has an address, the pod asks for it by ARP, and no tunnel says who sends from another
// node. Across the bridge pods speak to each other without the node.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
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
import { addByConflist, type Conflist } from '../support/cni-conflist.ts';
import { ownName } from '../support/own-name.ts';
import {
  buildPolicyWorld,
  type BuildPolicyWorld,
  type PolicyWorld,
  type PolicyWorldPlan,
} from './policy-world.ts';
import { makeNetns } from './service-netns.ts';
import type { WorldPod } from './service-world.ts';

const OBJECTS = new URL('../../build/bpf', import.meta.url).pathname;
const BRIDGE = 'cni0';

/** Addresses of the links' host sides, or of the bridge: no pod has them. */
const GATEWAYS = { 4: '10.244.0.254', 6: 'fd00:244::fe' } as const;
const SUBNETS = { 4: '10.244.0.0/24', 6: 'fd00:244::/64' } as const;

/** What makes the links: the reference plugin of that name. */
export type ChainedPlugin = 'ptp' | 'bridge';

/** The agent that attached the pods has gone when the world is there: what it programmed stays. */
export function chainedWorldBy(plugin: ChainedPlugin): BuildPolicyWorld {
  return (plan, lifetime) => buildChainedWorld(plugin, plan, lifetime);
}

async function buildChainedWorld(
  plugin: ChainedPlugin,
  plan: PolicyWorldPlan,
  lifetime: Lifetime,
): Promise<PolicyWorld> {
  const world = buildPolicyWorld({ ...plan, pods: new Map() }, lifetime);
  settleAtOnce(world.nodeNetns);
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
      settleAtOnce(`/run/netns/${netns}`);
      pods.set(
        key,
        await attach({ name, netns: `/run/netns/${netns}`, ips }, { plugin, world, folder, socket }),
      );
    }
    const attached = podInterfaces.list().flatMap(({ mac, ips }) => [mac, ...ips]);
    const known = [...pods.values()].flatMap(({ mac, ips }) => [mac, ...ips]);
    assert.deepEqual(new Set(attached), new Set(known), 'attached by our plugin');
    return { ...world, pods };
  } finally {
    await agent.close();
  }
}

/** Whoever serves or asks at once cannot wait for addresses that are looked for. */
function settleAtOnce(netns: string): void {
  execFileSync('nsenter', [`--net=${netns}`, 'sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0']);
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
  readonly plugin: ChainedPlugin;
  readonly world: PolicyWorld;
  readonly folder: string;
  readonly socket: string;
}

/** ADD of both plugins, as a runtime calls them. */
async function attach(pod: Place, { plugin, world, folder, socket }: Chain): Promise<WorldPod> {
  const { interfaces } = await addByConflist(chainOf(plugin, pod.ips, { folder, socket }), {
    nodeNetns: world.nodeNetns,
    containerId: pod.name,
    netns: pod.netns,
  });
  const own = interfaces.find(({ sandbox }) => sandbox !== undefined);
  const host = interfaces.find(({ sandbox, name }) => sandbox === undefined && name !== BRIDGE);
  assert.ok(host && own);
  return { ...pod, link: host.name, mac: parseMac(own.mac) };
}

function chainOf(
  plugin: ChainedPlugin,
  ips: readonly [Ip, Ip],
  { folder, socket }: Pick<Chain, 'folder' | 'socket'>,
): Conflist {
  const ipam = {
    type: 'host-local',
    dataDir: `${folder}/host-local`,
    ranges: [[rangeOf(ips[0], 4)], [rangeOf(ips[1], 6)]],
    routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
  };
  const bridge = plugin === 'bridge' && { bridge: BRIDGE, isGateway: true };
  const plugins = [
    { type: plugin, ...bridge, ipam },
    { type: 'fairlead-cni', socket },
  ];
  return { cniVersion: '1.0.0', name: 'chain', plugins };
}

/** Of one address. */
function rangeOf(ip: Ip, family: 4 | 6): object {
  return { subnet: SUBNETS[family], rangeStart: ip, rangeEnd: ip, gateway: GATEWAYS[family] };
}
