// How tables of roles are written: verbs, groups and resources in a line, as `kubectl describe clusterrole` shows them.

import type { Subject } from './binding.ts';
import type { PolicyRule } from './rule.ts';

export interface RoleEntry {
  readonly name: string;
  /** Undefined for a ClusterRole. */
  readonly namespace?: string;
  readonly rules: readonly PolicyRule[];
  readonly labels?: Readonly<Record<string, string>>;
  /** The label whose roles it gathers, instead of rules of its own. */
  readonly gathers?: string;
}

export interface BindingEntry {
  readonly name: string;
  /** Undefined for a ClusterRoleBinding; the role is then a ClusterRole. */
  readonly namespace?: string;
  readonly role: string;
  readonly subjects: readonly Subject[];
}

export const READ = 'get list watch';
export const WRITE = 'create delete deletecollection patch update';
export const EVERYTHING = `${READ} ${WRITE}`;

/** Words are separated by spaces; the group '' is the core's. */
export function allow(verbs: string, group: string, resources: string, names = ''): PolicyRule {
  return {
    verbs: words(verbs),
    apiGroups: [group],
    resources: words(resources),
    resourceNames: words(names),
    nonResourceURLs: [],
  };
}

export function allowPaths(verbs: string, urls: string): PolicyRule {
  return {
    verbs: words(verbs),
    apiGroups: [],
    resources: [],
    resourceNames: [],
    nonResourceURLs: words(urls),
  };
}

/** What whoever tells of something needs: an event is made, and counted up. */
export const EVENTS = [
  allow('create patch update', '', 'events'),
  allow('create patch update', 'events.k8s.io', 'events'),
];

export function group(name: string): Subject {
  return { kind: 'Group', name, namespace: '' };
}

export function user(name: string): Subject {
  return { kind: 'User', name, namespace: '' };
}

function words(text: string): readonly string[] {
  return text.split(' ').filter((it) => it !== '');
}
