// Explanations for people.

import type { Explanation, SideExplanation } from './explanation.ts';

const NOT_JUDGED = {
  outside: 'not judged: policies apply to pods, and this is an address outside of the cluster',
  node: 'not judged: policies apply to pods, and this is a node (a pod with hostNetwork is its node)',
  'own-node': 'allowed: between a pod and its own node everything is',
  itself: 'allowed: a pod may always speak to itself',
} as const;

export function explanationText(explanation: Explanation): string {
  const { from, to, protocol, port, family, via, isAllowed } = explanation;
  const verdict = isAllowed ? 'allowed' : 'DENIED';
  const service = via === undefined ? '' : ` (${via})`;
  const six = family === 6 ? ' over IPv6' : '';
  return [
    `${from} to ${to}, ${protocol} port ${port}${service}${six}: ${verdict}`,
    `  egress of ${from}`,
    ...sideLines(explanation.egress, 'egress'),
    `  ingress of ${to}`,
    ...sideLines(explanation.ingress, 'ingress'),
    '',
  ].join('\n');
}

function sideLines(side: SideExplanation, direction: 'ingress' | 'egress'): readonly string[] {
  const { rule } = side;
  switch (side.decision) {
    case 'not-judged':
      return [`    ${NOT_JUDGED[side.why ?? 'outside']}`];
    case 'not-isolated':
      return [`    allowed: no policy says anything about it`];
    case 'allowed':
      return [`    allowed by ${rule?.policy} ${rule?.rule}  (${rule?.at})`];
    case 'denied':
      return [`    denied by ${rule?.policy} ${rule?.rule}  (${rule?.at})`];
    case 'isolated':
      return isolatedLines(side, direction);
    default:
      return side.decision satisfies never;
  }
}

function isolatedLines(side: SideExplanation, direction: string): readonly string[] {
  const isolating = side.isolatedBy.map(({ policy, at }) => `    isolated by ${policy}  (${at})`);
  const [nearest] = side.nearest;
  if (nearest === undefined)
    return [...isolating, `    denied: these have no ${direction} rules, so nothing may pass`];
  return [
    ...isolating,
    '    denied: no rule of these matches',
    `    nearest: ${nearest.policy} ${nearest.rule} would match if ${nearest.needs.join(', and ')}  (${nearest.at})`,
  ];
}
