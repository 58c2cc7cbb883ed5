// What ClusterNetworkPolicies of one tier say, written from the text of policy.networking.k8s.io/v1alpha2.

import { allAddresses, type LocatedEnd } from './policy-end.ts';
import { blockHas, isKnownProtocol, matchesProtocols, type Destination } from './policy-port.ts';
import { labelsOfNamespace, selects } from './policy-selector.ts';
import type { RawPod } from './raw-objects.ts';
import type {
  RawClusterNetworkPolicy,
  RawClusterPeer,
  RawClusterRule,
  RawNamespacedPod,
  RawPolicyObjects,
} from './raw-policies.ts';

export type Tier = 'Admin' | 'Baseline';
export type Direction = 'ingress' | 'egress';

/** One side of a connection: the pod whose rules are asked, and who is at the other end. */
export interface SideQuestion {
  readonly direction: Direction;
  readonly subject: RawPod;
  readonly peer: LocatedEnd;
  readonly to: Destination;
}

/** The rule that speaks first in the tier; a `Pass` ends the tier, too. */
export interface ClusterDecision {
  readonly policy: string;
  readonly index: number;
  readonly action: 'Accept' | 'Deny' | 'Pass';
}

/**
 * Lower priority numbers come first. Of equal ones "the implementation can apply any": here the first by name (code points) comes first, so
 * that all that is made of the same objects says the same.
 */
export function decideTier(
  objects: RawPolicyObjects,
  tier: Tier,
  asked: SideQuestion,
): ClusterDecision | undefined {
  const policies = (objects.clusterNetworkPolicies ?? [])
    .filter((it) => it.spec.tier === tier && isSubject(objects, it, asked.subject))
    .sort((a, b) => a.spec.priority - b.spec.priority || (a.metadata.name < b.metadata.name ? -1 : 1));
  for (const policy of policies)
    for (const [index, rule] of (policy.spec[asked.direction] ?? []).entries()) {
      const action = actionOf(objects, rule, asked);
      if (action !== undefined) return { policy: policy.metadata.name, index, action };
    }
  return undefined;
}

/** What the rule does to the connection; undefined where it does not match. */
function actionOf(
  objects: RawPolicyObjects,
  rule: RawClusterRule,
  asked: SideQuestion,
): ClusterDecision['action'] | undefined {
  const peers = (asked.direction === 'ingress' ? rule.from : rule.to) ?? [];
  // "Fail closed": an Accept matches nothing, everything else is a Deny of all.
  const isUnderstood =
    peers.every((it) => isKnownPeer(rule, it, asked.direction)) &&
    (rule.protocols ?? []).every(isKnownProtocol);
  if (!isUnderstood) return rule.action === 'Accept' ? undefined : 'Deny';
  if (!matchesProtocols(rule.protocols, asked.to)) return undefined;
  if (!peers.some((it) => matchesPeer(objects, it, asked.peer))) return undefined;
  return rule.action === 'Accept' || rule.action === 'Pass' ? rule.action : 'Deny';
}

/** A peer without a field of its direction is of a newer version (the API server drops what it does not know); names are for Accept alone. */
function isKnownPeer(rule: RawClusterRule, peer: RawClusterPeer, direction: Direction): boolean {
  if (isSet(peer.namespaces) || isSet(peer.pods)) return true;
  if (direction === 'ingress') return false;
  return isSet(peer.nodes) || isSet(peer.networks) || (isSet(peer.domainNames) && rule.action === 'Accept');
}

function isSubject(objects: RawPolicyObjects, { spec }: RawClusterNetworkPolicy, pod: RawPod): boolean {
  const { namespaces, pods } = spec.subject;
  return selectsPod(objects, namespacedPod(namespaces, pods), pod);
}

function matchesPeer(objects: RawPolicyObjects, peer: RawClusterPeer, end: LocatedEnd): boolean {
  if (end.kind === 'pod' && selectsPod(objects, namespacedPod(peer.namespaces, peer.pods), end.pod))
    return true;
  const nodes = peer.nodes ?? undefined;
  if (nodes !== undefined)
    return objects.nodes.some(
      (it) => allAddresses(it).includes(end.ip) && selects(nodes, it.metadata.labels ?? {}),
    );
  if ((peer.networks ?? []).some((it) => blockHas(it, end.ip))) return true;
  return (peer.domainNames ?? []).some((it) => isLearned(objects, it, end));
}

/** "Namespaces" is short for all pods of these namespaces. */
function namespacedPod(
  namespaces: RawClusterPeer['namespaces'],
  pods: RawClusterPeer['pods'],
): RawNamespacedPod | undefined {
  const selector = namespaces ?? undefined;
  return selector === undefined ? (pods ?? undefined) : { namespaceSelector: selector };
}

function selectsPod(
  objects: RawPolicyObjects,
  selector: RawNamespacedPod | undefined,
  { metadata }: RawPod,
): boolean {
  if (selector === undefined) return false;
  const labels = labelsOfNamespace(objects.namespaces, metadata.namespace);
  return (
    selects(selector.namespaceSelector ?? {}, labels) &&
    selects(selector.podSelector ?? {}, metadata.labels ?? {})
  );
}

/**
 * `*.` stands for one or more whole labels. Names speak of what is outside: an answer of somebody's name server lets nobody reach a pod or a node,
 * which the API has other peers for.
 */
function isLearned(objects: RawPolicyObjects, pattern: string, end: LocatedEnd): boolean {
  if (end.kind !== 'outside') return false;
  const wanted = pattern.toLowerCase().replace(/\.$/, '');
  const names = [...(objects.learnedNames ?? [])].filter(([name]) =>
    wanted.startsWith('*.') ? name.endsWith(wanted.slice(1)) && name !== wanted.slice(2) : name === wanted,
  );
  return names.some(([, ips]) => ips.some((ip) => ip === end.ip));
}

function isSet(field: unknown): boolean {
  return field !== undefined && field !== null;
}
