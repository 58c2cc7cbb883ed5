// Policies as rules of each pod, in the order in which they are asked: what a matrix is computed from.

import type { Protocol } from '../base/port.ts';
import type {
  RawClusterNetworkPolicy,
  RawClusterPeer,
  RawClusterProtocol,
  RawClusterRule,
  RawNetworkPolicy,
  RawNetworkPolicyPeer,
  RawNetworkPolicyPort,
  RawNetworkPolicyRule,
} from '../oracle/raw-policies.ts';
import { addBits, allBits, bitsIn, noBits, type Bits } from './bits.ts';
import type { PeerFinder } from './peer-finder.ts';
import type { PolicyWorld } from './policy-world.ts';
import { spanOfPort, spanOfProtocol, type PortSpan } from './port-span.ts';

export type Direction = 'ingress' | 'egress';

export interface ReachRule {
  /** Of NetworkPolicies always `Accept`. */
  readonly action: 'Accept' | 'Deny' | 'Pass';
  readonly peers: Bits;
  readonly ports: RulePorts;
}

/** Undefined stands for every port of every protocol. */
export type RulePorts =
  { readonly spans: readonly PortSpan[]; readonly names: readonly PortName[] } | undefined;

interface PortName {
  readonly name: string;
  /** Undefined: whatever protocol the container's port has. */
  readonly protocol: Protocol | undefined;
}

/** What is asked of one pod in one direction. `network` is undefined where no NetworkPolicy isolates it. */
export interface PodRules {
  readonly admin: readonly ReachRule[];
  readonly network: readonly ReachRule[] | undefined;
  readonly baseline: readonly ReachRule[];
}

export const NO_RULES: PodRules = { admin: [], network: undefined, baseline: [] };

type Draft = { admin: ReachRule[]; network: ReachRule[] | undefined; baseline: ReachRule[] };

/** By the end's number; pods of which nothing is asked are not in it. */
export function rulesOfPods(
  { objects }: PolicyWorld,
  finder: PeerFinder,
  { direction, count }: { readonly direction: Direction; readonly count: number },
): ReadonlyMap<number, PodRules> {
  const drafts = new Map<number, Draft>();
  const draftOf = (at: number): Draft => {
    const draft = drafts.get(at) ?? { admin: [], network: undefined, baseline: [] };
    drafts.set(at, draft);
    return draft;
  };
  for (const policy of objects.networkPolicies) {
    if (!isOfDirection(policy, direction)) continue;
    const { namespace } = policy.metadata;
    const rules = (policy.spec?.[direction] ?? []).map((it) =>
      networkRule(it, namespace, { finder, direction, count }),
    );
    for (const at of bitsIn(finder.pods(namespace, policy.spec?.podSelector ?? {})))
      (draftOf(at).network ??= []).push(...rules);
  }
  for (const policy of inOrder(objects.clusterNetworkPolicies ?? [])) {
    const rules = (policy.spec[direction] ?? []).map((it) => clusterRule(it, { finder, direction, count }));
    const { subject, tier } = policy.spec;
    for (const at of bitsIn(podsOf(subject, finder, count)))
      draftOf(at)[tier === 'Admin' ? 'admin' : 'baseline'].push(...rules);
  }
  return drafts;
}

export interface Compiling {
  readonly finder: PeerFinder;
  readonly direction: Direction;
  readonly count: number;
}

/** Whether a NetworkPolicy says anything of the direction. */
export function isOfDirection({ spec }: RawNetworkPolicy, direction: Direction): boolean {
  const types = spec?.policyTypes ?? [];
  if (types.length > 0) return types.includes(direction === 'ingress' ? 'Ingress' : 'Egress');
  return direction === 'ingress' || (spec?.egress ?? []).length > 0;
}

/** A rule of a NetworkPolicy in the namespace. */
export function networkRule(
  rule: RawNetworkPolicyRule,
  namespace: string,
  { finder, direction, count }: Compiling,
): ReachRule {
  const peers = (direction === 'ingress' ? rule.from : rule.to) ?? [];
  const bits =
    peers.length === 0
      ? allBits(count)
      : union(
          count,
          peers.map((it) => networkPeer(it, namespace, finder)),
        );
  return { action: 'Accept', peers: bits, ports: networkPorts(rule.ports ?? []) };
}

