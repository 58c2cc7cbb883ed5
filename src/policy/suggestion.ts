// NetworkPolicies that would let a connection pass which others keep out: no wider than its two workloads and the one port.

import { FairleadError } from '../base/errors.ts';
import { familyOf, type Ip } from '../base/ip.ts';
import { objectOf } from '../objects/json.ts';
import { locateEnd } from '../oracle/policy-end.ts';
import { selects } from '../oracle/policy-selector.ts';
import type { RawNetworkPolicy, RawNetworkPolicyPeer } from '../oracle/raw-policies.ts';
import { nameOfPolicy } from './explanation.ts';
import { endsOf, nameOfParty, type Party } from './party.ts';
import type { PolicyJudge } from './policy-judge.ts';
import type { PolicyWorld } from './policy-world.ts';
import type { Question } from './question.ts';
import { nameOfWorkload, type Workload } from './workload.ts';

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
  const ports = [{ protocol, port }];
  const [fromName, toName] = [shortName(from), shortName(to)];
  return [
    ...(egress.kind === 'isolated' && from.kind === 'workload'
      ? [
          policyFor(from.workload, `${fromName}-to-${toName}`, {
            policyTypes: ['Egress'],
            egress: [{ to: [peerOf(world, question, { peer: to, subject: from.workload })], ports }],
          }),
        ]
      : []),
    ...(ingress.kind === 'isolated' && to.kind === 'workload'
      ? [
          policyFor(to.workload, `${toName}-from-${fromName}`, {
            policyTypes: ['Ingress'],
            ingress: [{ from: [peerOf(world, question, { peer: from, subject: to.workload })], ports }],
          }),
        ]
      : []),
  ];
}

function policyFor(
  workload: Workload,
  name: string,
  spec: Omit<NonNullable<RawNetworkPolicy['spec']>, 'podSelector'>,
): SuggestedPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: workload.namespace },
    spec: { podSelector: { matchLabels: labelsOf(workload) }, ...spec },
  };
}

/** By labels; by namespace where that is another; by address what is no pod. */
function peerOf(
  { objects }: PolicyWorld,
  question: Question,
  { peer, subject }: { readonly peer: Party; readonly subject: Workload },
): RawNetworkPolicyPeer {
  const ends = endsOf(question.from, question.to);
  const end = locateEnd(objects, peer === question.to ? ends.to : ends.from, question.family);
  if (peer.kind !== 'workload' || end.kind !== 'pod') return { ipBlock: { cidr: hostBlock(end.ip) } };
  const podSelector = { matchLabels: labelsOf(peer.workload) };
  const { namespace } = peer.workload;
  if (namespace === subject.namespace) return { podSelector };
  return { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } }, podSelector };
}

function hostBlock(ip: Ip): string {
  return `${ip}/${familyOf(ip) === 4 ? 32 : 128}`;
}

/** Those by which the workload finds its own pods, since they do not change; else all that its pods have. */
function labelsOf(workload: Workload): Readonly<Record<string, string>> {
  const own = workload.pod.metadata.labels ?? {};
  const selector = objectOf(objectOf(objectOf(workload.placed.object['spec'])['selector'])['matchLabels']);
  const stable = Object.fromEntries(Object.entries(selector).map(([key, value]) => [key, String(value)]));
  const labels = Object.keys(stable).length > 0 && selects({ matchLabels: stable }, own) ? stable : own;
  if (Object.keys(labels).length > 0) return labels;
  throw new FairleadError(
    'invalid',
    `Cannot suggest a NetworkPolicy: pods of ${nameOfWorkload(workload)} have no labels to be chosen by`,
  );
}

/** For the name of an object: what has dots and colons is shortened to letters and dashes. */
function shortName(party: Party): string {
  const name = party.kind === 'workload' ? party.workload.name : nameOfParty(party);
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
