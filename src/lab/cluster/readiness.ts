// Waits for a cluster to become ready and says what it waits for; a wait that ends in vain names what is missing and why.

import type { Clock } from '../../base/clock.ts';
import { FairleadError, hasCode, messageOf } from '../../base/errors.ts';
import { clusterPaths, type PathRoots } from '../../base/paths.ts';
import type { KubeClient } from '../../kube/kube-client.ts';
import type { Node, Pod } from '../../objects/api-types.ts';
import { DAEMON_SETS, DEPLOYMENTS, NAMESPACES, NODES, PODS, STATEFUL_SETS } from '../../kube/resource.ts';
import type { ClusterConfig } from './cluster-config.ts';

export interface WaitOptions {
  readonly cluster: ClusterConfig;
  readonly roots: PathRoots;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** On the clock's monotonic scale. */
  readonly deadlineMs: number;
  readonly onDetail: (text: string) => void;
}

const POLL_MS = 100;

export function untilApiReady(client: KubeClient, options: WaitOptions): Promise<void> {
  return until('the Kubernetes API', options, async () => {
    try {
      await client.get(NAMESPACES, { name: 'default' }, { signal: options.signal, timeoutMs: 2_000 });
      return [];
    } catch (error) {
      if (!hasCode(error, 'unavailable') && !hasCode(error, 'timeout') && !hasCode(error, 'not-found'))
        throw error;
      return [messageOf(error)];
    }
  });
}

/** Ready, and with a pod subnet. */
export function untilNodesReady(client: KubeClient, options: WaitOptions): Promise<void> {
  return until('nodes', options, async () => {
    const { items } = await client.list(NODES, {}, { signal: options.signal });
    const ready = new Set(
      items
        .filter((node) => isTrue(node, 'Ready') && node.spec?.podCIDR !== undefined)
        .map((node) => node.metadata.name),
    );
    return options.cluster.nodes.map((node) => node.name).filter((name) => !ready.has(name));
  });
}

/** Every pod that is to run is Ready; finished ones are left out. Workloads whose pods are not there yet count as missing. */
export function untilPodsReady(client: KubeClient, options: WaitOptions): Promise<void> {
  return until('pods', options, async () => [
    ...(await pendingWorkloads(client, options.signal)),
    ...(await pendingPods(client, options.signal)),
  ]);
}

async function pendingPods(client: KubeClient, signal: AbortSignal): Promise<readonly string[]> {
  const { items } = await client.list(PODS, {}, { signal });
  const running = items.filter(
    (pod) => pod.status?.phase !== 'Succeeded' && pod.metadata.deletionTimestamp === undefined,
  );
  return running.filter((pod) => !isTrue(pod, 'Ready')).map(describePod);
}

async function pendingWorkloads(client: KubeClient, signal: AbortSignal): Promise<readonly string[]> {
  const [deployments, statefulSets, daemonSets] = await Promise.all([
    client.list(DEPLOYMENTS, {}, { signal }),
    client.list(STATEFUL_SETS, {}, { signal }),
    client.list(DAEMON_SETS, {}, { signal }),
  ]);
  const behind = (
    kind: string,
    it: { metadata: { name: string; generation?: number }; status?: { observedGeneration?: number } },
    lacking: number,
  ): string[] =>
    lacking > 0 || (it.status?.observedGeneration ?? 0) < (it.metadata.generation ?? 0)
      ? [`${kind} ${it.metadata.name}`]
      : [];
  return [
    ...deployments.items.flatMap((it) =>
      behind('deployment', it, (it.spec?.replicas ?? 1) - (it.status?.availableReplicas ?? 0)),
    ),
    ...statefulSets.items.flatMap((it) =>
      behind('statefulset', it, (it.spec?.replicas ?? 1) - (it.status?.readyReplicas ?? 0)),
    ),
    ...daemonSets.items.flatMap((it) =>
      behind('daemonset', it, (it.status?.desiredNumberScheduled ?? 1) - (it.status?.numberReady ?? 0)),
    ),
  ];
}

function describePod(pod: Pod): string {
  const waiting = pod.status?.containerStatuses
    ?.map((status) => status.state?.waiting?.reason)
    .find((reason) => reason !== undefined);
  const unscheduled = pod.status?.conditions?.find(
    (it) => it.type === 'PodScheduled' && it.status === 'False',
  );
  const why = waiting ?? unscheduled?.message ?? pod.status?.phase ?? 'Pending';
  return `${pod.metadata.namespace ?? ''}/${pod.metadata.name} (${why})`;
}

function isTrue(object: Pod | Node, type: string): boolean {
  const conditions: readonly { readonly type: string; readonly status: string }[] =
    object.status?.conditions ?? [];
  return conditions.some((it) => it.type === type && it.status === 'True');
}

async function until(
  what: string,
  options: WaitOptions,
  missing: () => Promise<readonly string[]>,
): Promise<void> {
  for (;;) {
    options.signal.throwIfAborted();
    const left = await missing();
    if (left.length === 0) return;
    if (options.clock.monotonicMs() > options.deadlineMs) {
      const logs = clusterPaths(options.roots, options.cluster.name).log;
      throw new FairleadError(
        'timeout',
        `Cannot wait longer for ${what}: ${left.slice(0, 5).join(', ')}; logs are in ${logs}`,
      );
    }
    options.onDetail(
      `waiting for ${left.length === 1 ? '' : `${left.length}: `}${left.slice(0, 3).join(', ')}`,
    );
    await options.clock.sleep(POLL_MS, options.signal);
  }
}
