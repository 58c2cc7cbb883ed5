// Two nodes with their data planes, their tunnel on one fabric, and a client that knows the load balancer's addresses by way of the first one.
//
//   client .200 --> n1 (pod a) == tunnel ==> n2 (pods b, c)

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { familyOf, parseIp, type Family } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parseMac } from '../../src/base/mac.ts';
import { parsePort } from '../../src/base/port.ts';
import { peerAddressTarget, tunnelPeerTarget } from '../../src/backends/network-vxlan/peer-map.ts';
import { renderVxlan } from '../../src/backends/network-vxlan/render.ts';
import { readUnderlay } from '../../src/agent/underlay.ts';
import type { FrontendRow } from '../../src/backends/service-ebpf/frontend-row.ts';
import { nodeLinksTarget, renderNodeLinks } from '../../src/backends/service-ebpf/node-links-target.ts';
import { EBPF_RENDERING } from '../../src/backends/service-ebpf/render.ts';
import { openServiceTarget } from '../../src/backends/service-ebpf/target.ts';
import { openNodeBpf, type NodeBpf } from '../../src/backends/shared-bpf/node-bpf.ts';
import { renderFrontends } from '../../src/backends/shared-node/service-backend.ts';
import { frontendPlaceOf } from '../../src/compile/frontend-place.ts';
import { frontendsOfService } from '../../src/compile/frontends.ts';
import {
  frontendKey,
  NO_FRONTEND_OPTIONS,
  type ServiceEndpoint,
  type ServiceModel,
  type ServiceView,
} from '../../src/model/network.ts';
import type { Target } from '../../src/reconcile/target.ts';
import { startPeerIn, type WorldPeer } from '../contract/service-world.ts';
import { mountBpffs } from './bpffs.ts';
import { runCni } from './cni-executable.ts';
import { startPodNetworkLab, viewOf, type LabNode, type PodNetworkLab } from './pod-network-lab.ts';

const OBJECTS = new URL('../../build/bpf', import.meta.url).pathname;
const SIGNAL = new AbortController().signal;

/** Addresses of the client and of the load balancer. */
export const CLIENT = { 4: '10.89.1.200', 6: 'fd00:10:89:1::200' } as const;
export const VIP = { 4: '10.90.1.1', 6: 'fd00:10:90:1::1' } as const;
/** Own addresses of the first node, and the node port there. */
export const NODE_IPS = { 4: '10.89.1.11', 6: 'fd00:10:89:1::11' } as const;
export const NODE_PORT = 30_080;
const PODS = { a: 'n1', b: 'n2', c: 'n2', d: 'n1' } as const;
type PodName = keyof typeof PODS;

/** A node with its data plane, which a restart opens anew. */
export interface DataNode {
  readonly lab: LabNode;
  readonly pinDir: string;
  agent: { readonly lifetime: Lifetime; readonly bpf: NodeBpf; readonly rows: Target<FrontendRow> };
}

/** A Service at `VIP`, port 80, of these pods. Each further node port is one of the Service's next ports. */
export interface WantedService {
  readonly pods: readonly PodName[];
  readonly port?: number;
  readonly nodePorts?: readonly number[];
  readonly over?: Partial<ServiceModel>;
}

export interface TwoNodes {
  readonly lab: PodNetworkLab;
  readonly client: WorldPeer;
  /** Namespace of the client, as `ip` names it. */
  readonly outside: string;
  readonly podIps: ReadonlyMap<PodName, Readonly<Record<Family, string>>>;
  nodeNamed(name: string): DataNode;
  /** Compiled and rendered for the node as its agent does it. */
  program(node: DataNode, wanted: WantedService): Promise<void>;
  programAll(wanted: WantedService): Promise<void>;
  /** Opens the data planes of all nodes anew, as agents do that start. */
  restartAll(): Promise<void>;
}

/** `ip` in a namespace, one call for each line. */
export function ip(netns: string, ...lines: readonly string[]): void {
  for (const line of lines)
    execFileSync('ip', ['-n', netns.replace('/run/netns/', ''), ...line.split(' ')], { stdio: ['ignore', 'ignore', 'pipe'] }); // prettier-ignore
}

