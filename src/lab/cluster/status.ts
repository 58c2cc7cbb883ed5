// What a cluster is doing: its processes, its nodes, and what each node's agent has programmed. Gathered, not remembered.

import { messageOf } from '../../base/errors.ts';
import { clusterPaths, nodePaths, type PathRoots } from '../../base/paths.ts';
import { KubeClient } from '../../kube/kube-client.ts';
import { loadKubeConfig } from '../../kube/kube-config.ts';
import { NODES, PODS } from '../../kube/resource.ts';
import type { Node, Pod } from '../../objects/api-types.ts';
import { countServedBy, type ServedByCounts } from '../../objects/served-by.ts';
import type { BackendChoiceStatus } from '../../agent/backend-choice.ts';
import type { LearnerStatus } from '../../agent/name-learner.ts';
import type { AgentStatus } from '../../agent/status.ts';
import type { EngineStatus } from '../../reconcile/status.ts';
import type { ClusterConfig } from './cluster-config.ts';
import { liveRecords, recordFolder } from './process-record.ts';
import { processTable, type Installation } from './process-table.ts';
import { endingProcesses } from './ending-processes.ts';
import { SUPERVISOR } from './supervisor-lock.ts';
import { ANSWER_MS, getJson } from './unix-http.ts';

export interface ProcessStatus {
  readonly name: string;
  /** Undefined while it is down. */
  readonly pid: number | undefined;
}

export interface NodeStatus {
  readonly name: string;
  /** Undefined while the API does not say. */
  readonly isReady: boolean | undefined;
  readonly pods: { readonly ready: number; readonly total: number } | undefined;
  /** What the agent says, undefined while it does not answer. */
  readonly engine: EngineStatus | undefined;
  /** Which backend carries Services; undefined like `engine`. */
  readonly services: BackendChoiceStatus | undefined;
  /** Which backend keeps pods to their policies; undefined like `engine`. */
  readonly policies: BackendChoiceStatus | undefined;
  /** Undefined where the agent does not answer. */
  readonly crowdedMaps: readonly string[] | undefined;
  /** Domain names of policies and what is known of them; undefined like `engine`. */
  readonly learned: LearnerStatus | undefined;
  /** Why the cluster's Corefile is not in force; undefined where it is, or there is none. */
  readonly corefileRefusal: string | undefined;
}

export interface ClusterStatus {
  readonly cluster: string;
  readonly processes: readonly ProcessStatus[];
  /** What the host reaches by the cluster's link for Services of type LoadBalancer. */
  readonly loadBalancerCidrs: readonly string[];
  readonly nodes: readonly NodeStatus[];
  /** How many containers run what in the place of their images. */
  readonly servedBy: ServedByCounts;
  /** What is not right, in words; empty when all is well. */
  readonly problems: readonly string[];
}

export interface StatusOptions {
  readonly cluster: ClusterConfig;
  readonly roots: PathRoots;
  readonly installation: Installation;
  readonly signal: AbortSignal;
}

