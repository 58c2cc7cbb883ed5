// Who may speak to whom: NetworkPolicy v1 and ClusterNetworkPolicy v1alpha2 by their text. Naive on purpose: both ends are asked, and
// every object is read for every question.

import type { Family } from '../base/ip.ts';
import type { Protocol } from '../base/port.ts';
import { decideTier, type Direction, type SideQuestion, type Tier } from './cluster-policy.ts';
import { locateEnd, type LocatedEnd, type PolicyEnd } from './policy-end.ts';
import { blockHas, matchesPorts } from './policy-port.ts';
import { labelsOfNamespace, selects } from './policy-selector.ts';
import type {
  RawNetworkPolicy,
  RawNetworkPolicyPeer,
  RawNetworkPolicyRule,
  RawPolicyObjects,
} from './raw-policies.ts';

/** `port` is the destination's, as the pod itself sees it: Services are translated before policies are asked. */
export interface PolicyConnection {
  readonly from: PolicyEnd;
  readonly to: PolicyEnd;
  readonly family: Family;
  readonly protocol: Protocol;
  readonly port: number;
}

export interface PolicyRef {
  readonly kind: 'NetworkPolicy' | 'ClusterNetworkPolicy';
  /** Undefined of a ClusterNetworkPolicy. */
  readonly namespace: string | undefined;
  readonly name: string;
}

/** `index` counts from 0 in the list of the side's direction. */
export interface PolicyRuleRef extends PolicyRef {
  readonly index: number;
}

/** What decided at one end. Of several NetworkPolicy rules that allow, the first by name and index is named. */
export type PolicySide =
  /** Nobody is asked there: policies apply to pods, never to what a pod says to itself or to its own node. */
  | { readonly kind: 'not-judged'; readonly why: 'outside' | 'node' | 'own-node' | 'itself' }
  /** No policy speaks, so all is allowed. */
  | { readonly kind: 'not-isolated' }
  | { readonly kind: 'allowed'; readonly rule: PolicyRuleRef }
  /** A rule of a ClusterNetworkPolicy says no. */
  | { readonly kind: 'denied'; readonly rule: PolicyRuleRef }
  /** These NetworkPolicies select the pod and none of them allows it. */
  | { readonly kind: 'isolated'; readonly policies: readonly PolicyRef[] };

export interface PolicyVerdict {
  /** Both ends must allow. */
  readonly isAllowed: boolean;
  readonly egress: PolicySide;
  readonly ingress: PolicySide;
}

/** Throws where an end cannot be asked, as `locateEnd` says. */
export function judge(objects: RawPolicyObjects, connection: PolicyConnection): PolicyVerdict {
  const { family, protocol, port } = connection;
  const from = locateEnd(objects, connection.from, family);
  const end = locateEnd(objects, connection.to, family);
  const to = { end, family, protocol, port };
  const sideOf = (direction: Direction, subject: LocatedEnd, peer: LocatedEnd): PolicySide => {
    if (subject.kind !== 'pod') return { kind: 'not-judged', why: subject.kind };
    if (peer.kind === 'pod' && peer.pod === subject.pod) return { kind: 'not-judged', why: 'itself' };
    if (peer.kind === 'node' && peer.name === subject.pod.spec.nodeName)
      return { kind: 'not-judged', why: 'own-node' };
    return judgeSide(objects, { direction, subject: subject.pod, peer, to });
  };
  const egress = sideOf('egress', from, end);
  const ingress = sideOf('ingress', end, from);
  return { isAllowed: lets(egress) && lets(ingress), egress, ingress };
}

function lets({ kind }: PolicySide): boolean {
  return kind !== 'denied' && kind !== 'isolated';
}

/** Tiers in their order: Admin, NetworkPolicy, and Baseline where no NetworkPolicy isolates the pod in the direction. */
function judgeSide(objects: RawPolicyObjects, asked: SideQuestion): PolicySide {
  return (
    judgeTier(objects, 'Admin', asked) ??
    judgeNetworkPolicies(objects, asked) ??
    judgeTier(objects, 'Baseline', asked) ?? { kind: 'not-isolated' }
  );
}

