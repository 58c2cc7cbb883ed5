// Whether some rules hold all that others grant: nobody gives away what they do not have.

import { hasOrAll, ALL, isResourceIn, isUrlIn, type PolicyRule } from './rule.ts';

/** What of `wanted` no rule of `held` covers, one grant per rule. */
export function uncovered(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): readonly PolicyRule[] {
  return wanted.flatMap(singleGrants).filter((grant) => !held.some((rule) => covers(rule, grant)));
}

/** The rule taken apart: one verb on one resource (of one name), or on one path. */
function singleGrants(rule: PolicyRule): readonly PolicyRule[] {
  const { verbs, apiGroups, resources, resourceNames, nonResourceURLs } = rule;
  const none = { apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: [] };
  const names = resourceNames.length === 0 ? [[]] : resourceNames.map((name) => [name]);
  const ofResources = apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.flatMap((verb) =>
        names.map((name) => ({
          ...none,
          verbs: [verb],
          apiGroups: [group],
          resources: [resource],
          resourceNames: name,
        })),
      ),
    ),
  );
  const ofPaths = nonResourceURLs.flatMap((url) =>
    verbs.map((verb) => ({ ...none, verbs: [verb], nonResourceURLs: [url] })),
  );
  return [...ofResources, ...ofPaths];
}

/** `grant` is a single one. */
function covers(rule: PolicyRule, grant: PolicyRule): boolean {
  return (
    grant.verbs.every((verb) => hasOrAll(rule.verbs, verb)) &&
    grant.apiGroups.every((group) => hasOrAll(rule.apiGroups, group)) &&
    grant.resources.every((resource) => isResourceIn(rule.resources, resource, partOf(resource))) &&
    grant.nonResourceURLs.every((url) => rule.nonResourceURLs.some((it) => isUrlIn(it, url))) &&
    areNamesIn(rule, grant)
  );
}

function partOf(resource: string): string {
  return resource.split('/')[1] ?? '';
}

/** A rule for all objects covers one for some, never the other way round. */
function areNamesIn(rule: PolicyRule, grant: PolicyRule): boolean {
  if (rule.resourceNames.length === 0) return true;
  return grant.resourceNames.length > 0 && grant.resourceNames.every((it) => rule.resourceNames.includes(it));
}

/** All that can be granted. */
export const FULL_AUTHORITY: readonly PolicyRule[] = [
  { verbs: [ALL], apiGroups: [ALL], resources: [ALL], resourceNames: [], nonResourceURLs: [] },
  { verbs: [ALL], apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: [ALL] },
];

/** The rules as refusals show them, a line each: verbs of one resource stand together. */
export function ruleLines(rules: readonly PolicyRule[]): readonly string[] {
  const byTarget = Map.groupBy(rules, (rule) => JSON.stringify({ ...rule, verbs: [] }));
  return [...byTarget.values()]
    .flatMap((same) => {
      const [first] = same;
      return first === undefined ? [] : [ruleLine({ ...first, verbs: same.flatMap(({ verbs }) => verbs) })];
    })
    .sort();
}

function ruleLine(rule: PolicyRule): string {
  const parts = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ] as const;
  const shown = parts.filter(([, values]) => values.length > 0);
  return `{${shown.map(([name, values]) => `${name}:${quotedList(values)}`).join(', ')}}`;
}

/** ["a" "b"], as Go prints a list of texts. */
export function quotedList(values: readonly string[]): string {
  return `[${values.map((it) => JSON.stringify(it)).join(' ')}]`;
}