export async function clusterStatus(options: StatusOptions): Promise<ClusterStatus> {
  const { cluster, roots, installation } = options;
  const alive = new Map(
    liveRecords(recordFolder(roots, cluster.name)).map((record) => [record.name, record.pid]),
  );
  const names = [SUPERVISOR, ...processTable(cluster, roots, installation).map((spec) => spec.name)];
  const processes = names.map((name) => ({ name, pid: alive.get(name) }));
  const ending = new Map(endingProcesses(roots, cluster.name).map((it) => [it.name, it.lastLine]));
  const problems = [
    ...processes
      .filter((it) => it.pid === undefined)
      .map(({ name }) =>
        name === SUPERVISOR
          ? `process ${name} is down: "fairlead up --name ${cluster.name}" starts it again`
          : `process ${name} is down`,
      ),
    ...[...ending].map(([name, lastLine]) => `process ${name} keeps ending: ${lastLine}`),
  ];
  const asked = cluster.nodes.map(({ name }) =>
    readAgent(nodePaths(roots, cluster.name, name).agentSocket, options.signal),
  );
  const objects = await readObjects(options).catch((error: unknown) => {
    problems.push(`the Kubernetes API does not answer: ${messageOf(error)}`);
    return undefined;
  });
  const nodes = await Promise.all(
    cluster.nodes.map(async ({ name }, i): Promise<NodeStatus> => {
      return {
        name,
        ...(objects === undefined ? { isReady: undefined, pods: undefined } : stateOf(name, objects)),
        engine: (await asked[i])?.engine,
        services: (await asked[i])?.services,
        policies: (await asked[i])?.policies,
        crowdedMaps: (await asked[i])?.crowdedMaps,
        learned: (await asked[i])?.learned,
        corefileRefusal: (await asked[i])?.names?.corefileRefusal,
      };
    }),
  );
  return {
    cluster: cluster.name,
    processes,
    loadBalancerCidrs: cluster.loadBalancerCidrs,
    nodes,
    servedBy: countServedBy(objects?.pods ?? []),
    problems: [...problems, ...nodes.flatMap(nodeProblems)],
  };
}

interface Objects {
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
}

function stateOf(name: string, objects: Objects): Pick<NodeStatus, 'isReady' | 'pods'> {
  const pods = objects.pods.filter((pod) => pod.spec?.nodeName === name && pod.status?.phase !== 'Succeeded');
  const node = objects.nodes.find((it) => it.metadata.name === name);
  const ready = pods.filter((pod) => isTrue(pod.status?.conditions, 'Ready')).length;
  return { isReady: isTrue(node?.status?.conditions, 'Ready'), pods: { ready, total: pods.length } };
}

async function readObjects(options: StatusOptions): Promise<Objects> {
  const client = new KubeClient(
    await loadKubeConfig(clusterPaths(options.roots, options.cluster.name).kubeconfig),
  );
  try {
    const call = { signal: options.signal, timeoutMs: ANSWER_MS };
    const [nodes, pods] = await Promise.all([client.list(NODES, {}, call), client.list(PODS, {}, call)]);
    return { nodes: nodes.items, pods: pods.items };
  } finally {
    client.close();
  }
}

type AgentAnswer = Partial<
  Pick<AgentStatus, 'engine' | 'services' | 'policies' | 'crowdedMaps' | 'learned' | 'names'>
>;

async function readAgent(socket: string, signal: AbortSignal): Promise<AgentAnswer | undefined> {
  try {
    return (await getJson(socket, '/status', signal)) as AgentAnswer;
  } catch {
    // Said as a problem of the node below; the process list tells whether the agent runs at all.
    return undefined;
  }
}

function nodeProblems(node: NodeStatus): string[] {
  const { ready, total } = node.pods ?? { ready: 0, total: 0 };
  return [
    ...(node.isReady === false ? [`node ${node.name} is not ready`] : []),
    ...(total > ready ? [`${total - ready} of ${total} pods on ${node.name} are not ready`] : []),
    ...(node.engine === undefined ? [`the agent of ${node.name} does not answer`] : []),
    ...(node.engine?.targets ?? []).flatMap((target) =>
      target.failures
        .filter((it) => it.code !== 'draining')
        .map(
          (failure) =>
            `${node.name}: ${target.name} ${failure.key}: ${failure.error} (${failure.attempts} tries)`,
        ),
    ),
    ...(node.crowdedMaps ?? []).map((it) => `${node.name}: ${it}`),
    ...(node.services?.problem === undefined ? [] : [`${node.name}: Services: ${node.services.problem}`]),
    ...(node.corefileRefusal === undefined
      ? []
      : [`${node.name}: the Corefile of kube-system/coredns is not in force: ${node.corefileRefusal}`]),
    ...(node.policies?.problem === undefined ? [] : [`${node.name}: policies: ${node.policies.problem}`]),
  ];
}

function isTrue(
  conditions: readonly { readonly type: string; readonly status: string }[] | undefined,
  type: string,
): boolean {
  return (conditions ?? []).some((it) => it.type === type && it.status === 'True');
}
