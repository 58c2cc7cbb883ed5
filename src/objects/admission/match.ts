// Whether a policy or a binding is about a request (matchConstraints, matchResources).

import { objectOf, type Draft } from '../json.ts';
import { matchesSelector, type Selector } from '../meta.ts';
import type { MatchResources, ResourceRule } from './policy.ts';

/** A resource as rules name it. */
export interface RuledResource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly isNamespaced: boolean;
}

export interface Asked {
  /** "CREATE", "UPDATE", "DELETE". */
  readonly operation: string;
  /** That of the request first, then those that have the same objects in other versions. */
  readonly resources: readonly RuledResource[];
  /** '' for the object itself. */
  readonly subresource: string;
  readonly name: string;
  /** '' for what is in none. */
  readonly namespace: string;
  readonly object: Readonly<Draft> | undefined;
  readonly oldObject: Readonly<Draft> | undefined;
  /** Of the namespace of the request. */
  readonly namespaceObject: Readonly<Draft> | undefined;
}

/** The resource in whose version the policy sees the objects; undefined where it is not about the request. */
export function matchedResource(constraints: MatchResources, asked: Asked): RuledResource | undefined {
  if (!isOfNamespaces(constraints.namespaceSelector, asked)) return undefined;
  if (!isOfObjects(constraints.objectSelector, asked)) return undefined;
  if (ruledResource(constraints.excluded, constraints, asked) !== undefined) return undefined;
  return constraints.rules.length === 0
    ? asked.resources[0]
    : ruledResource(constraints.rules, constraints, asked);
}

/** What is in no namespace is of all of them; a namespace is judged by its own labels. */
function isOfNamespaces(selector: Selector, asked: Asked): boolean {
  if (selector.length === 0) return true;
  if (isNamespace(asked)) return matchesLabels(selector, asked.object ?? asked.oldObject);
  return asked.namespace === '' || matchesLabels(selector, asked.namespaceObject);
}

function isNamespace({ resources: [resource] }: Asked): boolean {
  return resource?.group === '' && resource.plural === 'namespaces';
}

/** As it was or as it is to be. */
function isOfObjects(selector: Selector, { object, oldObject }: Asked): boolean {
  if (selector.length === 0) return true;
  return [object, oldObject].some((it) => it !== undefined && matchesLabels(selector, it));
}

function matchesLabels(selector: Selector, object: Readonly<Draft> | undefined): boolean {
  const labels = objectOf(objectOf(object?.['metadata'])['labels']) as Readonly<Record<string, string>>;
  return matchesSelector(selector, labels);
}

function ruledResource(
  rules: readonly ResourceRule[],
  { isEquivalent }: MatchResources,
  asked: Asked,
): RuledResource | undefined {
  const candidates = isEquivalent ? asked.resources : asked.resources.slice(0, 1);
  return candidates.find((resource) => rules.some((rule) => matchesRule(rule, resource, asked)));
}

function matchesRule(rule: ResourceRule, resource: RuledResource, asked: Asked): boolean {
  return (
    has(rule.operations, asked.operation) &&
    has(rule.groups, resource.group) &&
    has(rule.versions, resource.version) &&
    rule.resources.some((it) => matchesName(it, resource.plural, asked.subresource)) &&
    isInScope(rule.scope, resource) &&
    (rule.names.length === 0 || rule.names.includes(asked.name))
  );
}

function has(list: readonly string[], item: string): boolean {
  return list.includes('*') || list.includes(item);
}

/** "*" means no subresource, "pods/*" pods and all of theirs. */
function matchesName(rule: string, plural: string, subresource: string): boolean {
  const [resource, part = ''] = rule.split('/', 2);
  return (resource === '*' || resource === plural) && (part === '*' || part === subresource);
}

function isInScope(scope: string, { isNamespaced }: RuledResource): boolean {
  return scope === '*' || (scope === 'Namespaced') === isNamespaced;
}
