// Whether a request is allowed: by the group that may do everything, or by RBAC from an index that follows the store.

import { refusalText, type Requester, type RequestAttributes } from '../../objects/access/attributes.ts';
import { AccessIndex, type Decision } from '../../objects/access/access-index.ts';
import type { RoleRef } from '../../objects/access/binding.ts';
import type { PolicyRule } from '../../objects/access/rule.ts';
import type { KubeObject } from '../../objects/meta.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { User } from '../http/request.ts';
import { forbidden, StatusError } from '../http/status-error.ts';

/** Who is in it is never refused, whatever becomes of the roles: the way back in. */
export const PRIVILEGED_GROUP = 'system:masters';

const GROUP = 'rbac.authorization.k8s.io';
export const CLUSTER_ROLES = `clusterroles.${GROUP}`;
export const CLUSTER_ROLE_BINDINGS = `clusterrolebindings.${GROUP}`;
const ROLES = `roles.${GROUP}`;
const ROLE_BINDINGS = `rolebindings.${GROUP}`;

/** Everything it knows it has from the store's events: no request looks at a role that does not concern it. */
export class Authorizer {
  readonly #index = new AccessIndex();

  constructor(store: ObjectStore) {
    for (const storage of [CLUSTER_ROLES, ROLES])
      follow(store, storage, {
        put: (it) => this.#index.putRole(it),
        remove: (it) => this.#index.deleteRole(it),
      });
    for (const storage of [CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS])
      follow(store, storage, {
        put: (it) => this.#index.putBinding(it),
        remove: (it) => this.#index.deleteBinding(it),
      });
  }

  decide(user: Requester, attributes: RequestAttributes): Decision {
    if (isPrivileged(user)) return { isAllowed: true, reason: '' };
    return this.#index.decide(user, attributes);
  }

  /** Throws 403 in the API server's own words. */
  require(user: User, attributes: RequestAttributes): void {
    const { isAllowed, reason } = this.decide(user, attributes);
    if (!isAllowed) throw refusal(user, attributes, reason);
  }

  rulesFor(user: Requester, namespace: string): readonly PolicyRule[] {
    return this.#index.rulesFor(user, namespace);
  }

  /** Undefined where there is no such role. */
  rulesOf(ref: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    return this.#index.rulesOf(ref, namespace);
  }
}

export function isPrivileged({ groups }: Requester): boolean {
  return groups.includes(PRIVILEGED_GROUP);
}

/** 403 with `reason`, where there is one, behind the sentence. */
export function refusal(user: User, attributes: RequestAttributes, reason: string): StatusError {
  const because = `${refusalText(user.name, attributes)}${reason === '' ? '' : `: ${reason}`}`;
  if (attributes.kind === 'path') return new StatusError(403, 'Forbidden', `forbidden: ${because}`, {});
  const { group, resource, name } = attributes;
  return forbidden({ group, plural: resource }, name, because);
}

interface Follower {
  readonly put: (object: KubeObject) => void;
  readonly remove: (object: KubeObject) => void;
}

/** The objects of a resource now, and every change from then on. */
function follow(store: ObjectStore, storage: string, { put, remove }: Follower): void {
  for (const { object } of store.list(storage)) put(object);
  store.subscribe(storage, ({ kind, current }) => (kind === 'deleted' ? remove : put)(current.object));
}
