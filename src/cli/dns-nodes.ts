// The DNS processes of a cluster's nodes, and whose addresses ask them.

import { FairleadError } from '../base/errors.ts';
import { nodePaths } from '../base/paths.ts';
import { inspectSocketOf } from '../dns/inspect-socket.ts';
import { PODS } from '../kube/resource.ts';
import { getJson } from '../lab/cluster/unix-http.ts';
import type { ClusterAccess } from './cluster-client.ts';

export const DNS_ANSWER_MS = 10_000;

/** What the node's DNS process says; it is a process of ours, of this very version. */
export function askDns(node: string, path: string, { wait }: ClusterAccess): Promise<unknown> {
  const { dnsSocket } = nodePaths(wait.roots, wait.cluster.name, node);
  return getJson(inspectSocketOf(dnsSocket), path, wait.signal);
}

/** The names of the cluster's nodes, or the one that is asked for; throws `not-found` where there is no such node. */
export function nodesOf({ wait }: ClusterAccess, node: string | undefined): readonly string[] {
  const all = wait.cluster.nodes.map(({ name }) => name);
  if (node === undefined) return all;
  if (!all.includes(node))
    throw new FairleadError('not-found', `Cannot ask node "${node}": the nodes are ${all.join(', ')}`);
  return [node];
}

/** "namespace/pod/name" by address, of pods with addresses of their own. */
export async function podsByAddress({ client, wait }: ClusterAccess): Promise<ReadonlyMap<string, string>> {
  const { items } = await client.list(PODS, {}, { signal: wait.signal });
  return new Map(
    items.flatMap(({ metadata, spec, status }) => {
      if (spec?.hostNetwork === true) return [];
      const name = `${metadata.namespace}/pod/${metadata.name}`;
      return (status?.podIPs ?? []).map(({ ip }) => [ip ?? '', name] as const);
    }),
  );
}
