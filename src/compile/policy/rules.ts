// Which rules are about a pod, in the order in which they decide. Pure; knows no addresses and no kernel.

import { PORT_PROTOCOLS } from '../../base/port-set.ts';
import type {
  ClusterNetworkPolicy,
  ClusterPolicyPeer,
  ClusterPolicyPort,
} from '../../objects/cluster-network-policy.ts';
import { matchesSelector, type Selector } from '../../objects/meta.ts';
import type { NetworkPolicy, PolicyDirection, PolicyPeer, PolicyPort } from '../../objects/network-policy.ts';
import type { PolicyObjects } from './policy-objects.ts';

/** The object, and the place in it, that a rule stands in. */
export interface RuleSource {
  readonly kind: 'NetworkPolicy' | 'ClusterNetworkPolicy';
  readonly namespace: string;
  readonly name: string;
  /** Place in the list of rules of its direction. */
  readonly index: number;
}

export type RuleAction = 'accept' | 'deny' | 'pass';

/** Pods of one namespace by name, or of all that a selector chooses. */
export interface PodsMatch {
  readonly kind: 'pods';
  readonly namespaces: { readonly name: string } | { readonly selector: Selector };
  readonly pods: Selector;
}

/** Nodes by their labels: all of their addresses. */
export interface NodesMatch {
  readonly kind: 'nodes';
  readonly nodes: Selector;
}

/** Addresses outside, by the names that they were answered with. */
export interface NamesMatch {
  readonly kind: 'names';
  /** See `ClusterPolicyPeer`. */
  readonly names: readonly string[];
}

export type PeerMatch = PodsMatch | NodesMatch | NamesMatch | Extract<PolicyPeer, { kind: 'block' }>;

export interface DirectionRule {
  readonly action: RuleAction;
  /** Undefined for everybody. */
  readonly peers: readonly PeerMatch[] | undefined;
  readonly ports: readonly PolicyPort[] | undefined;
  readonly source: RuleSource;
}

/** All that decides in one direction: the administrator's rules in order, then NetworkPolicies where any isolates, else the baseline. */
export interface DirectionRules {
  readonly admin: readonly DirectionRule[];
  /** Policies that isolate the pod; none leaves it open. */
  readonly isolating: readonly NetworkPolicy[];
  /** Rules of those, each of which lets something through. */
  readonly rules: readonly DirectionRule[];
  readonly baseline: readonly DirectionRule[];
}

/** True where nothing is ever denied. */
export function isOpen({ admin, isolating, baseline }: DirectionRules): boolean {
  return isolating.length === 0 && ![...admin, ...baseline].some((it) => it.action === 'deny');
}

/** All policies, in the order in which they are asked. */
export interface Policies {
  /** Of the namespaces that have any. */
  readonly byNamespace: ReadonlyMap<string, readonly NetworkPolicy[]>;
  readonly admin: readonly ClusterNetworkPolicy[];
  readonly baseline: readonly ClusterNetworkPolicy[];
}

/** Of cluster policies with one priority the one with the lower name comes first: the API leaves it open, and it has to be the same everywhere. */
export function sortPolicies({
  networkPolicies,
  clusterNetworkPolicies,
}: Pick<PolicyObjects, 'networkPolicies' | 'clusterNetworkPolicies'>): Policies {
  const ordered = [...clusterNetworkPolicies.values()].toSorted(
    (a, b) => a.priority - b.priority || (a.name < b.name ? -1 : 1),
  );
  return {
    byNamespace: Map.groupBy(networkPolicies.values(), (it) => it.namespace),
    admin: ordered.filter((it) => it.tier === 'Admin'),
    baseline: ordered.filter((it) => it.tier === 'Baseline'),
  };
}

/** Whom the rules are about. */
export interface RuleSubject {
  readonly namespace: string;
  readonly namespaceLabels: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
}

