// Cluster model -> what one node has to program: whole, as one function.

import { familyOf } from '../base/ip.ts';
import type { Port } from '../base/port.ts';
import {
  frontendKey,
  type ClusterModel,
  type Frontend,
  type FrontendScope,
  type HealthCheck,
  type NetworkNode,
  type NetworkPod,
  type NodeView,
  type ServiceModel,
} from '../model/network.ts';
import { frontendPlaceOf } from './frontend-place.ts';
import { frontendsOfPod, frontendsOfService } from './frontends.ts';

/** The view of a node; undefined while the cluster does not know the node, when nothing may be concluded for it. */
export function viewOfNode(model: ClusterModel, nodeName: string): NodeView | undefined {
  const node = model.nodes.get(nodeName);
  if (node === undefined) return undefined;
  const pods = podsOfNode(model.pods.values(), nodeName);
  const peers = peersOfNode(model.nodes.values(), nodeName);
  const place = frontendPlaceOf(node, model.cluster, peers);
  const frontends = new Map<string, Frontend>();
  for (const service of model.services.values())
    for (const it of frontendsOfService(service, place)) claim(frontends, it);
  for (const pod of pods) for (const it of frontendsOfPod(pod, place)) claim(frontends, it);
  return {
    node,
    peers,
    pods,
    frontends,
    healthChecks: healthChecksOf(model.services.values(), nodeName),
    cluster: model.cluster,
  };
}

/** Every other node that can be reached, by name. */
export function peersOfNode(nodes: Iterable<NetworkNode>, nodeName: string): readonly NetworkNode[] {
  const peers = [...nodes].filter((it) => it.name !== nodeName && isReachable(it));
  return peers.sort((a, b) => compareTexts(a.name, b.name));
}

export function podsOfNode(pods: Iterable<NetworkPod>, nodeName: string): readonly NetworkPod[] {
  return [...pods].filter((it) => it.node === nodeName).sort(comparePods);
}

function claim(frontends: Map<string, Frontend>, frontend: Frontend): void {
  const key = frontendKey(frontend);
  const rival = frontends.get(key);
  if (rival === undefined || isBefore(frontend, rival)) frontends.set(key, frontend);
}

/** An address that the cluster gave out comes before one that somebody only claims. */
const RANKS: Readonly<Record<FrontendScope, number>> = {
  'cluster-ip': 0,
  'load-balancer': 1,
  'external-ip': 2,
  'node-port': 3,
  'host-port': 4,
};

/**
 * Whose a frontend is that two claim: the same one on every node and after every restart. Of two of one Service the earlier one.
 */
export function isBefore(a: Frontend, b: Frontend): boolean {
  if (a.scope !== b.scope) return RANKS[a.scope] < RANKS[b.scope];
  return a.namespace === b.namespace ? a.service < b.service : a.namespace < b.namespace;
}

/** Ready endpoints of this node by the port under which a balancer asks for them. */
export function healthChecksOf(
  services: Iterable<ServiceModel>,
  nodeName: string,
): ReadonlyMap<Port, HealthCheck> {
  const checks = new Map<Port, HealthCheck>();
  for (const service of services) {
    const { healthCheckNodePort, namespace, name } = service;
    if (healthCheckNodePort === undefined) continue;
    const rival = checks.get(healthCheckNodePort);
    if (rival !== undefined && compareTexts(keyOf(rival), `${namespace}/${name}`) < 0) continue;
    const localEndpoints = readyOfNode(service, nodeName);
    checks.set(healthCheckNodePort, { namespace, service: name, localEndpoints });
  }
  return checks;
}

function keyOf({ namespace, service }: HealthCheck): string {
  return `${namespace}/${service}`;
}

/** Endpoints are counted by address, in the family that has more: one that serves two ports, or two families, is one. */
function readyOfNode({ ports }: ServiceModel, nodeName: string): number {
  const endpoints = ports.flatMap((port) => port.endpoints);
  const ips = new Set(endpoints.filter((it) => it.isReady && it.node === nodeName).map((it) => it.ip));
  const ofIpv4 = [...ips].filter((ip) => familyOf(ip) === 4).length;
  return Math.max(ofIpv4, ips.size - ofIpv4);
}

function isReachable(node: NetworkNode): boolean {
  return node.addresses.length > 0 && node.podCidrs.length > 0;
}

function comparePods(a: NetworkPod, b: NetworkPod): number {
  return compareTexts(a.namespace, b.namespace) || compareTexts(a.name, b.name);
}

/** By code unit: the same order on every machine, whatever its locale. */
function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
