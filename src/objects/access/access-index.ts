// Who may do what: roles by name and bindings by whom they concern, so that a question costs what concerns the one who asks.

import type { KubeObject } from '../meta.ts';
import type { Requester, RequestAttributes } from './attributes.ts';
import {
  describeGrant,
  groupKey,
  parseBinding,
  subjectKey,
  userKey,
  type Binding,
  type RoleRef,
  type Subject,
} from './binding.ts';
import { parseRules, ruleAllows, type PolicyRule } from './rule.ts';

export interface Decision {
  readonly isAllowed: boolean;
  /** Which binding allows; of a refusal which roles could not be looked up, mostly ''. */
  readonly reason: string;
}

/** What one subject of one binding gives. */
interface Grant {
  readonly binding: Binding;
  readonly subject: Subject;
}

export class AccessIndex {
  /** Rules by kind, namespace and name. */
  readonly #roles = new Map<string, readonly PolicyRule[]>();
  readonly #bindings = new Map<string, Binding>();
  /** Grants by namespace ('' for everywhere) and subject. */
  readonly #grants = new Map<string, Set<Grant>>();

  putRole(object: KubeObject): void {
    this.#roles.set(roleKey(roleOf(object), object.metadata.namespace ?? ''), parseRules(object['rules']));
  }

  deleteRole(object: KubeObject): void {
    this.#roles.delete(roleKey(roleOf(object), object.metadata.namespace ?? ''));
  }

  putBinding(object: KubeObject): void {
    this.deleteBinding(object);
    const binding = parseBinding(object);
    this.#bindings.set(bindingKey(binding), binding);
    for (const subject of binding.subjects) {
      const key = grantKey(binding.namespace, subjectKey(subject));
      const grants = this.#grants.get(key) ?? new Set();
      this.#grants.set(key, grants.add({ binding, subject }));
    }
  }

  deleteBinding({ metadata: { name, namespace = '' } }: KubeObject): void {
    const key = bindingKey({ name, namespace });
    const binding = this.#bindings.get(key);
    if (binding === undefined) return;
    this.#bindings.delete(key);
    for (const subject of binding.subjects) this.#forget(binding, subject);
  }

  decide(user: Requester, attributes: RequestAttributes): Decision {
    const namespace = attributes.kind === 'resource' ? attributes.namespace : '';
    const missing = new Set<string>();
    for (const { binding, subject } of this.#grantsOf(user, namespace)) {
      const rules = this.rulesOf(binding.roleRef, binding.namespace);
      if (rules === undefined) missing.add(missingRole(binding.roleRef));
      else if (rules.some((rule) => ruleAllows(rule, attributes)))
        return { isAllowed: true, reason: `RBAC: allowed by ${describeGrant(binding, subject)}` };
    }
    return { isAllowed: false, reason: missingText([...missing]) };
  }

  /** All that a user may do in a namespace ('': what holds everywhere). */
  rulesFor(user: Requester, namespace: string): readonly PolicyRule[] {
    return [...this.#grantsOf(user, namespace)].flatMap(
      ({ binding }) => this.rulesOf(binding.roleRef, binding.namespace) ?? [],
    );
  }

  /** The rules of a role as a binding in `namespace` means it; undefined where there is none. */
  rulesOf(ref: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    return this.#roles.get(roleKey(ref, namespace));
  }

  *#grantsOf({ name, groups }: Requester, namespace: string): Generator<Grant> {
    const subjects = [userKey(name), ...groups.map(groupKey)];
    for (const where of namespace === '' ? [''] : ['', namespace])
      for (const subject of subjects) yield* this.#grants.get(grantKey(where, subject)) ?? [];
  }

  #forget(binding: Binding, subject: Subject): void {
    const key = grantKey(binding.namespace, subjectKey(subject));
    const grants = this.#grants.get(key);
    for (const grant of grants ?? []) if (grant.binding === binding) grants?.delete(grant);
    if (grants?.size === 0) this.#grants.delete(key);
  }
}

function roleOf({ metadata: { name, namespace } }: KubeObject): RoleRef {
  return { kind: namespace === undefined ? 'ClusterRole' : 'Role', name };
}

/** Names have no "/". */
function roleKey({ kind, name }: RoleRef, namespace: string): string {
  return kind === 'ClusterRole' ? `/${name}` : `${namespace}/${name}`;
}

function bindingKey({ name, namespace }: Pick<Binding, 'name' | 'namespace'>): string {
  return `${namespace}/${name}`;
}

function grantKey(namespace: string, subject: string): string {
  return `${namespace} ${subject}`;
}

/** In the words of upstream's cache of roles. */
function missingRole({ kind, name }: RoleRef): string {
  return `${kind.toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(name)} not found`;
}

function missingText(missing: readonly string[]): string {
  if (missing.length === 0) return '';
  return `RBAC: ${missing.length === 1 ? (missing[0] ?? '') : `[${missing.join(', ')}]`}`;
}
