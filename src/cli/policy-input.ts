// From the files of `fairlead policy` to a world that can be asked: judged first, so that a mistake in a policy is never a policy that does less.

import { readFileSync } from 'node:fs';
import { parseCidr } from '../base/cidr.ts';
import { FairleadError } from '../base/errors.ts';
import { checkObjects } from '../lab/manifests/check.ts';
import { refuse } from '../lab/manifests/complaint.ts';
import { loadManifests, type Manifest } from '../lab/manifests/load.ts';
import { resolveManifests } from '../lab/manifests/resolve.ts';
import { isOfPolicyWorld, readPolicyWorld, type PolicyWorld } from '../policy/policy-world.ts';

export interface WorldFlags {
  readonly filename: readonly string[];
  readonly podCidr?: readonly string[];
}

const POD_CIDRS = ['10.244.0.0/16', 'fd00:10:244::/56'];

/** Throws `invalid` with every mistake in the policies and namespaces of the sources, or where there is no source. */
export async function loadPolicyWorld({ filename, podCidr = POD_CIDRS }: WorldFlags): Promise<PolicyWorld> {
  if (filename.length === 0)
    throw new FairleadError('invalid', 'Cannot judge policies: name the manifests by -f FILE');
  const manifests = loadManifests(filename, () => readFileSync(0, 'utf8')).filter(isOfPolicyWorld);
  await checkPolicies(manifests);
  return readPolicyWorld(manifests, { podCidrs: podCidr.map(parseCidr) });
}

/** Other kinds may come from a dump of a newer cluster: what is unknown in them does not matter here. */
async function checkPolicies(manifests: readonly Manifest[]): Promise<void> {
  const judged = manifests.filter(({ object: { apiVersion, kind } }) =>
    ['networking.k8s.io/v1 NetworkPolicy', 'v1 Namespace'].includes(`${apiVersion} ${kind}`),
  );
  const { resolved, complaints } = resolveManifests(judged);
  refuse([...complaints, ...(await checkObjects(resolved))]);
}
