// Waits for a cluster to become ready and says what it waits for; a wait that ends in vain names what is missing and why.

import { hasCode, messageOf } from '../../base/errors.ts';
import type { KubeClient } from '../../kube/kube-client.ts';
import {
  DAEMON_SETS,
  DEPLOYMENTS,
  EVENTS,
  NAMESPACES,
  NODES,
  PODS,
  STATEFUL_SETS,
} from '../../kube/resource.ts';
import type { Event, Node, Pod } from '../../objects/api-types.ts';
import { behindNodes, unsettledServices, type NeededVersions } from './programmed.ts';
import { raisedAtMs } from './raised-at.ts';
import { until, type Missing, type WaitOptions } from './waiting.ts';

/** Where nobody listens the answer comes at once; a machine with too much to do answers late, and asked again and again it has more. */
const ANSWER_MS = 10_000;

export function untilApiReady(client: KubeClient, options: WaitOptions): Promise<void> {
  const ask = async (): Promise<readonly Missing[]> => {
    try {
      await client.get(NAMESPACES, { name: 'default' }, { signal: options.signal, timeoutMs: ANSWER_MS });
      return [];
    } catch (error) {
      if (!hasCode(error, 'unavailable') && !hasCode(error, 'timeout') && !hasCode(error, 'not-found'))
        throw error;
      return [{ name: `${client.server.origin} to answer`, why: messageOf(error) }];
    }
  };
  // While it starts, that nobody listens yet is no news.
  const names = async (): Promise<readonly Missing[]> => (await ask()).map(({ name }) => ({ name }));
  return until('the Kubernetes API', options, names, ask);
}

/** Ready, and with a pod subnet. */
export function untilNodesReady(client: KubeClient, options: WaitOptions): Promise<void> {
  const sinceMs = raisedAtMs(options.roots, options.cluster.name);
  return until('the nodes', options, async () => {
    const { items } = await client.list(NODES, {}, { signal: options.signal });
    return options.cluster.nodes.flatMap(({ name }): Missing[] => {
      const node = items.find((it) => it.metadata.name === name);
      if (node === undefined) return [{ name, why: 'the kubelet part has not registered it' }];
      const ready = node.status?.conditions?.find((it) => it.type === 'Ready');
      if (ready?.status !== 'True') return [{ name, why: ready?.message }];
      if (Date.parse(String(ready.lastHeartbeatTime)) < sinceMs)
        return [{ name, why: 'the kubelet part has not spoken since the machine started' }];
      return node.spec?.podCIDR === undefined ? [{ name, why: 'it has no pod subnet' }] : [];
    });
  });
}

/** Every pod that is to run is Ready; finished ones are left out. Workloads whose pods are not there yet count as missing. */
export function untilPodsReady(client: KubeClient, options: WaitOptions): Promise<void> {
  const { signal } = options;
  const sinceMs = raisedAtMs(options.roots, options.cluster.name);
  const missing = async (): Promise<readonly Missing[]> => [
    ...(await pendingPods(client, { signal, sinceMs })).map((pod) => ({
      name: nameOf(pod),
      why: reasonOf(pod),
    })),
    ...(await pendingWorkloads(client, signal)),
  ];
  return until('the pods', options, missing, async () => {
    const events = await client.list(EVENTS, {}, { signal });
    const pods = await pendingPods(client, { signal, sinceMs });
    return [
      ...pods.map((pod) => ({ name: nameOf(pod), why: lastWarning(pod, events.items) ?? reasonOf(pod) })),
      ...(await pendingWorkloads(client, signal)),
    ];
  });
}

/** Every node has programmed the Services of the pods that are there now: who connects from here on is not refused. */
export async function untilProgrammed(client: KubeClient, options: WaitOptions): Promise<void> {
  let needed: NeededVersions = new Map();
  await until('the endpoint slices', options, async () => {
    const state = await unsettledServices(client, options.signal);
    needed = state.needed;
    return state.missing;
  });
  await until('the nodes to program their Services', options, () => behindNodes(needed, options));
}

async function pendingPods(
  client: KubeClient,
  { signal, sinceMs }: { readonly signal: AbortSignal; readonly sinceMs: number },
): Promise<readonly Pod[]> {
  const { items } = await client.list(PODS, {}, { signal });
  return items.filter(
    (pod) =>
      pod.status?.phase !== 'Succeeded' &&
      pod.metadata.deletionTimestamp === undefined &&
      !(isTrue(pod, 'Ready') && isOfThisRun(pod, sinceMs)),
  );
}

/** False where a container is said to run since before the machine started: the API remembers it, nobody runs it. */
function isOfThisRun(pod: Pod, sinceMs: number): boolean {
  const starts = (pod.status?.containerStatuses ?? []).flatMap((it) => it.state?.running?.startedAt ?? []);
  return starts.every((at) => Date.parse(String(at)) >= sinceMs);
}

async function pendingWorkloads(client: KubeClient, signal: AbortSignal): Promise<readonly Missing[]> {
  const [deployments, statefulSets, daemonSets] = await Promise.all([
    client.list(DEPLOYMENTS, {}, { signal }),
    client.list(STATEFUL_SETS, {}, { signal }),
    client.list(DAEMON_SETS, {}, { signal }),
  ]);
  const behind = (
    kind: string,
    it: {
      metadata: { namespace?: string | undefined; name: string; generation?: number };
      status?: { observedGeneration?: number };
    },
    lacking: number,
  ): Missing[] => {
    const isSeen = (it.status?.observedGeneration ?? 0) >= (it.metadata.generation ?? 0);
    if (lacking <= 0 && isSeen) return [];
    const why = isSeen ? `${lacking} more ready ${lacking === 1 ? 'pod' : 'pods'}` : undefined;
    return [{ name: `${kind} ${nameOf(it)}`, why }];
  };
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

function nameOf({ metadata }: { metadata: { namespace?: string | undefined; name: string } }): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

function reasonOf(pod: Pod): string {
  const waiting = pod.status?.containerStatuses
    ?.map((status) => status.state?.waiting?.reason)
    .find((reason) => reason !== undefined);
  const unscheduled = pod.status?.conditions?.find(
    (it) => it.type === 'PodScheduled' && it.status === 'False',
  );
  const phase = pod.status?.phase ?? 'Pending';
  return waiting ?? unscheduled?.message ?? (phase === 'Running' ? 'not ready yet' : phase);
}

/** What went wrong with the pod last, in the words of its events. */
function lastWarning(pod: Pod, events: readonly Event[]): string | undefined {
  const warnings = events.filter(
    (event) => event.type === 'Warning' && event.involvedObject.uid === pod.metadata.uid,
  );
  const last = warnings.toSorted((a, b) => timeOf(a).localeCompare(timeOf(b))).at(-1);
  return last === undefined ? undefined : `${last.reason ?? 'Warning'}: ${last.message ?? ''}`;
}

function timeOf(event: Event): string {
  return String(event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? '');
}

function isTrue(object: Pod | Node, type: string): boolean {
  const conditions: readonly { readonly type: string; readonly status: string }[] =
    object.status?.conditions ?? [];
  return conditions.some((it) => it.type === type && it.status === 'True');
}

/** `explained` is asked once, at the end in vain, for what is too costly to ask all the time. */