/** Namespaces are named after `prefix`; all goes with the lifetime. `more`: pods beside a, b and c. */
export async function startTwoNodes(
  prefix: string,
  lifetime: Lifetime,
  more: readonly PodName[] = [],
): Promise<TwoNodes> {
  const lab = await startPodNetworkLab({ prefix, nodeCount: 2 }, lifetime);
  await lab.syncTunnels();
  const mount = mountBpffs(lifetime);
  const nodes: DataNode[] = [];
  for (const it of lab.nodes) {
    const pinDir = `${mount}/${it.name}`;
    nodes.push({ lab: it, pinDir, agent: await openAgent(it, pinDir) });
  }
  lifetime.defer('agents', async () => {
    for (const { agent } of nodes) {
      agent.bpf.detachAll();
      await agent.lifetime.close();
    }
  });
  const nodeNamed = (name: string): DataNode => {
    const found = nodes.find((it) => it.lab.name === name);
    assert.ok(found, name);
    return found;
  };
  const podIps = new Map<PodName, Readonly<Record<Family, string>>>();
  for (const name of ['a', 'b', 'c', ...more] as const)
    podIps.set(name, await addPod(name, { lab, prefix, node: nodeNamed(PODS[name]) }, lifetime));
  for (const it of nodes) await joinLinks(lab, it);
  const outside = await lab.addOutsider([CLIENT[4], CLIENT[6]]);
  ip(outside, 'route add 10.90.1.0/24 via 10.89.1.11', '-6 route add fd00:10:90:1::/64 via fd00:10:89:1::11');
  const client = startPeerIn(outside.replace('/run/netns/', ''), undefined, lifetime);
  const program = async (node: DataNode, wanted: WantedService): Promise<void> => {
    const bare = viewOf(lab.nodes, node.lab);
    const service = serviceOf(wanted, podIps);
    const frontends = frontendsOfService(service, frontendPlaceOf(bare.node, bare.cluster, bare.peers));
    const view: ServiceView = { ...bare, frontends: new Map(frontends.map((it) => [frontendKey(it), it])) };
    const { rows } = node.agent;
    const observed = await rows.observe(SIGNAL);
    const desired = renderFrontends(EBPF_RENDERING, view);
    assert.deepEqual(await rows.update(desired, SIGNAL, new Map()), new Map());
    const gone = new Map([...observed].filter(([key]) => !desired.has(key)));
    assert.deepEqual(await rows.delete(gone, SIGNAL), new Map());
    assert.deepEqual(await rows.observe(SIGNAL), desired);
  };
  return {
    lab,
    client,
    outside: outside.replace('/run/netns/', ''),
    podIps,
    nodeNamed,
    program,
    programAll: async (wanted) => {
      for (const node of nodes) await program(node, wanted);
    },
    restartAll: async () => {
      for (const node of nodes) {
        await node.agent.lifetime.close();
        node.agent = await openAgent(node.lab, node.pinDir);
      }
    },
  };
}

async function openAgent({ netns }: LabNode, pinDir: string): Promise<DataNode['agent']> {
  const own = new Lifetime('agent');
  const bpf = await openNodeBpf({ pinDir, objectDir: OBJECTS, cgroupPath: undefined, netns }, own);
  return { lifetime: own, bpf, rows: openServiceTarget(bpf.maps) };
}

/** The programs on the node's links, and what they know of the tunnel. */
async function joinLinks(lab: PodNetworkLab, { lab: it, agent }: DataNode): Promise<void> {
  const view = viewOf(lab.nodes, it);
  const links = nodeLinksTarget({ maps: agent.bpf.maps, links: agent.bpf.nodeLinks, netlink: it.door.netlink, flowClock: () => 0 }); // prettier-ignore
  await links.update(renderNodeLinks(view), SIGNAL, new Map());
  assert.equal(agent.bpf.nodeLinks.list().filter(({ isTunnel }) => isTunnel).length, 1);
  const underlay = await readUnderlay(it.door.netlink, 'eth0');
  assert.ok(underlay);
  const { peers, peerAddresses } = renderVxlan(view, underlay);
  await tunnelPeerTarget(agent.bpf.maps).update(peers, SIGNAL, new Map());
  await peerAddressTarget(agent.bpf.maps).update(peerAddresses, SIGNAL, new Map());
}

