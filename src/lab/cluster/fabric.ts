// The wires of a cluster: a bridge in a namespace of its own, one veth to each node, and one to the host.
// The host's end is the only thing the host's own namespace gets.

import { existsSync } from 'node:fs';
import { cidrLength } from '../../base/cidr.ts';
import { FairleadError } from '../../base/errors.ts';
import { macFromSeed } from '../../base/mac.ts';
import { nodeNetns, type PathRoots } from '../../base/paths.ts';
import type { Lifetime } from '../../base/lifetime.ts';
import { openNetlink } from '../../sys/netlink.ts';
import type { Netlink, NetlinkChange } from '../../sys/netlink-types.ts';
import { setLinkOffload } from '../../sys/link-offload.ts';
import { createNetns, deleteNetns, inNetns, netnsExists, openNetns, type Netns } from '../../sys/netns.ts';
import { hostLinkMac, type ClusterConfig, type LabNode } from './cluster-config.ts';

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
  await completeNetns(path);
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

/** A file without its mount is what a crash between the two steps of making a namespace leaves. */
async function completeNetns(path: string): Promise<void> {
  if (netnsExists(path)) return;
  if (existsSync(path)) await deleteNetns(path);
  createNetns(path);
}

async function raiseHostLink(
  cluster: ClusterConfig,
  of: { readonly fabric: Netlink; readonly netns: Netns; readonly host: Netlink },
): Promise<void> {
  const name = cluster.hostLink;
  const mac = hostLinkMac(cluster.name);
  const existing = await of.host.link(name);
  // Told by its Ethernet address: the alias comes in a message of its own, and a crash between the two leaves a link without.
  if (existing !== undefined && existing.mac !== mac)
    throw new FairleadError(
      'conflict',
      `Cannot make link "${name}": the host has one of this name that is not Fairlead's; choose another --name`,
    );
  if (existing === undefined) {
    await of.host.apply([
      {
        kind: 'add-veth',
        name,
        mac,
        mtuBytes: MTU_BYTES,
        peer: { name: 'host', mtuBytes: MTU_BYTES, netns: of.netns },
      },
    ]);
  }
  await of.host.apply([
    { kind: 'set-link', name, alias: `fairlead cluster ${cluster.name}` },
    ...(await missingAddresses(of.host, { link: name, ips: cluster.hostIps, cluster })),
    up(name),
    // By it other clusters see that the prefix is taken; the nodes' part of it is announced address by address (src/lab/announce).
    ...cluster.loadBalancerCidrs.map((destination): NetlinkChange => ({
      kind: 'replace-route',
      destination,
      link: name,
      protocol: RTPROT_STATIC,
    })),
  ]);
  await of.fabric.apply([{ kind: 'set-link', name: 'host', master: BRIDGE, isUp: true }]);
}

async function missingAddresses(
  netlink: Netlink,
  of: { readonly link: string; readonly ips: LabNode['ips']; readonly cluster: ClusterConfig },
): Promise<NetlinkChange[]> {
  const present = new Set((await netlink.addresses(of.link)).map((address) => address.ip));
  return of.ips.flatMap((ip, i): NetlinkChange[] => {
    const cidr = of.cluster.fabricCidrs[i];
    if (cidr === undefined || present.has(ip)) return [];
    return [{ kind: 'add-address', link: of.link, ip, prefixLength: cidrLength(cidr) }];
  });
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
  await completeNetns(path);
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
  const addresses = await missingAddresses(inside, { link: 'eth0', ips: of.node.ips, cluster: of.cluster });
  await inside.apply([up('lo'), ...addresses, up('eth0')]);
  // What the node's driver sends by itself (XDP) arrives at a polled queue alone.
  inNetns(nodeNetns(of.roots, of.cluster.name, 'fabric'), () => setLinkOffload(of.node.name, 'gro', true));
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
