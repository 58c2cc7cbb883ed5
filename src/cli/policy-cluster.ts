// The objects of a cluster for questions about its policies.

import { listPolicyObjects } from '../lab/connectivity/policy-objects.ts';
import type { PlacedObject } from '../policy/placed-object.ts';
import { isOfPolicyWorld } from '../policy/policy-world.ts';
import { withCluster } from './cluster-client.ts';

const TIMEOUT_MS = 30_000;

/** What the API of a cluster of this machine holds now; in the place of a file stands "cluster NAME". */
export function clusterObjects(name: string): Promise<readonly PlacedObject[]> {
  return withCluster({ name, quiet: true, timeout: TIMEOUT_MS }, 'ask', async ({ client, wait }) => {
    const all = await listPolicyObjects(client, `cluster ${name}`, wait.signal);
    return all.filter(isOfPolicyWorld);
  });
}
