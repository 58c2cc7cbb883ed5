// The objects of a cluster for questions about requests.

import { resourceRef } from '../kube/resource.ts';
import { ROUTE_KINDS } from '../gateway/why/route-world.ts';
import type { PlacedObject } from '../policy/placed-object.ts';
import { withCluster } from './cluster-client.ts';

const TIMEOUT_MS = 30_000;

/** What the API of a cluster of this machine holds now; it stands in no file. */
export function clusterRouteObjects(name: string): Promise<readonly PlacedObject[]> {
  return withCluster({ name, quiet: true, timeout: TIMEOUT_MS }, 'ask', async ({ client, wait }) => {
    const kinds = Object.entries(ROUTE_KINDS).flatMap(([apiVersion, of]) =>
      of.map((kind) => ({ apiVersion, kind, ref: resourceRef(apiVersion, kind) })),
    );
    const lists = await Promise.all(
      kinds.map(async ({ apiVersion, kind, ref }) => {
        const { items } = await client.list(ref, {}, { signal: wait.signal });
        // Objects of lists carry neither apiVersion nor kind.
        return items.map((it): PlacedObject => ({
          file: `cluster ${name}`,
          lineOf: () => 0,
          object: { ...it, apiVersion, kind },
        }));
      }),
    );
    return lists.flat();
  });
}
