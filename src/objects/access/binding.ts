// Bindings as authorization reads them: which role, to whom, where (RoleBinding and ClusterRoleBinding).

import { listOf, objectOf, textOf, type Draft } from '../json.ts';
import type { KubeObject } from '../meta.ts';

export interface RoleRef {
  readonly kind: 'ClusterRole' | 'Role';
  readonly name: string;
}

export interface Subject {
  readonly kind: 'Group' | 'ServiceAccount' | 'User';
  readonly name: string;
  /** Of a service account. */
  readonly namespace: string;
}

export interface Binding {
  readonly name: string;
  /** '' for a ClusterRoleBinding, which holds everywhere. */
  readonly namespace: string;
  readonly roleRef: RoleRef;
  readonly subjects: readonly Subject[];
}

export const SERVICE_ACCOUNT_PREFIX = 'system:serviceaccount:';

export function parseBinding(object: KubeObject): Binding {
  const { name, namespace = '' } = object.metadata;
  const subjects = listOf(object['subjects']).flatMap((it) => parseSubject(objectOf(it), namespace));
  return { name, namespace, roleRef: parseRoleRef(object['roleRef']), subjects };
}

export function parseRoleRef(value: unknown): RoleRef {
  const { kind, name } = objectOf(value);
  return { kind: kind === 'Role' ? 'Role' : 'ClusterRole', name: textOf(name) ?? '' };
}

/** A service account without a namespace is one of the binding's own. */
function parseSubject({ kind, name, namespace }: Readonly<Draft>, own: string): readonly Subject[] {
  const text = textOf(name);
  if (text === undefined || (kind !== 'Group' && kind !== 'ServiceAccount' && kind !== 'User')) return [];
  return [{ kind, name: text, namespace: kind === 'ServiceAccount' ? (textOf(namespace) ?? own) : '' }];
}

/** What a subject is called in a request: a service account is the user of that name. */
export function subjectKey({ kind, name, namespace }: Subject): string {
  if (kind === 'ServiceAccount') return userKey(`${SERVICE_ACCOUNT_PREFIX}${namespace}:${name}`);
  return kind === 'User' ? userKey(name) : groupKey(name);
}

export function userKey(name: string): string {
  return `user ${name}`;
}

export function groupKey(name: string): string {
  return `group ${name}`;
}

/** 'ClusterRoleBinding "a" of ClusterRole "b" to Group "c"', as audit logs say it. */
export function describeGrant({ name, namespace, roleRef }: Binding, subject: Subject): string {
  const binding =
    namespace === ''
      ? `ClusterRoleBinding ${JSON.stringify(name)}`
      : `RoleBinding ${JSON.stringify(`${name}/${namespace}`)}`;
  const account = subject.kind === 'ServiceAccount' ? `/${subject.namespace}` : '';
  const whom = `${subject.kind} ${JSON.stringify(subject.name + account)}`;
  return `${binding} of ${roleRef.kind} ${JSON.stringify(roleRef.name)} to ${whom}`;
}
