// How many of a Service's endpoints each zone is meant to have: in proportion to its CPUs (KEP-2433). Pure numbers.

import type { Node } from '../objects/api-types.ts';
import { quantityMillisOr } from '../objects/quantity.ts';

/** How much more than its share an endpoint may be burdened with. */
const OVERLOAD_THRESHOLD = 0.2;
export const ZONE_LABEL = 'topology.kubernetes.io/zone';
const EXCLUDED_LABELS = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];

/** What of a node counts: its zone and its CPUs; undefined for nodes that carry no workload. */
export interface NodeShare {
  readonly zone: string;
  readonly cpuMillis: number;
}

/** Zone and CPUs of a node, either empty where it is not known; undefined for one that does not count. */
export function shareOfNode({ metadata, status }: Node): NodeShare | undefined {
  const labels = metadata.labels ?? {};
  const isReady = status?.conditions?.some((it) => it.type === 'Ready' && it.status === 'True') === true;
  if (!isReady || EXCLUDED_LABELS.some((label) => label in labels)) return undefined;
  const cpu = status?.allocatable?.['cpu'];
  return { zone: labels[ZONE_LABEL] ?? '', cpuMillis: cpu === undefined ? 0 : quantityMillisOr(cpu, 0) };
}

/** Endpoints of one zone: how many it gets, and between which bounds no endpoint is burdened too much. */
export interface ZoneShare {
  readonly target: number;
  readonly minimum: number;
  readonly maximum: number;
}

export type ZoneShares =
  | { readonly kind: 'shares'; readonly byZone: ReadonlyMap<string, ZoneShare> }
  | { readonly kind: 'none'; readonly because: string };

/** Targets add up to `endpointCount`, each at least its minimum. */
export function zoneShares(nodes: Iterable<Node>, endpointCount: number): ZoneShares {
  const ratios = zoneRatios(nodes);
  if (ratios === undefined) return none('a node lacks its zone or its allocatable CPUs, or there is none');
  const counted = `${endpointCount} endpoints, ${ratios.size} zones`;
  if (ratios.size < 2) return none('nodes are ready in one zone alone');
  if (ratios.size > endpointCount) return none(`there are fewer endpoints than zones (${counted})`);
  const minimums = new Map([...ratios].map(([zone, ratio]) => [zone, minimumOf(ratio, endpointCount)]));
  const rest = endpointCount - sum(minimums.values());
  if (rest < 0) return none(`some zone’s endpoints would be overloaded (${counted})`);
  const targets = spread(new Map(minimums), ratios, endpointCount);
  const byZone = [...minimums].map(
    ([zone, minimum]) =>
      [zone, { minimum, maximum: minimum + rest, target: targets.get(zone) ?? minimum }] as const,
  );
  return { kind: 'shares', byZone: new Map(byZone) };
}

function none(because: string): ZoneShares {
  return { kind: 'none', because };
}

/** A zone of this share with fewer endpoints would burden each by more than the threshold. */
function minimumOf(ratio: number, endpointCount: number): number {
  return Math.ceil((ratio * endpointCount) / (1 + OVERLOAD_THRESHOLD));
}

/** Shares of the CPUs by zone, in the zones' order; undefined where a node's are not known. */
function zoneRatios(nodes: Iterable<Node>): ReadonlyMap<string, number> | undefined {
  const cpus = new Map<string, number>();
  for (const node of nodes) {
    const share = shareOfNode(node);
    if (share === undefined) continue;
    if (share.zone === '' || share.cpuMillis === 0) return undefined;
    cpus.set(share.zone, (cpus.get(share.zone) ?? 0) + share.cpuMillis);
  }
  const total = sum(cpus.values());
  if (total === 0) return undefined;
  const sorted = [...cpus].sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map(sorted.map(([zone, cpu]) => [zone, cpu / total]));
}

/** Gives what is left one by one to the zone that is furthest below its share. */
function spread(
  targets: Map<string, number>,
  ratios: ReadonlyMap<string, number>,
  endpointCount: number,
): ReadonlyMap<string, number> {
  for (let left = endpointCount - sum(targets.values()); left > 0; left--) {
    const missing = [...ratios].map(
      ([zone, ratio]) => [zone, ratio * endpointCount - (targets.get(zone) ?? 0)] as const,
    );
    const [zone] = missing.reduce((most, it) => (it[1] > most[1] ? it : most));
    targets.set(zone, (targets.get(zone) ?? 0) + 1);
  }
  return targets;
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const it of numbers) total += it;
  return total;
}
