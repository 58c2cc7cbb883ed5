// Gives Services of type LoadBalancer their addresses out of the cluster's pools (LoadBalancerPool), and says in the pools how many are left.
// What is taken stands in the Services' own status: nothing else is remembered.

import { isDeepStrictEqual } from 'node:util';
import { rangeHasIp, rangeSize, rangesOverlap } from '../base/ip-range.ts';
import { tryParseIp, type Family, type Ip } from '../base/ip.ts';
import { LOAD_BALANCER_POOLS, NAMESPACES, SERVICES } from '../kube/resource.ts';
import type { Service } from '../objects/api-types.ts';
import { rangesOfPool, type LoadBalancerPool } from '../objects/load-balancer-pool.ts';
import { keyOf, matchesSelector, selectorOf, type LabelSelector } from '../objects/meta.ts';
import { eventAction, statusAction, type Action } from './action.ts';
import { clusterKey, type ClusterReader, type Controller, type ReconcileContext } from './controller.ts';
import { assignAddresses, type Assignment, type Claim, type Pool } from './load-balancer-assignment.ts';

/** `spec.loadBalancerClass` of Services that are ours by name; those without a class are ours too. */
export const OWN_CLASS = 'fairlead.dev/pool';
/** Addresses that a Service asks for, separated by commas. */
const ASKED = 'fairlead.dev/load-balancer-ips';
/** Services with the same word there may share an address. */
const SHARED = 'fairlead.dev/allow-shared-ip';

export const loadBalancerAddressController: Controller = {
  name: 'load-balancer-address-controller',
  sources: [clusterKey(SERVICES), clusterKey(LOAD_BALANCER_POOLS), clusterKey(NAMESPACES)],
  reconcile: (_key, context) => reconcileAddresses(context),
  concurrency: 1,
  restMs: 50,
};

/** All Services in one look, so that no address is given twice. */
export function reconcileAddresses({ cluster }: Pick<ReconcileContext, 'cluster'>): readonly Action[] {
  const services = [...cluster.of(SERVICES).values()].filter(isBalanced).sort(compareAge);
  const own = services.filter(isOurs);
  const raw = [...cluster.of(LOAD_BALANCER_POOLS).values()].sort(compareNames);
  const pools = raw.map((pool) => poolOf(pool, cluster));
  const foreign = services.filter((service) => !isOurs(service)).flatMap(ingressIps);
  const assigned = assignAddresses(pools, own.map(claimOf), foreign);
  const held = new Set([...assigned.values()].flatMap(({ ips }) => ips));
  return [
    ...own.flatMap((service) => writeService(service, assigned.get(keyOf(service)))),
    ...raw.flatMap((pool) => writePool(pool, raw, held)),
  ];
}

function isBalanced(service: Service): boolean {
  return service.spec?.type === 'LoadBalancer';
}

export function isOurs(service: Service): boolean {
  const name = service.spec?.loadBalancerClass;
  return isBalanced(service) && (name === undefined || name === OWN_CLASS);
}

function compareAge(a: Service, b: Service): number {
  const [ours, theirs] = [a, b].map((it) => Date.parse(it.metadata.creationTimestamp ?? '') || 0);
  return (ours ?? 0) - (theirs ?? 0) || (keyOf(a) < keyOf(b) ? -1 : 1);
}

