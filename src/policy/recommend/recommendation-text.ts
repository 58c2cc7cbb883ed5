// A recommendation as YAML for `kubectl apply`, with what it rests on as comments.

import { Document, isMap, isNode, isScalar } from 'yaml';
import { connectionText } from './asked-connection.ts';
import type { Recommendation } from './recommend.ts';
import {
  objectOfPolicy,
  type RecommendedPeer,
  type RecommendedPolicy,
  type RecommendedRule,
} from './recommended-policy.ts';
import { nameOfWorkload } from '../workload.ts';

export function recommendationYaml(recommendation: Recommendation): string {
  const head = headLines(recommendation).map((line) => `# ${line}\n`);
  return [head.join(''), ...recommendation.policies.map(policyYaml)].join('---\n');
}

/** What kubectl takes in the form of JSON: no comments. */
export function recommendationForm({ policies }: Recommendation): object {
  return { apiVersion: 'v1', kind: 'List', items: policies.map(objectOfPolicy) };
}

function headLines(it: Recommendation): readonly string[] {
  const { record, replayed, kept, silent, leftOut, unseen } = it;
  return [
    `Recommended from ${countText(replayed, 'connection')}, recorded from ${record.startedAt} on for ${record.seconds} s.`,
    'All of them pass with these policies, as a replay says; names may be asked for by every pod.',
    'Short records miss what is rare: a job of the night, a restart, a fail-over.',
    ...listed('Policies that are there stay; what they allow and was seen is said here, too', kept),
    ...listed('Nothing was seen of these, so they may ask for names alone', silent),
    ...listed(
      'Left out',
      leftOut.map(({ recorded, why }) => `${connectionText(recorded)}: ${why}`),
    ),
    ...listed('Opened though it was not seen, since labels choose more', unseen.map(unseenText)),
    ...(record.leftOut === 0 ? [] : [`Nodes had no room for ${countText(record.leftOut, 'connection')}.`]),
  ];
}

export function unseenText({ from, to, ports }: Recommendation['unseen'][number]): string {
  return `${from} to ${to}, ${ports}`;
}

function listed(title: string, items: readonly string[]): readonly string[] {
  return items.length === 0 ? [] : [`${title}:`, ...items.map((it) => `  ${it}`)];
}

function policyYaml(policy: RecommendedPolicy): string {
  const document = new Document(objectOfPolicy(policy), { aliasDuplicateObjects: false });
  // Of the document's content: of the document itself it would be apart by an empty line.
  if (isNode(document.contents)) document.contents.commentBefore = aboutPolicy(policy);
  for (const [direction, side] of [
    ['ingress', 'from'],
    ['egress', 'to'],
  ] as const)
    for (const [i, rule] of policy[direction].entries())
      commentRule(document, ['spec', direction, i], { rule, side });
  return document.toString({ lineWidth: 0 });
}

function aboutPolicy({ namespace, subject }: RecommendedPolicy): string {
  if (subject === undefined)
    return ` Namespace ${namespace}: what no policy allows is denied, in both directions, but for questions for names.`;
  const names = subject.workloads.map(nameOfWorkload).join(', ');
  const others = subject.others.map(nameOfWorkload).join(', ');
  return ` ${names}${others === '' ? '' : `; its labels choose ${others}, too`}`;
}

function commentRule(
  document: Document,
  path: readonly (string | number)[],
  { rule, side }: { readonly rule: RecommendedRule; readonly side: 'from' | 'to' },
): void {
  for (const [i, peer] of rule.peers.entries()) {
    const node = document.getIn([...path, side, i], true);
    if (isMap(node) && peer.about.length > 0) node.commentBefore = ` ${peerText(peer)}`;
  }
  for (const [i, { name }] of rule.ports.entries()) {
    const node = document.getIn([...path, 'ports', i, 'port'], true);
    if (isNode(node) && isScalar(node) && name !== undefined && name !== '') node.comment = ` ${name}`;
  }
}

function peerText({ connections, about, isAnswered }: RecommendedPeer): string {
  return `${countText(connections, 'connection')}: ${about.join(', ')}${isAnswered ? '' : ' (never answered)'}`;
}

function countText(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
