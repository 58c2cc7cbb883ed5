// The other end of a connection as a rule of a NetworkPolicy names it.

import { hostCidr } from '../base/cidr.ts';
import type { Ip } from '../base/ip.ts';
import { NAMESPACE_NAME_LABEL } from '../objects/namespace.ts';
import { locateEnd } from '../oracle/policy-end.ts';
import type { RawNetworkPolicyPeer } from '../oracle/raw-policies.ts';
import { endsOf } from './party.ts';
import type { PolicyWorld } from './policy-world.ts';
import type { Question } from './question.ts';
import type { StableSelectors } from './stable-selector.ts';
import type { Workload } from './workload.ts';

type Side = 'from' | 'to';

/** Pods that selectors find, or the address of everybody else: pods of their node's network have the node's. */
export type NamedEnd =
  { readonly kind: 'pods'; readonly workload: Workload } | { readonly kind: 'address'; readonly ip: Ip };

export function namedEnd({ objects }: PolicyWorld, question: Question, side: Side): NamedEnd {
  const party = question[side];
  if (party.kind === 'address') return party;
  if (party.kind === 'workload' && party.workload.pod.spec.hostNetwork !== true)
    return { kind: 'pods', workload: party.workload };
  const { ip } = locateEnd(objects, endsOf(question.from, question.to)[side], question.family);
  return { kind: 'address', ip };
}

/** Pods by labels, and by namespace where that is another than `namespace`. Throws `invalid` as `StableSelectors` does. */
export function peerOf(
  end: NamedEnd,
  { namespace, selectors }: { readonly namespace: string; readonly selectors: StableSelectors },
): RawNetworkPolicyPeer {
  if (end.kind === 'address') return { ipBlock: { cidr: hostCidr(end.ip) } };
  const { workload } = end;
  const { selector: podSelector } = selectors.of(workload);
  if (workload.namespace === namespace) return { podSelector };
  return {
    namespaceSelector: { matchLabels: { [NAMESPACE_NAME_LABEL]: workload.namespace } },
    podSelector,
  };
}
