// The roles and bindings that come with the cluster: made where they are missing and completed at every start, as upstream does.

import { DEFAULT_BINDINGS, DEFAULT_ROLES } from '../../objects/access/default-roles.ts';
import { FAIRLEAD_BINDINGS, FAIRLEAD_ROLES } from '../../objects/access/fairlead-roles.ts';
import {
  bindingObject,
  reconciledBinding,
  reconciledRole,
  roleObject,
} from '../../objects/access/reconcile-role.ts';
import { textOf, type Draft } from '../../objects/json.ts';
import { resourceOfKind, type Resource } from '../../objects/resources.ts';
import { aggregateClusterRoles } from './cluster-role-aggregation.ts';
import type { ApiContext } from '../context.ts';
import { metadataOf } from '../writes/draft.ts';
import type { StoredObject } from '../store/stored-object.ts';
import { createObject, updateObject } from '../writes/write.ts';

const OPTIONS = { isDryRun: false };

/** The namespaces of the system are there already. */
export function ensureDefaultAccess(context: ApiContext): void {
  for (const entry of [...DEFAULT_ROLES, ...FAIRLEAD_ROLES]) ensureRole(context, roleObject(entry));
  for (const entry of [...DEFAULT_BINDINGS, ...FAIRLEAD_BINDINGS])
    ensureBinding(context, bindingObject(entry));
  aggregateClusterRoles(context);
}

function ensureRole(context: ApiContext, wanted: Draft): void {
  const { resource, previous } = standing(context, wanted);
  if (previous === undefined) {
    createObject(context, resource, wanted, OPTIONS);
    return;
  }
  const draft = reconciledRole(wanted, previous.object);
  if (draft !== undefined) updateObject(context, resource, draft, { previous, ...OPTIONS });
}

function ensureBinding(context: ApiContext, wanted: Draft): void {
  const { resource, previous } = standing(context, wanted);
  if (previous === undefined) {
    createObject(context, resource, wanted, OPTIONS);
    return;
  }
  const reconciled = reconciledBinding(wanted, previous.object);
  if (reconciled === undefined) return;
  const { isOther, draft } = reconciled;
  if (!isOther) updateObject(context, resource, draft, { previous, ...OPTIONS });
  else {
    context.store.remove(resource.storage, previous);
    createObject(context, resource, draft, OPTIONS);
  }
}

function standing(
  { store }: ApiContext,
  wanted: Draft,
): { readonly resource: Resource; readonly previous: StoredObject | undefined } {
  const resource = resourceOfKind(String(wanted['apiVersion']), String(wanted['kind']));
  if (resource === undefined) throw new Error(`the registry lacks ${String(wanted['kind'])}`);
  const { namespace, name } = metadataOf(wanted);
  const place = textOf(namespace) === undefined ? '' : `${String(namespace)}/`;
  return { resource, previous: store.get(resource.storage, `${place}${String(name)}`) };
}
