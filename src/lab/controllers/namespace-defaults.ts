// What every namespace has from its first moment: the service account "default" and the authority's certificate for its pods.

import { CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS } from '../../kube/resource.ts';
import { createAction, type Action } from '../../controllers/action.ts';
import {
  ownKey,
  source,
  type Controller,
  type ReconcileContext,
  type Source,
} from '../../controllers/controller.ts';
import type { ResourceRef } from '../../kube/resource.ts';

const ACCOUNT = 'default';
const AUTHORITY = 'kube-root-ca.crt';

/** `authority` is the certificate in PEM that signs the API server's. */
export function namespaceDefaultsController(authority: string): Controller {
  return {
    name: 'namespace-defaults-controller',
    sources: [ownKey(NAMESPACES), lost(SERVICE_ACCOUNTS, ACCOUNT), lost(CONFIG_MAPS, AUTHORITY)],
    reconcile: (key, context) => makeDefaults(key, authority, context),
  };
}

export function makeDefaults(
  namespace: string,
  authority: string,
  { cluster }: Pick<ReconcileContext, 'cluster'>,
): readonly Action[] {
  const object = cluster.of(NAMESPACES).get(namespace);
  if (object === undefined || object.metadata.deletionTimestamp !== undefined) return [];
  const actions: Action[] = [];
  if (!cluster.of(SERVICE_ACCOUNTS).has(`${namespace}/${ACCOUNT}`)) {
    actions.push(createAction(SERVICE_ACCOUNTS, { metadata: { namespace, name: ACCOUNT } }));
  }
  if (!cluster.of(CONFIG_MAPS).has(`${namespace}/${AUTHORITY}`)) {
    const metadata = {
      namespace,
      name: AUTHORITY,
      annotations: {
        'kubernetes.io/description':
          'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc.',
      },
    };
    actions.push(createAction(CONFIG_MAPS, { metadata, data: { 'ca.crt': authority } }));
  }
  return actions;
}

function lost(resource: ResourceRef, name: string): Source {
  return source(resource, ({ before, after }) => {
    const { name: found, namespace } = (before ?? after)?.metadata ?? {};
    return after === undefined && found === name && namespace !== undefined ? [namespace] : [];
  });
}
