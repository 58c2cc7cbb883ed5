// `fairlead policy names`: which addresses the domain names in policies have on the nodes of a cluster, and until when they are let through.

import type { LearnedName } from '../agent/name-learner.ts';
import { nodePaths } from '../base/paths.ts';
import { getJson } from '../lab/cluster/unix-http.ts';
import { withCluster, type ClusterAccess } from './cluster-client.ts';
import { printForMachine, table } from './output.ts';

interface NamesFlags {
  readonly name: string;
  readonly output?: string;
}

const ANSWER_MS = 10_000;

interface NodeName extends LearnedName {
  readonly node: string;
}

export async function policyNamesCommand(flags: NamesFlags): Promise<void> {
  const names = await withCluster({ ...flags, quiet: true, timeout: ANSWER_MS }, 'ask', async (access) => {
    const lists = await Promise.all(access.wait.cluster.nodes.map(({ name }) => namesOn(name, access)));
    return lists.flat();
  });
  if (printForMachine(names, flags.output)) return;
  process.stdout.write(
    names.length === 0
      ? 'No address is known of any domain name in policies.\n'
      : table(['NODE', 'PATTERN', 'NAME', 'ADDRESS', 'UNTIL'], names.map(rowOf)),
  );
}

async function namesOn(node: string, { wait }: ClusterAccess): Promise<readonly NodeName[]> {
  const socket = nodePaths(wait.roots, wait.cluster.name, node).agentSocket;
  // The agent is a process of ours, of this very version.
  const names = (await getJson(socket, '/names', wait.signal)) as readonly LearnedName[];
  return names.map((it) => ({ ...it, node }));
}

/** A name that no policy speaks of any more has no pattern. */
function rowOf({ node, patterns, name, ip, untilMs, isInUse }: NodeName): readonly string[] {
  const until = isInUse ? 'connections end' : new Date(untilMs).toISOString();
  return [node, patterns.length === 0 ? '-' : patterns.join(','), name, ip, until];
}
