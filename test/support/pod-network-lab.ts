// Node namespaces on a bridge, each with a CNI server of this process and its tunnel: the pod network without agent and API.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { NODE_SYSCTLS } from '../../src/backends/network-vxlan/node-settings.ts';
import { readUnderlay } from '../../src/agent/underlay.ts';
import { renderVxlan } from '../../src/backends/network-vxlan/render.ts';
import { networkVxlanTargets } from '../../src/backends/network-vxlan/target.ts';
import { tunnelMtuBytes, type VxlanState } from '../../src/backends/network-vxlan/entries.ts';
import { MASQUERADE, renderMasquerade } from '../../src/backends/shared-nft/masquerade.ts';
import { tableTarget } from '../../src/backends/shared-nft/table-target.ts';
import { renderUnusedServices, UNUSED_SERVICES } from '../../src/backends/shared-nft/unused-services.ts';
import { parseCidr, type Cidr } from '../../src/base/cidr.ts';
import { deltasOf } from '../../src/base/deltas.ts';
import { parseIp, type Ip } from '../../src/base/ip.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { bootIdentity, openNodeDoor, openPodDoor } from '../../src/cni/kernel-doors.ts';
import { startCniServer, type CniServer, type CniServerOptions } from '../../src/cni/server.ts';
import type { NodeDoor } from '../../src/cni/doors.ts';
import type { ClusterNetwork, NetworkNode, NodeView } from '../../src/model/network.ts';
import type { Target } from '../../src/reconcile/target.ts';
import type { Netlink } from '../../src/sys/netlink-types.ts';
import { openNetlink } from '../../src/sys/netlink.ts';
import { createNetns, deleteNetns, openNetns } from '../../src/sys/netns.ts';

export interface LabNode {
  readonly name: string;
  readonly netns: string;
  readonly node: NetworkNode;
  readonly door: NodeDoor;
  readonly server: CniServer;
  readonly socketPath: string;
}

export interface PodNetworkLab {
  readonly nodes: readonly LabNode[];
  makeNetns(name: string): string;
  /** A machine on the fabric that is no node; returns its namespace. */
  addOutsider(addresses: readonly string[]): Promise<string>;
  /** Brings every node's tunnel into its wanted state; returns how many entries changed. */
  syncTunnels(): Promise<number>;
}

export interface LabOptions {
  /** Names of namespaces start with it. */
  readonly prefix: string;
  readonly nodeCount: number;
  readonly server?: Partial<CniServerOptions>;
  /** Family of the fabric's addresses; default both, the tunnel on IPv4. */
  readonly outer?: 'dual' | 'ipv6';
  readonly underlayMtuBytes?: number;
  readonly podCidrs?: (index: number) => readonly Cidr[];
}

const CLUSTER: ClusterNetwork = {
  podCidrs: [parseCidr('10.244.0.0/16'), parseCidr('fd00:10:244::/56')],
  serviceCidrs: [parseCidr('10.96.0.0/16'), parseCidr('fd00:10:96::/112')],
  clusterDomain: 'cluster.local',
  dnsIps: [parseIp('10.96.0.10'), parseIp('fd00:10:96::a')],
  nodePortAddresses: [],
  allowsExternalIps: false,
};

export async function startPodNetworkLab(options: LabOptions, lifetime: Lifetime): Promise<PodNetworkLab> {
  const folder = mkdtempSync(path.join(tmpdir(), `${options.prefix}-`));
  lifetime.defer('lab folder', () => rmSync(folder, { recursive: true }));
  const makeNetns = (name: string): string => {
    const netns = `/run/netns/${options.prefix}-${name}`;
    createNetns(netns);
    lifetime.defer(`namespace ${name}`, () => deleteNetns(netns));
    return netns;
  };
  const fabric = makeNetns('fabric');
  const fabricDoor = lifetime.own('fabric door', openNetlink(fabric), (it) => it.close());
  await fabricDoor.apply([{ kind: 'add-bridge', name: 'br0', isUp: true }]);
  const nodes: LabNode[] = [];
  for (let index = 1; index <= options.nodeCount; index++) {
    nodes.push(
      await startNode({ options, folder, index, netns: makeNetns(`n${index}`), fabricDoor }, lifetime),
    );
  }
  const addOutsider = async (addresses: readonly string[]): Promise<string> => {
    const netns = makeNetns('outside');
    const door = lifetime.own('outside door', openNetlink(netns), (it) => it.close());
    await plugIn(
      {
        door,
        fabricDoor,
        port: 't0',
        mtuBytes: 1500,
        addresses: addresses.map(parseIp),
        prefix: options.prefix,
      },
      lifetime,
    );
    return netns;
  };
  return { nodes, makeNetns, addOutsider, syncTunnels: () => syncTunnels(nodes) };
}

interface Plug {
  readonly door: Netlink;
  readonly fabricDoor: Netlink;
  readonly port: string;
  readonly mtuBytes: number;
  readonly addresses: readonly Ip[];
  readonly prefix: string;
}

