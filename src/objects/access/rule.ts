// One rule of a role, and the question whether it allows what is asked (PolicyRule of rbac.authorization.k8s.io/v1).

import { listOf, objectOf } from '../json.ts';
import { combinedResource, type RequestAttributes } from './attributes.ts';

/** Lists are empty where the object has none. */
export interface PolicyRule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
  readonly nonResourceURLs: readonly string[];
}

export const ALL = '*';

/** The rules of a role's `rules`. */
export function parseRules(value: unknown): readonly PolicyRule[] {
  return listOf(value).map((item) => {
    const rule = objectOf(item);
    return {
      verbs: textsOf(rule['verbs']),
      apiGroups: textsOf(rule['apiGroups']),
      resources: textsOf(rule['resources']),
      resourceNames: textsOf(rule['resourceNames']),
      nonResourceURLs: textsOf(rule['nonResourceURLs']),
    };
  });
}

function textsOf(value: unknown): readonly string[] {
  return listOf(value).filter((it) => typeof it === 'string');
}

/** The rule as it stands in an object: what is empty is left out. */
export function ruleObject(rule: PolicyRule): Partial<PolicyRule> {
  return Object.fromEntries(Object.entries(rule).filter(([, values]) => values.length > 0));
}

export function ruleAllows(rule: PolicyRule, attributes: RequestAttributes): boolean {
  if (!hasOrAll(rule.verbs, attributes.verb)) return false;
  if (attributes.kind === 'path') return rule.nonResourceURLs.some((it) => isUrlIn(it, attributes.path));
  const { group, name, subresource } = attributes;
  return (
    hasOrAll(rule.apiGroups, group) &&
    isResourceIn(rule.resources, combinedResource(attributes), subresource) &&
    // A rule with names never allows to create: what is made has no name yet that could be trusted.
    (rule.resourceNames.length === 0 || rule.resourceNames.includes(name))
  );
}

export function hasOrAll(values: readonly string[], wanted: string): boolean {
  return values.includes(wanted) || values.includes(ALL);
}

/** "*" is everything, "*\/scale" that part of everything, "pods" the resource without its parts. */
export function isResourceIn(resources: readonly string[], combined: string, subresource: string): boolean {
  if (resources.includes(ALL) || resources.includes(combined)) return true;
  return subresource !== '' && resources.includes(`*/${subresource}`);
}

/** A pattern ends in "*" for all that begins so. */
export function isUrlIn(pattern: string, path: string): boolean {
  return (
    pattern === ALL || pattern === path || (pattern.endsWith(ALL) && path.startsWith(pattern.slice(0, -1)))
  );
}
