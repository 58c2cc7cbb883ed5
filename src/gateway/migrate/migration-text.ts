// A migration for people: per Ingress what becomes of it, then what to do.

import type { Carries, IngressReport, Migration } from './migration.ts';

const WORDS: Readonly<Record<Carries, string>> = {
  whole: 'as it was',
  changed: 'CHANGED',
  not: 'NOT CARRIED',
};

export function migrationText({ objects, ingresses }: Migration): string {
  if (ingresses.length === 0) return 'There are no Ingresses to migrate.\n';
  const findings = ingresses.flatMap((it) => it.findings);
  const count = (carries: Carries): number => findings.filter((it) => it.carries === carries).length;
  const counts = new Map<string, number>();
  for (const { kind } of objects) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const kinds = [...counts].map(([kind, number]) => `${number} ${kind}${number === 1 ? '' : 's'}`).join(', ');
  return [
    ...ingresses.map(ingressText),
    `${ingresses.length} Ingress${ingresses.length === 1 ? '' : 'es'} become ${kinds}.`,
    `${count('whole')} parts as they were, ${count('changed')} changed, ${count('not')} not carried over.`,
    'The objects: the same command with -o yaml.',
    '',
  ].join('\n');
}

function ingressText({ namespace, name, className, routes, findings }: IngressReport): string {
  const lines = findings.map((it) => `  ${WORDS[it.carries].padEnd(11)}  ${it.about}: ${it.message}`);
  const to = routes.length === 0 ? 'no HTTPRoute' : `HTTPRoute ${routes.join(', ')}`;
  return [`Ingress ${namespace}/${name} (class ${className ?? 'none'}) -> ${to}`, ...lines, ''].join('\n');
}
