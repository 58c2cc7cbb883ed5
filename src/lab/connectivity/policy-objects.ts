// What a cluster's API holds of all that policies are about, as objects that stand in no file.

import type { KubeClient } from '../../kube/kube-client.ts';
import {
  CLUSTER_NETWORK_POLICIES,
  CRON_JOBS,
  DAEMON_SETS,
  DEPLOYMENTS,
  JOBS,
  NAMESPACES,
  NETWORK_POLICIES,
  NODES,
  PODS,
  REPLICA_SETS,
  SERVICES,
  STATEFUL_SETS,
  type ResourceRef,
} from '../../kube/resource.ts';
import { apiVersionOf } from '../../objects/resources.ts';
import type { PlacedObject } from '../../policy/placed-object.ts';

const KINDS: readonly ResourceRef[] = [
  NAMESPACES,
  NODES,
  SERVICES,
  DEPLOYMENTS,
  STATEFUL_SETS,
  DAEMON_SETS,
  REPLICA_SETS,
  CRON_JOBS,
  JOBS,
  PODS,
  NETWORK_POLICIES,
  CLUSTER_NETWORK_POLICIES,
];

/** `where` is what messages say in the place of a file: lines are 0. */
export async function listPolicyObjects(
  client: KubeClient,
  where: string,
  signal: AbortSignal,
): Promise<readonly PlacedObject[]> {
  const lists = await Promise.all(
    KINDS.map(async (kind) => {
      const { items } = await client.list(kind, {}, { signal });
      return items.map((item): PlacedObject => {
        // Objects of lists carry neither apiVersion nor kind.
        const object = { ...item, apiVersion: apiVersionOf(kind), kind: kind.kind };
        return { file: where, lineOf: () => 0, object };
      });
    }),
  );
  return lists.flat();
}
