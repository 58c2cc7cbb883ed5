// The other end of a connection as a rule of a NetworkPolicy names it.

import { hostCidr } from '../base/cidr.ts';
import { locateEnd } from '../oracle/policy-end.ts';
import type { RawNetworkPolicyPeer } from '../oracle/raw-policies.ts';
import { NAMESPACE_NAME_LABEL } from '../objects/namespace.ts';
import { endsOf } from './party.ts';
import type { PolicyWorld } from './policy-world.ts';
import type { Question } from './question.ts';
import { stableSelector } from './stable-selector.ts';

/** Pods by labels, and by namespace where that is another than `namespace`; by its address what is no pod. Throws `invalid` as `stableSelector` does. */
export function peerOf(
  world: PolicyWorld,
  question: Question,
  { side, namespace }: { readonly side: 'from' | 'to'; readonly namespace: string },
): RawNetworkPolicyPeer {
  const party = question[side];
  const end = locateEnd(world.objects, endsOf(question.from, question.to)[side], question.family);
  if (party.kind !== 'workload' || end.kind !== 'pod') return { ipBlock: { cidr: hostCidr(end.ip) } };
  const { selector: podSelector } = stableSelector(world, party.workload);
  if (party.workload.namespace === namespace) return { podSelector };
  return {
    namespaceSelector: { matchLabels: { [NAMESPACE_NAME_LABEL]: party.workload.namespace } },
    podSelector,
  };
}
