// A command's connection to a cluster that exists.

import { clusterPaths } from '../base/paths.ts';
import { systemClock } from '../base/clock.ts';
import { KubeClient } from '../kube/kube-client.ts';
import { loadKubeConfig } from '../kube/kube-config.ts';
import type { WaitOptions } from '../lab/cluster/waiting.ts';
import { existingCluster } from './existing-cluster.ts';
import { machineRoots } from './installation.ts';
import { untilTerminated } from './process-commands.ts';
import { progressFor, type Progress } from './progress.ts';

export interface ClusterAccess {
  readonly client: KubeClient;
  readonly wait: WaitOptions;
  readonly progress: Progress;
}

interface AccessFlags {
  readonly name: string;
  readonly quiet?: boolean;
  /** How long waits last. */
  readonly timeout: number;
}

/** Runs `work` with the cluster's client, which is closed afterwards; a step of progress that is open ends as the work does. */
export async function withCluster<T>(
  flags: AccessFlags,
  verb: string,
  work: (access: ClusterAccess) => Promise<T>,
): Promise<T> {
  const roots = machineRoots();
  const cluster = await existingCluster(roots, flags.name, verb);
  const client = new KubeClient(await loadKubeConfig(clusterPaths(roots, flags.name).kubeconfig));
  const progress = progressFor(flags);
  const wait: WaitOptions = {
    cluster,
    roots,
    clock: systemClock,
    signal: untilTerminated(),
    deadlineMs: systemClock.monotonicMs() + flags.timeout,
    onDetail: (text) => progress.detail(text),
  };
  try {
    const result = await work({ client, wait, progress });
    progress.done();
    return result;
  } catch (error) {
    progress.fail();
    throw error;
  } finally {
    client.close();
  }
}
