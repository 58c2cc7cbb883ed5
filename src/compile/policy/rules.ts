// Which rules are about a pod, in the order in which they decide. Pure; knows no addresses and no kernel.

import { matchesSelector, type Selector } from '../../objects/meta.ts';
import type { NetworkPolicy, PolicyDirection, PolicyPeer, PolicyPort } from '../../objects/network-policy.ts';

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

export type PeerMatch = PodsMatch | Extract<PolicyPeer, { kind: 'block' }>;

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

const memo = new WeakMap<NetworkPolicy, Map<PolicyDirection, readonly DirectionRule[]>>();

/** The rules about a pod with these labels; `policies` are those of its namespace. */
export function rulesAbout(
  policies: Iterable<NetworkPolicy>,
  labels: ReadonlyMap<string, string>,
  direction: PolicyDirection,
): DirectionRules {
  const isolating = [...policies].filter(
    (it) => it[direction] !== undefined && matchesSelector(it.podSelector, labels),
  );
  const rules = isolating.flatMap((it) => rulesOf(it, direction));
  return { admin: [], isolating, rules, baseline: [] };
}

/** The same objects for the same policy, so that what was found out about a rule is found again. */
function rulesOf(policy: NetworkPolicy, direction: PolicyDirection): readonly DirectionRule[] {
  const known = memo.get(policy) ?? new Map<PolicyDirection, readonly DirectionRule[]>();
  memo.set(policy, known);
  const rules =
    known.get(direction) ??
    (policy[direction] ?? []).map((rule, index): DirectionRule => {
      const { namespace, name } = policy;
      return {
        action: 'accept',
        peers: rule.peers?.map((peer) => peerMatchOf(peer, namespace)),
        ports: rule.ports,
        source: { kind: 'NetworkPolicy', namespace, name, index },
      };
    });
  known.set(direction, rules);
  return rules;
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
export function matchesAllPods({ namespaces, pods }: PodsMatch): boolean {
  return 'selector' in namespaces && namespaces.selector.length === 0 && pods.length === 0;
}
