// The wires of a cluster: a bridge in a namespace of its own, one veth to each node, and one to the host.
// The host's end is the only thing the host's own namespace gets.

import { cidrLength } from '../../base/cidr.ts';
import { macFromSeed } from '../../base/mac.ts';
import { nodeNetns, type PathRoots } from '../../base/paths.ts';
import type { Lifetime } from '../../base/lifetime.ts';
import { openNetlink } from '../../sys/netlink.ts';
import type { Netlink, NetlinkChange } from '../../sys/netlink-types.ts';
import { createNetns, netnsExists, openNetns, type Netns } from '../../sys/netns.ts';
import type { ClusterConfig, LabNode } from './cluster-config.ts';

const BRIDGE = 'br0';
const MTU_BYTES = 1500;
/** The fabric's routes are the machine's as far as a node's agent is concerned: it must not take them for its own (rtnetlink.h). */
const RTPROT_STATIC = 4;

/** Namespaces and links of the fabric, made where they are missing: after an interrupted `up` the next one completes it. */
export async function raiseFabric(
  cluster: ClusterConfig,
  roots: PathRoots,
  lifetime: Lifetime,
): Promise<void> {
  const path = nodeNetns(roots, cluster.name, 'fabric');
  if (!netnsExists(path)) createNetns(path);
  const netns = lifetime.own('fabric namespace', openNetns(path), (it) => it.close());
  const fabric = lifetime.own('fabric netlink', openNetlink(netns), (it) => it.close());
  const host = lifetime.own('host netlink', openNetlink(), (it) => it.close());
  if ((await fabric.link(BRIDGE)) === undefined) {
    await fabric.apply([
      { kind: 'add-bridge', name: BRIDGE, mac: macFromSeed(`${cluster.name}/fabric`), mtuBytes: MTU_BYTES },
    ]);
  }
  await fabric.apply([up('lo'), up(BRIDGE)]);
  await raiseHostLink(cluster, { fabric, netns, host });
  for (const node of cluster.nodes) await raiseNode({ cluster, roots, node, fabric, netns }, lifetime);
}

async function raiseHostLink(
  cluster: ClusterConfig,
  of: { readonly fabric: Netlink; readonly netns: Netns; readonly host: Netlink },
): Promise<void> {
  if ((await of.host.link(cluster.hostLink)) !== undefined) return;
  // Made under a passing name and given its own last: a link of the right name is a complete one.
  await of.host.apply([
    {
      kind: 'add-veth',
      name: cluster.hostLink,
      mac: macFromSeed(`${cluster.name}/host`),
      mtuBytes: MTU_BYTES,
      alias: `fairlead cluster ${cluster.name}`,
      peer: { name: 'host', mtuBytes: MTU_BYTES, netns: of.netns },
    },
    ...cluster.hostIps.map((ip, i): NetlinkChange => {
      const cidr = cluster.fabricCidrs[i];
      return {
        kind: 'add-address',
        link: cluster.hostLink,
        ip,
        prefixLength: cidr === undefined ? 32 : cidrLength(cidr),
      };
    }),
    up(cluster.hostLink),
  ]);
  await of.fabric.apply([{ kind: 'set-link', name: 'host', master: BRIDGE, isUp: true }]);
}

interface NodeWiring {
  readonly cluster: ClusterConfig;
  readonly roots: PathRoots;
  readonly node: LabNode;
  readonly fabric: Netlink;
  readonly netns: Netns;
}

async function raiseNode(of: NodeWiring, lifetime: Lifetime): Promise<void> {
  const path = nodeNetns(of.roots, of.cluster.name, of.node.name);
  if (!netnsExists(path)) createNetns(path);
  const netns = lifetime.own(`namespace of ${of.node.name}`, openNetns(path), (it) => it.close());
  const inside = lifetime.own(`netlink of ${of.node.name}`, openNetlink(netns), (it) => it.close());
  if ((await inside.link('eth0')) === undefined) {
    await inside.apply([
      {
        kind: 'add-veth',
        name: 'eth0',
        mac: macFromSeed(`${of.cluster.name}/${of.node.name}`),
        mtuBytes: MTU_BYTES,
        peer: { name: of.node.name, mtuBytes: MTU_BYTES, netns: of.netns },
      },
    ]);
  }
  const present = new Set((await inside.addresses('eth0')).map((address) => address.ip));
  await inside.apply([
    up('lo'),
    ...of.node.ips.flatMap((ip, i): NetlinkChange[] => {
      const cidr = of.cluster.fabricCidrs[i];
      if (cidr === undefined || present.has(ip)) return [];
      return [{ kind: 'add-address', link: 'eth0', ip, prefixLength: cidrLength(cidr) }];
    }),
    up('eth0'),
  ]);
  await of.fabric.apply([{ kind: 'set-link', name: of.node.name, master: BRIDGE, isUp: true }]);
  await inside.apply(defaultRoutes(of.cluster));
}

/** The host's end is the way out: what the host does not forward itself ends there. */
function defaultRoutes(cluster: ClusterConfig): NetlinkChange[] {
  return cluster.hostIps.map((gateway) => ({
    kind: 'replace-route',
    destination: (gateway.includes(':') ? '::/0' : '0.0.0.0/0') as (typeof cluster.fabricCidrs)[number],
    gateway,
    link: 'eth0',
    protocol: RTPROT_STATIC,
  }));
}

function up(name: string): NetlinkChange {
  return { kind: 'set-link', name, isUp: true };
}
