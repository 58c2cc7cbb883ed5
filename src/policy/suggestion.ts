// NetworkPolicies that would let a connection pass which others keep out: no wider than its two workloads and the one port.

import { FairleadError } from '../base/errors.ts';
import type { RawNetworkPolicy } from '../oracle/raw-policies.ts';
import { nameOfPolicy } from './explanation.ts';
import { nameOfParty, type Party } from './party.ts';
import type { PolicyJudge } from './policy-judge.ts';
import { namedEnd, peerOf } from './policy-peer.ts';
import type { PolicyWorld } from './policy-world.ts';
import type { Question } from './question.ts';
import { StableSelectors } from './stable-selector.ts';
import type { Workload } from './workload.ts';

export interface SuggestedPolicy extends RawNetworkPolicy {
  readonly apiVersion: 'networking.k8s.io/v1';
  readonly kind: 'NetworkPolicy';
}

/**
 * One for each end that isolates; none where the connection passes already. Throws `invalid` where no NetworkPolicy can help: a
 * ClusterNetworkPolicy denies, or a workload has no labels to be chosen by.
 */
export function suggestPolicies(
  world: PolicyWorld,
  judge: PolicyJudge,
  question: Question,
): readonly SuggestedPolicy[] {
  const { egress, ingress } = judge.judge(question);
  const denied = [egress, ingress].find((it) => it.kind === 'denied');
  if (denied?.kind === 'denied')
    throw new FairleadError(
      'invalid',
      `Cannot suggest a NetworkPolicy: ${nameOfPolicy(denied.rule)} denies it, which comes first or speaks where none isolates`,
    );
  const { from, to, protocol, port } = question;
  if (egress.kind === 'isolated' && to.kind === 'address' && to.domain !== undefined)
    throw new FairleadError(
      'invalid',
      `Cannot suggest a NetworkPolicy for ${to.domain}: it knows no names, a ClusterNetworkPolicy of tier Admin accepts domainNames`,
    );
  const ports = [{ protocol, port }];
  const selectors = new StableSelectors(world);
  const [fromName, toName] = [shortName(from), shortName(to)];
  const policies: SuggestedPolicy[] = [];
  if (egress.kind === 'isolated' && from.kind === 'workload') {
    const peer = peerOf(namedEnd(world, question, 'to'), { namespace: from.workload.namespace, selectors });
    const spec = { policyTypes: ['Egress'], egress: [{ to: [peer], ports }] };
    policies.push(policyFor(selectors, from.workload, { name: `${fromName}-to-${toName}`, spec }));
  }
  if (ingress.kind === 'isolated' && to.kind === 'workload') {
    const peer = peerOf(namedEnd(world, question, 'from'), { namespace: to.workload.namespace, selectors });
    const spec = { policyTypes: ['Ingress'], ingress: [{ from: [peer], ports }] };
    policies.push(policyFor(selectors, to.workload, { name: `${toName}-from-${fromName}`, spec }));
  }
  return policies;
}

function policyFor(
  selectors: StableSelectors,
  workload: Workload,
  {
    name,
    spec,
  }: { readonly name: string; readonly spec: Omit<NonNullable<RawNetworkPolicy['spec']>, 'podSelector'> },
): SuggestedPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: workload.namespace },
    spec: { podSelector: selectors.of(workload).selector, ...spec },
  };
}

/** For the name of an object: what has dots and colons is shortened to letters and dashes. */
function shortName(party: Party): string {
  const name = party.kind === 'workload' ? party.workload.name : nameOfParty(party);
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
