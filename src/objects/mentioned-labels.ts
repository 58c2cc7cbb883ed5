// Which labels of pods the cluster's policies ask for: those that identities must tell apart (identity.ts).

import type { Selector } from './meta.ts';
import type { NetworkPolicy } from './network-policy.ts';
import { keysOfSelector } from './slim-selector.ts';

/** Keys of pods' labels, in whom the policies are for and in their peers. Namespaces' labels are not among them: no identity has those. */
export function mentionedKeys(policies: Iterable<NetworkPolicy>): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const policy of policies) {
    for (const selector of podSelectors(policy)) for (const key of keysOfSelector(selector)) keys.add(key);
  }
  return keys;
}

function podSelectors({ podSelector, ingress = [], egress = [] }: NetworkPolicy): readonly Selector[] {
  const peers = [...ingress, ...egress].flatMap((rule) => rule.peers ?? []);
  return [podSelector, ...peers.flatMap((peer) => (peer.kind === 'pods' ? [peer.pods] : []))];
}
