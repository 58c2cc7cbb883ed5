// The cluster that a command is about.

import { FairleadError } from '../base/errors.ts';
import type { PathRoots } from '../base/paths.ts';
import { checkClusterName, readClusterConfig, type ClusterConfig } from '../lab/cluster/cluster-config.ts';
import { remains } from '../lab/cluster/tear-down.ts';
import { refuseUnprivileged } from '../lab/cluster/requirements.ts';

/** Its settings; throws `not-found` with what to do where there is none, `forbidden` for whoever may not look. */
export async function existingCluster(roots: PathRoots, name: string, verb: string): Promise<ClusterConfig> {
  checkClusterName(name);
  refuseUnprivileged();
  const cluster = readClusterConfig(roots, name);
  if (cluster !== undefined) return cluster;
  const isHalf = (await remains({ cluster: name, roots })).length > 0;
  const because = isHalf
    ? `it was taken down half; "fairlead down --name ${name}" clears what is left`
    : `it does not exist; "fairlead up --name ${name}" raises it`;
  throw new FairleadError('not-found', `Cannot ${verb} cluster "${name}": ${because}`);
}