function networkPeer(peer: RawNetworkPolicyPeer, namespace: string, finder: PeerFinder): Bits {
  const block = peer.ipBlock ?? undefined;
  if (block !== undefined) return finder.block(block.cidr, block.except ?? []);
  return finder.pods(peer.namespaceSelector ?? namespace, peer.podSelector ?? {});
}

function networkPorts(ports: readonly RawNetworkPolicyPort[]): RulePorts {
  if (ports.length === 0) return undefined;
  const names = ports.flatMap(({ port, protocol }) =>
    typeof port === 'string' ? [{ name: port, protocol: (protocol ?? 'TCP') as Protocol }] : [],
  );
  return { spans: ports.flatMap(spanOfPort), names };
}

/** Lower numbers first; of equal ones the first by name, as the oracle has it. */
function inOrder(policies: readonly RawClusterNetworkPolicy[]): readonly RawClusterNetworkPolicy[] {
  return policies.toSorted(
    (a, b) => a.spec.priority - b.spec.priority || (a.metadata.name < b.metadata.name ? -1 : 1),
  );
}

/** A rule of a ClusterNetworkPolicy. */
export function clusterRule(rule: RawClusterRule, { finder, direction, count }: Compiling): ReachRule {
  const peers = (direction === 'ingress' ? rule.from : rule.to) ?? [];
  const action = rule.action === 'Accept' || rule.action === 'Pass' ? rule.action : 'Deny';
  // "Fail closed", as the API says of peers that a reader does not know.
  const protocols = rule.protocols ?? [];
  if (!peers.every((it) => isKnown(it, direction, action)) || !protocols.every(isKnownProtocol))
    return action === 'Accept'
      ? { action, peers: noBits(count), ports: undefined }
      : { action: 'Deny', peers: allBits(count), ports: undefined };
  const bits = union(
    count,
    peers.flatMap((it) => clusterPeer(it, finder, count)),
  );
  return { action, peers: bits, ports: clusterPorts(protocols) };
}

function isKnown(peer: RawClusterPeer, direction: Direction, action: string): boolean {
  const has = (field: keyof RawClusterPeer): boolean => peer[field] !== undefined && peer[field] !== null;
  if (has('namespaces') || has('pods')) return true;
  if (direction === 'ingress') return false;
  return has('nodes') || has('networks') || (has('domainNames') && action === 'Accept');
}

function isKnownProtocol(protocol: RawClusterProtocol): boolean {
  return spanOfProtocol(protocol).length > 0 || (protocol.destinationNamedPort ?? '') !== '';
}

/** Names are learned by a cluster alone: here nobody has one. */
function clusterPeer(peer: RawClusterPeer, finder: PeerFinder, count: number): readonly Bits[] {
  const nodes = peer.nodes ?? undefined;
  return [
    podsOf(peer, finder, count),
    ...(nodes === undefined ? [] : [finder.nodes(nodes)]),
    ...(peer.networks ?? []).map((it) => finder.block(it, [])),
  ];
}

/** The pods that a subject or peer selects; none of a peer of another kind. */
export function podsOf({ namespaces, pods }: RawClusterPeer, finder: PeerFinder, count: number): Bits {
  const selector = namespaces ?? undefined;
  if (selector !== undefined) return finder.pods(selector, {});
  const both = pods ?? undefined;
  if (both === undefined) return noBits(count);
  return finder.pods(both.namespaceSelector ?? {}, both.podSelector ?? {});
}

function clusterPorts(protocols: readonly RawClusterProtocol[]): RulePorts {
  if (protocols.length === 0) return undefined;
  const names = protocols.flatMap(({ destinationNamedPort }) => {
    const name = destinationNamedPort ?? '';
    return name === '' ? [] : [{ name, protocol: undefined }];
  });
  return { spans: protocols.flatMap(spanOfProtocol), names };
}

function union(count: number, sets: readonly Bits[]): Bits {
  const [only] = sets;
  if (sets.length === 1 && only !== undefined) return only;
  const bits = noBits(count);
  for (const set of sets) addBits(bits, set);
  return bits;
}