/** eth0 with addresses, on the fabric's bridge. */
async function plugIn(plug: Plug, lifetime: Lifetime): Promise<void> {
  const { door, fabricDoor, port, mtuBytes, addresses } = plug;
  await door.apply([
    { kind: 'set-link', name: 'lo', isUp: true },
    {
      kind: 'add-veth',
      name: 'eth0',
      mtuBytes,
      isUp: true,
      peer: { name: port, mtuBytes, netns: { fd: fabricFd(plug.prefix, lifetime) } },
    },
    ...addresses.map((ip) => ({
      kind: 'add-address' as const,
      link: 'eth0',
      ip,
      prefixLength: ip.includes(':') ? 64 : 24,
    })),
  ]);
  await fabricDoor.apply([{ kind: 'set-link', name: port, master: 'br0', isUp: true }]);
}

interface NodeParts {
  readonly options: LabOptions;
  readonly folder: string;
  readonly index: number;
  readonly netns: string;
  readonly fabricDoor: Netlink;
}

async function startNode(parts: NodeParts, lifetime: Lifetime): Promise<LabNode> {
  const { options, folder, index, netns, fabricDoor } = parts;
  const mtuBytes = options.underlayMtuBytes ?? 1500;
  const addresses = nodeAddresses(options, index);
  const door = lifetime.own(`node ${index} door`, openNodeDoor(netns), (it) => it.close());
  await plugIn(
    { door: door.netlink, fabricDoor, port: `t${index}`, mtuBytes, addresses, prefix: options.prefix },
    lifetime,
  );
  door.writeSysctls(NODE_SYSCTLS);
  const podCidrs = options.podCidrs?.(index) ?? [
    parseCidr(`10.244.${index}.0/24`),
    parseCidr(`fd00:10:244:${index}::/64`),
  ];
  const node: NetworkNode = { name: `n${index}`, addresses, podCidrs, labels: new Map() };
  const socketPath = `${folder}/n${index}/cni.sock`;
  const server = await startCniServer(
    {
      socketPath,
      leasesFile: `${folder}/n${index}/leases.db`,
      boot: bootIdentity(door),
      node: door,
      openPod: openPodDoor,
      datapath: { attach: () => Promise.resolve(), detach: () => Promise.resolve() },
      waitForPolicy: () => Promise.resolve(),
      network: () => ({
        podCidrs,
        mtuBytes: tunnelMtuBytes(mtuBytes, addresses[0] ?? parseIp('0.0.0.0')),
        nodeIps: addresses,
      }),
      ...options.server,
    },
    lifetime,
  );
  return { name: node.name, netns, node, door, server, socketPath };
}

function nodeAddresses(options: LabOptions, index: number): readonly Ip[] {
  const v6 = parseIp(`fd00:10:89:1::${index + 10}`);
  return options.outer === 'ipv6' ? [v6] : [parseIp(`10.89.1.${index + 10}`), v6];
}

function fabricFd(prefix: string, lifetime: Lifetime): number {
  const netns = openNetns(`/run/netns/${prefix}-fabric`);
  lifetime.defer('fabric descriptor', () => netns.close());
  return netns.fd;
}

async function syncTunnels(nodes: readonly LabNode[]): Promise<number> {
  let changes = 0;
  for (const it of nodes) {
    const view = viewOf(nodes, it);
    const underlay = await readUnderlay(it.door.netlink, 'eth0');
    if (underlay === undefined) throw new Error(`${it.name} has no underlay`);
    changes += await syncNode(it, renderVxlan(view, underlay));
    changes += await sync(tableTarget('masquerade', MASQUERADE, { netns: it.netns }), renderMasquerade(view));
    changes += await sync(
      tableTarget('unused-services', UNUSED_SERVICES, { netns: it.netns }),
      renderUnusedServices(view.cluster),
    );
  }
  return changes;
}

async function syncNode(it: LabNode, state: VxlanState): Promise<number> {
  const targets = networkVxlanTargets(it.door);
  return (
    (await sync(targets.devices, state.devices)) +
    (await sync(targets.addresses, state.addresses)) +
    (await sync(targets.neighbours, state.neighbours)) +
    (await sync(targets.forwardings, state.forwardings)) +
    (await sync(targets.routes, state.routes)) +
    (await sync(targets.rules, state.rules))
  );
}

/** One pass of what the reconciler does; any failure is an error here. */
async function sync<T>(target: Target<T>, desired: ReadonlyMap<string, T>): Promise<number> {
  const { signal } = new AbortController();
  const deltas = deltasOf(desired, await target.observe(signal), (from, to) => target.isEqual(to, from));
  const update = new Map([...deltas.add, ...[...deltas.change].map(([key, { to }]) => [key, to] as const)]);
  const failures = [
    ...(await target.delete(deltas.remove, signal)),
    ...(await target.update(update, signal, new Map())),
  ];
  const [first] = failures;
  if (first !== undefined) throw new Error(`${target.name} ${first[0]}`, { cause: first[1] });
  return update.size + deltas.remove.size;
}

export function viewOf(nodes: readonly LabNode[], own: LabNode): NodeView {
  const peers = nodes.filter((it) => it !== own).map((it) => it.node);
  return { node: own.node, peers, pods: [], frontends: new Map(), healthChecks: new Map(), cluster: CLUSTER };
}
