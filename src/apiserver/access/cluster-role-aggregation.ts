// Keeps the rules of ClusterRoles that gather others' (aggregationRule) as they follow from these: upstream's controller, in the server itself.

import type { Logger } from 'pino';
import { messageOf } from '../../base/errors.ts';
import { aggregatedRules, isAggregated } from '../../objects/access/aggregate.ts';
import { isSameJson } from '../../objects/json.ts';
import { findResource } from '../../objects/resources.ts';
import { CLUSTER_ROLES } from './authorization.ts';
import type { ApiContext } from '../context.ts';
import { replaceObject } from '../writes/write.ts';

/** One that gathers may be gathered itself; a longer chain than this is a circle. */
const MAX_ROUNDS = 10;

/** Follows the store until the end that it returns. */
export function keepAggregated(context: ApiContext, log: Logger): () => void {
  let isDue = false;
  const run = (): void => {
    isDue = false;
    try {
      aggregateClusterRoles(context);
    } catch (error) {
      log.error({ error: messageOf(error) }, 'cannot gather the rules of cluster roles');
    }
  };
  return context.store.subscribe(CLUSTER_ROLES, () => {
    if (isDue) return;
    isDue = true;
    // Behind the write that is being told: its watchers must see it before what follows from it.
    queueMicrotask(run);
  });
}

/** Writes what is not as it should be. */
export function aggregateClusterRoles(context: ApiContext): void {
  for (let round = 0; round < MAX_ROUNDS; round++) if (!aggregateOnce(context)) return;
}

function aggregateOnce(context: ApiContext): boolean {
  const { store } = context;
  const all = [...store.list(CLUSTER_ROLES)];
  const resource = findResource('rbac.authorization.k8s.io', 'v1', 'clusterroles');
  let isChanged = false;
  for (const previous of all.filter(({ object }) => isAggregated(object))) {
    const objects = store.list(CLUSTER_ROLES).map(({ object }) => object);
    const rules = aggregatedRules(previous.object, objects);
    if (resource === undefined || isSameJson(rules, previous.object['rules'] ?? [])) continue;
    replaceObject(context, resource, { ...previous.object, rules }, { previous, isDryRun: false });
    isChanged = true;
  }
  return isChanged;
}
