// Which labels of pods the cluster's policies ask for: those that identities must tell apart (identity.ts).

import type { ClusterNetworkPolicy } from './cluster-network-policy.ts';
import type { Selector } from './meta.ts';
import type { NetworkPolicy } from './network-policy.ts';
import { keysOfSelector } from './slim-selector.ts';

/** Keys of pods' labels, in whom the policies are for and in their peers. Namespaces' labels are not among them: no identity has those. */
export function mentionedKeys(
  policies: Iterable<NetworkPolicy>,
  clusterPolicies: Iterable<ClusterNetworkPolicy>,
): ReadonlySet<string> {
  const keys = new Set<string>();
  const add = (selectors: readonly Selector[]): void => {
    for (const selector of selectors) for (const key of keysOfSelector(selector)) keys.add(key);
  };
  for (const policy of policies) add(selectorsOf(policy));
  for (const policy of clusterPolicies) add(selectorsOfCluster(policy));
  return keys;
}

function selectorsOf({ podSelector, ingress = [], egress = [] }: NetworkPolicy): readonly Selector[] {
  const peers = [...ingress, ...egress].flatMap((rule) => rule.peers ?? []);
  return [podSelector, ...peers.flatMap((peer) => (peer.kind === 'pods' ? [peer.pods] : []))];
}

function selectorsOfCluster({ subject, ingress, egress }: ClusterNetworkPolicy): readonly Selector[] {
  const peers = [...ingress, ...egress].flatMap((rule) => rule.peers);
  return [subject.pods, ...peers.flatMap((peer) => (peer.kind === 'pods' ? [peer.pods] : []))];
}
