// From the files of `fairlead policy` to a world that can be asked: judged first, so that a mistake in a policy is never a policy that does less.

import { readFileSync } from 'node:fs';
import { parseCidr, type Cidr } from '../base/cidr.ts';
import { FairleadError } from '../base/errors.ts';
import { checkObjects } from '../lab/manifests/check.ts';
import { refuse } from '../lab/manifests/complaint.ts';
import { loadManifests, type Manifest } from '../lab/manifests/load.ts';
import { resolveManifests } from '../lab/manifests/resolve.ts';
import { overlaid } from '../policy/overlay.ts';
import type { PlacedObject } from '../policy/placed-object.ts';
import { isOfPolicyWorld, readPolicyWorld, type PolicyWorld } from '../policy/policy-world.ts';
import { exitCodeOf, reportError } from './exit.ts';

export interface WorldFlags {
  readonly filename: readonly string[];
  /** A cluster whose objects there are besides; those of files take the place of its own. */
  readonly cluster?: string;
  readonly podCidr?: readonly string[];
}

/** Where a cluster of `fairlead up` has its pods. */
const POD_CIDRS = ['10.244.0.0/16', 'fd00:10:244::/56'];

export function podCidrsOf({ podCidr = POD_CIDRS }: WorldFlags): readonly Cidr[] {
  return podCidr.map(parseCidr);
}

export async function loadPolicyWorld(flags: WorldFlags): Promise<PolicyWorld> {
  return worldOf(await loadObjects(flags), flags);
}

/**
 * What the cluster holds, as it would be after the files were applied, or the files alone. Throws `invalid` with every mistake in the policies
 * and namespaces of the files, or where there is neither.
 */
export async function loadObjects({ filename, cluster }: WorldFlags): Promise<readonly PlacedObject[]> {
  const files = await loadChecked(filename);
  // What speaks to a cluster is loaded where there is one.
  if (cluster !== undefined)
    return overlaid(await (await import('./policy-cluster.ts')).clusterObjects(cluster), files);
  if (filename.length > 0) return files;
  throw new FairleadError('invalid', 'Cannot judge policies: name the manifests by -f FILE, or a cluster');
}

/** The manifests that policies are asked about, without mistakes. */
export async function loadChecked(sources: readonly string[]): Promise<readonly Manifest[]> {
  const all = loadManifests(sources, () => readFileSync(0, 'utf8'));
  const manifests = all.filter(isOfPolicyWorld);
  await checkPolicies(manifests);
  for (const it of all) if (it.object.kind.endsWith('NetworkPolicy') && !isOfPolicyWorld(it)) warnOf(it);
  return manifests;
}

/** Policies of other kinds change what passes in a cluster that knows them: nobody shall think that they were judged. */
function warnOf({ file, lineOf, object: { apiVersion, kind, metadata } }: Manifest): void {
  const place = `${file}:${lineOf('kind')}`;
  process.stderr.write(
    `fairlead: warning: ${place}: ${kind} ${metadata.name} of ${apiVersion} is not judged\n`,
  );
}

export function worldOf(objects: readonly PlacedObject[], flags: WorldFlags): PolicyWorld {
  return readPolicyWorld(objects, { podCidrs: podCidrsOf(flags) });
}

const JUDGED = ['NetworkPolicy', 'ClusterNetworkPolicy', 'Namespace'];

/** Other kinds may come from a dump of a newer cluster: what is unknown in them does not matter here. */
async function checkPolicies(manifests: readonly Manifest[]): Promise<void> {
  const { resolved, complaints } = resolveManifests(
    manifests.filter((it) => JUDGED.includes(it.object.kind)),
  );
  refuse([...complaints, ...(await checkObjects(resolved))]);
}

/** Says what failed and ends with 2 or more: 1 is an answer of these commands, never a failure to give one. */
export async function answering(answer: () => Promise<void>): Promise<void> {
  try {
    await answer();
  } catch (error) {
    reportError(error);
    process.exitCode = Math.max(2, exitCodeOf(error));
  }
}