export function rulesAbout(
  policies: Policies,
  subject: RuleSubject,
  direction: PolicyDirection,
): DirectionRules {
  const isolating = (policies.byNamespace.get(subject.namespace) ?? []).filter(
    (it) => it[direction] !== undefined && matchesSelector(it.podSelector, subject.labels),
  );
  const ofTier = (tier: readonly ClusterNetworkPolicy[]): readonly DirectionRule[] =>
    tier.filter((it) => isAbout(it, subject)).flatMap((it) => clusterRulesOf(it, direction));
  return {
    admin: ofTier(policies.admin),
    isolating,
    rules: isolating.flatMap((it) => rulesOf(it, direction)),
    baseline: ofTier(policies.baseline),
  };
}

function isAbout({ subject }: ClusterNetworkPolicy, { namespaceLabels, labels }: RuleSubject): boolean {
  return matchesSelector(subject.namespaces, namespaceLabels) && matchesSelector(subject.pods, labels);
}

type RulesOfPolicy = Partial<Record<PolicyDirection, readonly DirectionRule[]>>;

const memo = new WeakMap<NetworkPolicy | ClusterNetworkPolicy, RulesOfPolicy>();

/** The same objects for the same policy, so that what was found out about a rule is found again. */
function memoised<P extends NetworkPolicy | ClusterNetworkPolicy>(
  policy: P,
  direction: PolicyDirection,
  make: () => readonly DirectionRule[],
): readonly DirectionRule[] {
  const known = memo.get(policy) ?? {};
  const rules = known[direction] ?? make();
  memo.set(policy, { ...known, [direction]: rules });
  return rules;
}

function rulesOf(policy: NetworkPolicy, direction: PolicyDirection): readonly DirectionRule[] {
  const { namespace, name } = policy;
  return memoised(policy, direction, () =>
    (policy[direction] ?? []).map((rule, index) => ({
      action: 'accept',
      peers: rule.peers?.map((peer) => peerMatchOf(peer, namespace)),
      ports: rule.ports,
      source: { kind: 'NetworkPolicy', namespace, name, index },
    })),
  );
}

const ACTIONS = { Accept: 'accept', Deny: 'deny', Pass: 'pass' } as const;

function clusterRulesOf(policy: ClusterNetworkPolicy, direction: PolicyDirection): readonly DirectionRule[] {
  return memoised(policy, direction, () =>
    policy[direction].map(({ action, peers, ports }, index) => ({
      action: ACTIONS[action],
      peers: peers.some((it) => it.kind === 'all') ? undefined : peers.flatMap(clusterPeerMatchOf),
      ports: ports?.flatMap(portsOfClusterPort),
      source: { kind: 'ClusterNetworkPolicy', namespace: '', name: policy.name, index },
    })),
  );
}

function clusterPeerMatchOf(peer: ClusterPolicyPeer): readonly PeerMatch[] {
  switch (peer.kind) {
    case 'pods':
      return [{ kind: 'pods', namespaces: { selector: peer.namespaces }, pods: peer.pods }];
    case 'nodes':
    case 'names':
      return [peer];
    case 'networks':
      return peer.cidrs.map((cidr) => ({ kind: 'block', cidr, except: [] }));
    case 'all':
      return [];
    default:
      return peer satisfies never;
  }
}

function portsOfClusterPort(port: ClusterPolicyPort): readonly PolicyPort[] {
  if (port.kind === 'numbers') return [{ protocol: port.protocol, port: port.first, endPort: port.last }];
  return PORT_PROTOCOLS.map((protocol) => ({ protocol, port: port.name, endPort: undefined }));
}

function peerMatchOf(peer: PolicyPeer, namespace: string): PeerMatch {
  if (peer.kind === 'block') return peer;
  const { namespaces, pods } = peer;
  return {
    kind: 'pods',
    namespaces: namespaces === undefined ? { name: namespace } : { selector: namespaces },
    pods,
  };
}

/** True for a match of every pod of the cluster. */
export function matchesAllPods(match: PodsMatch | NodesMatch): boolean {
  if (match.kind === 'nodes') return false;
  const { namespaces, pods } = match;
  return 'selector' in namespaces && namespaces.selector.length === 0 && pods.length === 0;
}
