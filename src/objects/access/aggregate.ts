// ClusterRoles that gather the rules of others by their labels (aggregationRule).

import { isSameJson, listOf, objectOf, type Draft } from '../json.ts';
import { matchesSelector, selectorOf, type KubeObject, type LabelSelector } from '../meta.ts';

export function isAggregated(role: Readonly<Draft>): boolean {
  return listOf(objectOf(role['aggregationRule'])['clusterRoleSelectors']).length > 0;
}

/** The rules that `role` is to have: those of all whom a selector chooses, in the order of their names, each once. */
export function aggregatedRules(role: KubeObject, all: readonly KubeObject[]): readonly unknown[] {
  const selectors = listOf(objectOf(role['aggregationRule'])['clusterRoleSelectors']).map((it) =>
    // Checked by the schema when the role was written.
    selectorOf(it as LabelSelector),
  );
  const rules: unknown[] = [];
  for (const other of all.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    if (other.metadata.name === role.metadata.name) continue;
    if (!selectors.some((it) => matchesSelector(it, other.metadata.labels))) continue;
    for (const rule of listOf(other['rules']))
      if (!rules.some((known) => isSameJson(known, rule))) rules.push(rule);
  }
  return rules;
}
