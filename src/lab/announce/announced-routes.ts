// Which node an address of a load balancer leads to: one per address, chosen from what the objects say alone. Pure.

import { createHash } from 'node:crypto';
import { familyOf, tryParseIp, type Family, type Ip } from '../../base/ip.ts';
import type { ClusterReader } from '../../controllers/controller.ts';
import { ingressIps, isOurs } from '../../controllers/load-balancer-addresses.ts';
import { ENDPOINT_SLICES, NODES, SERVICES } from '../../kube/resource.ts';
import type { EndpointSlice, Node, Service } from '../../objects/api-types.ts';

/** Nodes that their operator keeps from load balancers (well-known label). */
const EXCLUDED = 'node.kubernetes.io/exclude-from-external-load-balancers';
/** The autoscaler is about to remove the node. */
const GOING = 'ToBeDeletedByClusterAutoscaler';
const SERVICE_NAME = 'kubernetes.io/service-name';

/** Address of a load balancer -> address of the node that carries it. Addresses that no node can carry are left out. */
export function announcedRoutes(cluster: ClusterReader): ReadonlyMap<Ip, Ip> {
  const nodes = [...cluster.of(NODES).values()].filter(mayCarry);
  const routes = new Map<Ip, Ip>();
  for (const service of cluster.of(SERVICES).values()) {
    if (!isOurs(service)) continue;
    for (const ip of ingressIps(service)) {
      const gateway = electedAddress(ip, nearest(nodes, service, { cluster, family: familyOf(ip) }));
      if (gateway !== undefined) routes.set(ip, gateway);
    }
  }
  return routes;
}

function mayCarry(node: Node): boolean {
  const isReady = (node.status?.conditions ?? []).some((it) => it.type === 'Ready' && it.status === 'True');
  const isGoing =
    node.metadata.deletionTimestamp !== undefined ||
    (node.spec?.taints ?? []).some(({ key }) => key === GOING);
  return isReady && !isGoing && node.metadata.labels?.[EXCLUDED] === undefined;
}

interface Where {
  readonly cluster: ClusterReader;
  readonly family: Family;
}

/** With the policy Local the nodes that have endpoints: ready ones, else those that serve their last, else all nodes. */
function nearest(nodes: readonly Node[], service: Service, where: Where): readonly Node[] {
  if (service.spec?.externalTrafficPolicy !== 'Local') return nodes;
  for (const names of endpointNodes(service, where)) {
    const near = nodes.filter(({ metadata }) => names.has(metadata.name));
    if (near.length > 0) return near;
  }
  return nodes;
}

function endpointNodes(
  service: Service,
  { cluster, family }: Where,
): readonly [ready: ReadonlySet<string>, serving: ReadonlySet<string>] {
  const ready = new Set<string>();
  const serving = new Set<string>();
  // The index by Service holds the controller's own slices alone: a Service without selector has those of its author.
  const slices = [...cluster.of(ENDPOINT_SLICES).by('namespace', service.metadata.namespace ?? '')];
  for (const { endpoints } of slices.filter((slice) => isOf(slice, service, family))) {
    for (const { nodeName, conditions } of endpoints) {
      if (nodeName === undefined) continue;
      if (conditions?.ready !== false) ready.add(nodeName);
      else if (conditions.serving === true) serving.add(nodeName);
    }
  }
  return [ready, serving];
}

function isOf(slice: EndpointSlice, service: Service, family: Family): boolean {
  return (
    slice.addressType === `IPv${family}` && slice.metadata.labels?.[SERVICE_NAME] === service.metadata.name
  );
}

/** Highest hash of address and name: a node that comes or goes moves only what is, or becomes, its own. */
function electedAddress(ip: Ip, nodes: readonly Node[]): Ip | undefined {
  const ranked = nodes.flatMap((node) => {
    const address = addressOf(node, familyOf(ip));
    return address === undefined ? [] : [{ address, rank: rankOf(ip, node.metadata.name) }];
  });
  return ranked.reduce<(typeof ranked)[number] | undefined>(
    (best, it) => (best === undefined || it.rank > best.rank ? it : best),
    undefined,
  )?.address;
}

function rankOf(ip: Ip, node: string): string {
  return createHash('sha256').update(`${ip}/${node}`).digest('hex');
}

function addressOf(node: Node, family: Family): Ip | undefined {
  return (node.status?.addresses ?? [])
    .filter(({ type }) => type === 'InternalIP')
    .flatMap(({ address }) => tryParseIp(address) ?? [])
    .find((ip) => familyOf(ip) === family);
}