function compareNames(a: LoadBalancerPool, b: LoadBalancerPool): number {
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

function poolOf(pool: LoadBalancerPool, cluster: ClusterReader): Pool {
  const { autoAssign, namespaceSelector, serviceSelector } = pool.spec;
  return {
    name: pool.metadata.name,
    ranges: rangesOfPool(pool),
    isAutomatic: autoAssign !== false,
    serves: ({ key }) => {
      const service = cluster.of(SERVICES).get(key);
      const namespace = cluster.of(NAMESPACES).get(service?.metadata.namespace ?? '');
      return (
        matches(namespaceSelector, namespace?.metadata.labels) &&
        matches(serviceSelector, service?.metadata.labels)
      );
    },
  };
}

function matches(
  selector: LabelSelector | undefined,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  return selector === undefined || matchesSelector(selectorOf(selector), labels);
}

function claimOf(service: Service): Claim {
  const { spec, metadata } = service;
  const shared = metadata.annotations?.[SHARED] ?? '';
  // With the policy Local the node of an address is chosen by the endpoints of one Service: two might want two.
  const isSharing = shared !== '' && spec?.externalTrafficPolicy !== 'Local';
  const ports = (spec?.ports ?? []).map(({ port, protocol }) => `${port}/${protocol ?? 'TCP'}`);
  return {
    key: keyOf(service),
    families: familiesOf(service),
    needsAllFamilies: spec?.ipFamilyPolicy === 'RequireDualStack',
    held: ingressIps(service),
    asked: askedOf(service),
    sharing: isSharing ? { key: shared, ports: new Set(ports) } : undefined,
    isEnding: metadata.deletionTimestamp !== undefined,
  };
}

function familiesOf(service: Service): readonly Family[] {
  return (service.spec?.ipFamilies ?? ['IPv4']).map((name) => (name === 'IPv6' ? 6 : 4));
}

export function ingressIps(service: Service): readonly Ip[] {
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  return ingress.flatMap(({ ip }) => tryParseIp(ip ?? '') ?? []);
}

/** The annotation before the field, which can name one address only. What is no address is told by `askedProblem`. */
function askedOf(service: Service): readonly Ip[] {
  return askedTexts(service).flatMap((text) => tryParseIp(text) ?? []);
}

function askedTexts(service: Service): readonly string[] {
  const text = service.metadata.annotations?.[ASKED] ?? service.spec?.loadBalancerIP ?? '';
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function askedProblem(service: Service): string | undefined {
  const wrong = askedTexts(service).find((text) => tryParseIp(text) === undefined);
  return wrong === undefined ? undefined : `cannot have "${wrong}": it is no address`;
}

function writeService(service: Service, assignment: Assignment | undefined): readonly Action[] {
  const ips = assignment?.ips ?? [];
  const problem = askedProblem(service) ?? assignment?.problem;
  const ingress = ips.map((ip) => ({ ip, ipMode: 'VIP' }));
  const before = service.status?.loadBalancer?.ingress ?? [];
  const actions: Action[] = [];
  if (!isDeepStrictEqual(ingress, before)) {
    actions.push(statusAction(SERVICES, service, { loadBalancer: { ingress } }));
    actions.push(changeEvent(service, ips));
  }
  if (problem !== undefined)
    actions.push(eventAction(service, 'Warning', 'LoadBalancerAddressUnavailable', problem));
  return actions;
}

function changeEvent(service: Service, ips: readonly Ip[]): Action {
  const before = ingressIps(service);
  const lost = before.filter((ip) => !ips.includes(ip));
  if (lost.length > 0) {
    const now = ips.length === 0 ? 'it has none now' : `it has ${ips.join(', ')} now`;
    return eventAction(
      service,
      'Warning',
      'LoadBalancerAddressReleased',
      `${lost.join(', ')} is not the Service's any more: ${now}`,
    );
  }
  return eventAction(service, 'Normal', 'LoadBalancerAddressAssigned', `the Service has ${ips.join(', ')}`);
}

function writePool(
  pool: LoadBalancerPool,
  all: readonly LoadBalancerPool[],
  held: ReadonlySet<Ip>,
): readonly Action[] {
  const ranges = rangesOfPool(pool);
  const used = [...held].filter((ip) => ranges.some((range) => rangeHasIp(range, ip))).length;
  const size = ranges.reduce((sum, range) => sum + rangeSize(range), 0n);
  const overlaps = all
    .filter(
      (other) => other !== pool && rangesOfPool(other).some((a) => ranges.some((b) => rangesOverlap(a, b))),
    )
    .map(({ metadata }) => metadata.name);
  const status = { used, free: String(size - BigInt(used)), overlaps };
  const { used: wasUsed, free, overlaps: before = [] } = pool.status ?? {};
  if (isDeepStrictEqual(status, { used: wasUsed, free, overlaps: before })) return [];
  return [statusAction(LOAD_BALANCER_POOLS, pool, status)];
}