function judgeTier(objects: RawPolicyObjects, tier: Tier, asked: SideQuestion): PolicySide | undefined {
  const decision = decideTier(objects, tier, asked);
  if (decision === undefined || decision.action === 'Pass') return undefined;
  const { policy: name, index, action } = decision;
  const rule = { kind: 'ClusterNetworkPolicy', namespace: undefined, name, index } as const;
  return { kind: action === 'Accept' ? 'allowed' : 'denied', rule };
}

function judgeNetworkPolicies(objects: RawPolicyObjects, asked: SideQuestion): PolicySide | undefined {
  const isolating = objects.networkPolicies
    .filter((it) => isolates(it, asked))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  if (isolating.length === 0) return undefined;
  for (const policy of isolating) {
    const index = (policy.spec?.[asked.direction] ?? []).findIndex((it) =>
      allows(objects, policy, it, asked),
    );
    if (index >= 0) return { kind: 'allowed', rule: { ...refOf(policy), index } };
  }
  return { kind: 'isolated', policies: isolating.map(refOf) };
}

function refOf({ metadata: { namespace, name } }: RawNetworkPolicy): PolicyRef {
  return { kind: 'NetworkPolicy', namespace, name };
}

function isolates(policy: RawNetworkPolicy, { direction, subject }: SideQuestion): boolean {
  const { namespace, labels } = subject.metadata;
  if (policy.metadata.namespace !== namespace) return false;
  return directionsOf(policy).includes(direction) && selects(policy.spec?.podSelector ?? {}, labels ?? {});
}

/** "If no policyTypes are specified ... Ingress will always be set and Egress will be set if the NetworkPolicy has any egress rules." */
function directionsOf({ spec }: RawNetworkPolicy): readonly Direction[] {
  const types = spec?.policyTypes ?? [];
  if (types.length === 0) return (spec?.egress ?? []).length > 0 ? ['ingress', 'egress'] : ['ingress'];
  return (['ingress', 'egress'] as const).filter((it) =>
    types.includes(it === 'ingress' ? 'Ingress' : 'Egress'),
  );
}

function allows(
  objects: RawPolicyObjects,
  policy: RawNetworkPolicy,
  rule: RawNetworkPolicyRule,
  { direction, peer, to }: SideQuestion,
): boolean {
  const peers = (direction === 'ingress' ? rule.from : rule.to) ?? [];
  const isPeer = peers.length === 0 || peers.some((it) => matchesPeer(objects, policy, it, peer));
  return isPeer && matchesPorts(rule.ports, to);
}

/** A block is asked about the address, whoever has it; selectors select pods alone. A peer that the API would refuse matches nobody. */
function matchesPeer(
  objects: RawPolicyObjects,
  policy: RawNetworkPolicy,
  peer: RawNetworkPolicyPeer,
  end: LocatedEnd,
): boolean {
  const block = peer.ipBlock ?? undefined;
  const [ofNamespace, ofPod] = [peer.namespaceSelector ?? undefined, peer.podSelector ?? undefined];
  const hasSelectors = ofNamespace !== undefined || ofPod !== undefined;
  if (block !== undefined) {
    if (hasSelectors || !blockHas(block.cidr, end.ip)) return false;
    return !(block.except ?? []).some((it) => blockHas(it, end.ip));
  }
  if (!hasSelectors || end.kind !== 'pod') return false;
  const { namespace, labels } = end.pod.metadata;
  const isInNamespace =
    ofNamespace === undefined
      ? namespace === policy.metadata.namespace
      : selects(ofNamespace, labelsOfNamespace(objects.namespaces, namespace));
  return isInNamespace && selects(ofPod ?? {}, labels ?? {});
}
