// What a proxy's process may do: its service account is bound to the role of its kind, and the binding goes after the account.

import { isDeepStrictEqual } from 'node:util';
import { CLUSTER_ROLE_BINDINGS, nameOfKey, SERVICE_ACCOUNTS } from '../../kube/resource.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import { createAction, deleteAction, patchAction, type Action } from '../action.ts';
import { ownKey, source, type ClusterReader, type Controller, type ReconcileContext } from '../controller.ts';
import type { ProxyWorkload } from './proxy-pods.ts';

const RBAC = 'rbac.authorization.k8s.io';
/** "shop/public-fairlead": whose binding it is. A label could not hold it. */
const ACCOUNT_ANNOTATION = 'fairlead.dev/proxy-account';

/** Nothing where it stands as it is wanted. To be done before the proxy's first pod: its first question must not be refused. */
export function keptAccess(
  workload: Pick<ProxyWorkload, 'name' | 'namespace'>,
  role: string,
  cluster: ClusterReader,
): readonly Action[] {
  const { name: accountName, namespace } = workload;
  const account = objectKey(workload);
  const name = bindingName(account);
  const subjects = [{ kind: 'ServiceAccount', name: accountName, namespace }];
  const found = cluster.of(CLUSTER_ROLE_BINDINGS).get(name);
  if (found === undefined) {
    const roleRef = { apiGroup: RBAC, kind: 'ClusterRole', name: role };
    const metadata = { name, annotations: { [ACCOUNT_ANNOTATION]: account } };
    return [createAction(CLUSTER_ROLE_BINDINGS, { metadata, roleRef, subjects })];
  }
  if (isDeepStrictEqual(found['subjects'], subjects)) return [];
  return [patchAction(CLUSTER_ROLE_BINDINGS, found, { subjects })];
}

/** An account is a namespaced object's, which no binding of the whole cluster can be owned by: so garbage collection does not do it. */
export const proxyAccessController: Controller = {
  name: 'proxy-access-controller',
  sources: [
    ownKey(CLUSTER_ROLE_BINDINGS),
    source(SERVICE_ACCOUNTS, ({ key, after }) => (after === undefined ? [bindingName(key)] : [])),
  ],
  reconcile: (key, context) => reconcileProxyAccess(key, context),
};

export function reconcileProxyAccess(
  key: string,
  { cluster }: Pick<ReconcileContext, 'cluster'>,
): readonly Action[] {
  const binding = cluster.of(CLUSTER_ROLE_BINDINGS).get(key);
  const account = binding === undefined ? undefined : accountOf(binding);
  if (binding === undefined || account === undefined) return [];
  if (cluster.of(SERVICE_ACCOUNTS).get(account) !== undefined) return [];
  // The watch of accounts may be behind that of bindings: a new proxy's binding is not taken away.
  const absent = [{ resource: SERVICE_ACCOUNTS, at: nameOfKey(account), uid: undefined }];
  return [{ kind: 'if-absent', absent, action: deleteAction(CLUSTER_ROLE_BINDINGS, binding) }];
}

/** Undefined for a binding that is not a proxy's. */
function accountOf({ metadata: { name, annotations } }: KubeObject): string | undefined {
  const account = annotations?.[ACCOUNT_ANNOTATION];
  return account !== undefined && bindingName(account) === name ? account : undefined;
}

function bindingName(account: string): string {
  return `fairlead:proxy:${account.replace('/', ':')}`;
}
