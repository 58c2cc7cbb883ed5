// Bringing the roles and bindings that come with the cluster to what this version has, without taking away what people have added.

import { isSameJson, listOf, objectOf, type Draft } from '../json.ts';
import type { KubeObject } from '../meta.ts';
import { parseBinding, type Subject } from './binding.ts';
import { uncovered } from './cover.ts';
import type { BindingEntry, RoleEntry } from './role-table.ts';
import { parseRules, ruleObject } from './rule.ts';

const RBAC = 'rbac.authorization.k8s.io';
/** "false": whoever set it keeps the object as it is. */
const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate';
const LABELS = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
const ANNOTATIONS = { [AUTO_UPDATE]: 'true' };

export function roleObject({ name, namespace, rules, labels, gathers }: RoleEntry): Draft {
  const aggregationRule =
    gathers === undefined
      ? {}
      : { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [gathers]: 'true' } }] } };
  return {
    apiVersion: `${RBAC}/v1`,
    kind: namespace === undefined ? 'ClusterRole' : 'Role',
    metadata: metadataOf({ name, namespace }, labels),
    rules: rules.map(ruleObject),
    ...aggregationRule,
  };
}

export function bindingObject({ name, namespace, role, subjects }: BindingEntry): Draft {
  const isEverywhere = namespace === undefined;
  return {
    apiVersion: `${RBAC}/v1`,
    kind: isEverywhere ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: metadataOf({ name, namespace }, {}),
    roleRef: { apiGroup: RBAC, kind: isEverywhere ? 'ClusterRole' : 'Role', name: role },
    subjects: subjects.map(subjectObject),
  };
}

function metadataOf(
  { name, namespace }: { readonly name: string; readonly namespace: string | undefined },
  labels: Readonly<Record<string, string>> = {},
): Draft {
  const place = namespace === undefined ? {} : { namespace };
  return { name, ...place, labels: { ...LABELS, ...labels }, annotations: ANNOTATIONS };
}

function subjectObject({ kind, name, namespace }: Subject): Draft {
  return kind === 'ServiceAccount' ? { kind, name, namespace } : { apiGroup: RBAC, kind, name };
}

/** The role with what it lacks; undefined where it lacks nothing, or is to stay as it is. */
export function reconciledRole(wanted: Readonly<Draft>, found: KubeObject): Draft | undefined {
  if (isKept(found)) return undefined;
  const lacking = uncovered(parseRules(found['rules']), parseRules(wanted['rules']));
  const isGathering = wanted['aggregationRule'] !== undefined;
  const next = {
    ...found,
    metadata: reconciledMetadata(wanted, found),
    // Rules of one that gathers follow from the others.
    ...(isGathering ? { aggregationRule: reconciledSelectors(wanted, found) } : {}),
    ...(isGathering || lacking.length === 0
      ? {}
      : { rules: [...listOf(found['rules']), ...lacking.map(ruleObject)] }),
  };
  return isSameJson(next, found) ? undefined : next;
}

/** The same for a binding; another role is not to be reached by a change: `isOther` then. */
export function reconciledBinding(
  wanted: Readonly<Draft>,
  found: KubeObject,
): { readonly isOther: boolean; readonly draft: Draft } | undefined {
  if (isKept(found)) return undefined;
  if (!isSameJson(wanted['roleRef'], found['roleRef'])) return { isOther: true, draft: { ...wanted } };
  const known = parseBinding(found).subjects;
  const lacking = parseBinding({ ...found, subjects: wanted['subjects'] }).subjects.filter(
    (it) => !known.some((other) => isSameJson(other, it)),
  );
  const next = {
    ...found,
    metadata: reconciledMetadata(wanted, found),
    ...(lacking.length === 0
      ? {}
      : { subjects: [...listOf(found['subjects']), ...lacking.map(subjectObject)] }),
  };
  return isSameJson(next, found) ? undefined : { isOther: false, draft: next };
}

function isKept({ metadata: { annotations } }: KubeObject): boolean {
  return annotations?.[AUTO_UPDATE] === 'false';
}

function reconciledMetadata(wanted: Readonly<Draft>, { metadata }: KubeObject): Draft {
  const { labels, annotations } = objectOf(wanted['metadata']);
  return {
    ...metadata,
    labels: { ...metadata.labels, ...objectOf(labels) },
    annotations: { ...metadata.annotations, ...objectOf(annotations) },
  };
}

function reconciledSelectors(wanted: Readonly<Draft>, found: KubeObject): Draft {
  const selectorsOf = (object: Readonly<Draft>): readonly unknown[] =>
    listOf(objectOf(object['aggregationRule'])['clusterRoleSelectors']);
  const known = selectorsOf(found);
  const lacking = selectorsOf(wanted).filter((it) => !known.some((other) => isSameJson(other, it)));
  return { clusterRoleSelectors: [...known, ...lacking] };
}
