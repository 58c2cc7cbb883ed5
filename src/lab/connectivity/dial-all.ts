// Connections from many pods of a cluster, each made in its pod's own namespace by the workload process of its node.

import { messageOf } from '../../base/errors.ts';
import type { PathRoots } from '../../base/paths.ts';
import type { ClusterConfig } from '../cluster/cluster-config.ts';
import { NodeFolders } from '../kubelet/pod-folders.ts';
import { ControlClient } from '../workload/control-client.ts';
import type { DialResult } from '../workload/dial.ts';
import type { Probe } from './plan.ts';

/** Where a connection begins and goes. */
export type DialedProbe = Pick<Probe, 'from' | 'fromUid' | 'node' | 'host' | 'port' | 'protocol'>;

export interface DialAllOptions {
  readonly cluster: ClusterConfig;
  readonly roots: PathRoots;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onDetail: (text: string) => void;
  /** Probes of one pod that are tried at once. Default 1. */
  readonly atOnce?: number;
}

/** Results in the order of the probes; pods at once, the probes of one pod one after the other. */
export async function dialAll(
  probes: readonly DialedProbe[],
  options: DialAllOptions,
): Promise<readonly DialResult[]> {
  const { atOnce = 1 } = options;
  const groups = Map.groupBy(probes.keys(), (index) => `${probes[index]?.fromUid} ${index % atOnce}`);
  const results: DialResult[] = Array.from({ length: probes.length }, () => ({ error: 'not tried' }));
  let done = 0;
  await Promise.all(
    [...groups.values()].map(async (indexes) => {
      const own = indexes.flatMap((index) => probes[index] ?? []);
      for (const [i, result] of (await dialPod(own, options)).entries()) results[indexes[i] ?? 0] = result;
      done += own.length;
      options.onDetail(`${done} of ${probes.length} connections`);
    }),
  );
  return results;
}

async function dialPod(
  probes: readonly DialedProbe[],
  options: DialAllOptions,
): Promise<readonly DialResult[]> {
  const [first] = probes;
  if (first === undefined) return [];
  const node = new NodeFolders(options.roots, options.cluster.name, first.node);
  const [namespace = '', name = ''] = first.from.split('/');
  const { netns, resolvConf, hosts } = node.pod({ namespace, name, uid: first.fromUid });
  const targets = probes.map(({ host, port, protocol }) => ({ host, port, protocol }));
  const client = new ControlClient(node.workloadSocket);
  try {
    const request = { netns, resolvConf, hosts, targets, timeoutMs: options.timeoutMs };
    return await client.dial(request, options.signal);
  } catch (error) {
    return probes.map(() => ({ error: messageOf(error) }));
  } finally {
    client.close();
  }
}