interface PodPlace {
  readonly lab: PodNetworkLab;
  readonly prefix: string;
  readonly node: DataNode;
}

/** A pod with addresses of both families, serving TCP and UDP at port 8080. */
async function addPod(
  name: PodName,
  { lab, prefix, node: { lab: place, agent } }: PodPlace,
  lifetime: Lifetime,
): Promise<Readonly<Record<Family, string>>> {
  const netns = lab.makeNetns(name);
  const config = { cniVersion: '1.1.0', name: 'fairlead', type: 'fairlead-cni', socket: place.socketPath };
  const added = await runCni({ command: 'ADD', containerId: name, netns, ifname: 'eth0', config });
  assert.equal(added.code, 0, added.stdout);
  const { ips: given = [] } = (added.json ?? {}) as {
    readonly ips?: readonly { readonly address: string }[];
  };
  const ips = given.map((it) => parseIp(it.address.split('/')[0] ?? ''));
  const route = execFileSync('ip', ['-n', `${prefix}-${place.name}`, '-j', 'route', 'get', ips[0] ?? ''], { encoding: 'utf8' }); // prettier-ignore
  const link = (JSON.parse(route) as readonly { readonly dev: string }[])[0]?.dev ?? '';
  const show = (at: string, dev: string): { readonly ifindex: number; readonly address: string } =>
    (JSON.parse(execFileSync('ip', ['-n', at.replace('/run/netns/', ''), '-j', 'link', 'show', 'dev', dev], { encoding: 'utf8' })) as never[])[0] as never; // prettier-ignore
  const mac = parseMac(show(netns, 'eth0').address);
  agent.bpf.podInterfaces.attach({ ifindex: show(place.netns, link).ifindex, mac, ips });
  const ofFamily = (family: Family): string => ips.find((it) => familyOf(it) === family) ?? '';
  const peer = startPeerIn(netns.replace('/run/netns/', ''), undefined, lifetime);
  for (const host of ips)
    for (const protocol of ['TCP', 'UDP'] as const) {
      const reply = await peer.ask({ kind: 'listen', protocol, ip: host, port: 8080, says: name });
      assert.equal(reply.error, undefined, `${name} listens on ${host}`);
    }
  return { 4: ofFamily(4), 6: ofFamily(6) };
}

function serviceOf(
  { pods, port = 8080, nodePorts = [NODE_PORT], over = {} }: WantedService,
  podIps: TwoNodes['podIps'],
): ServiceModel {
  const endpoints = pods.flatMap((name): readonly ServiceEndpoint[] =>
    Object.values(podIps.get(name) ?? {}).map((it) => ({
      ip: parseIp(it),
      port: parsePort(port),
      node: PODS[name],
      isReady: true,
      isServingLast: false,
      zoneHints: [],
      nodeHints: [],
    })),
  );
  return {
    namespace: 'default',
    name: 'web',
    isNodeLocal: false,
    clusterIps: ['10.96.0.10', 'fd00:10:96::10'].map(parseIp),
    externalIps: [],
    loadBalancerIps: [VIP[4], VIP[6]].map(parseIp),
    sourceRanges: undefined,
    isInternalLocal: false,
    isExternalLocal: false,
    healthCheckNodePort: undefined,
    affinityTimeoutS: undefined,
    options: NO_FRONTEND_OPTIONS,
    ports: (['TCP', 'UDP'] as const).flatMap((protocol) =>
      nodePorts.map((nodePort, at) => ({
        name: `${protocol} ${nodePort}`,
        port: parsePort(80 + at),
        nodePort: parsePort(nodePort),
        protocol,
        endpoints,
      })),
    ),
    ...over,
  };
}
