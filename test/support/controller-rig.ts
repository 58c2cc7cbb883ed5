// The controllers against an API server, with a stand-in for the kubelet that makes pods run at once.

import { systemClock } from '../../src/base/clock.ts';
import { parseCidr } from '../../src/base/cidr.ts';
import { ClusterCache } from '../../src/controllers/cluster-cache.ts';
import { runControllers } from '../../src/controllers/run-controllers.ts';
import type { ClusterAccess } from '../../src/kube/cluster-access.ts';
import { KubeClient } from '../../src/kube/kube-client.ts';
import { NODES, PODS, type Draft } from '../../src/kube/resource.ts';
import { allControllers, cachedKinds } from '../../src/lab/controllers/all-controllers.ts';
import type { Node, Pod } from '../../src/objects/api-types.ts';
import { hasCode, isNotFound } from '../../src/base/errors.ts';

export interface ControllerRig {
  readonly client: KubeClient;
  readonly problems: readonly string[];
  /** Ends the controllers (not the kubelet) and starts them anew with nothing remembered. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface RigOptions {
  /** What the kubelet reports for a pod that has a node; the default is running and ready with an address. */
  readonly statusOf?: (pod: Pod, index: number) => unknown;
}

export async function startControllerRig(
  access: ClusterAccess,
  options: RigOptions = {},
): Promise<ControllerRig> {
  const client = new KubeClient(access);
  const problems: string[] = [];
  const kubelet = startKubelet(client, options);
  let controllers = startControllers(access, problems);
  await Promise.resolve();
  return {
    client,
    problems,
    restart: async () => {
      await controllers.stop();
      controllers = startControllers(access, problems);
    },
    stop: async () => {
      await controllers.stop();
      await kubelet.stop();
      client.close();
    },
  };
}

export function aNode(name: string, extra: Partial<Draft<Node>> = {}): Draft<Node> {
  const resources = { cpu: '4', memory: '8Gi', pods: '110' };
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    status: {
      allocatable: resources,
      capacity: resources,
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '' }],
      addresses: [{ type: 'InternalIP', address: '10.89.0.10' }],
    },
    ...extra,
  };
}

/** Creates a node with its status, which a real server takes by a second request only. */
export async function createNode(client: KubeClient, name: string): Promise<void> {
  const node = aNode(name);
  await client.create(NODES, node);
  await client.patchStatus(NODES, { name }, { status: node.status });
}

interface Stoppable {
  stop(): Promise<void>;
}

function startControllers(access: ClusterAccess, problems: string[]): Stoppable {
  const abort = new AbortController();
  const client = new KubeClient(access);
  const cache = new ClusterCache({
    client,
    kinds: cachedKinds(),
    clock: systemClock,
    onProblem: (error) => problems.push(error.message),
  });
  const run = runControllers(
    {
      client,
      cache,
      controllers: allControllers({
        subnets: {
          podCidrs: [parseCidr('10.244.0.0/16'), parseCidr('fd00:10:244::/56')],
          nodePrefixLengths: { 4: 24, 6: 64 },
        },
        authority: 'PEM',
        gatewayPods: { image: 'fairlead', annotations: {}, hostFolder: undefined },
      }),
      clock: systemClock,
      random: Math.random,
      onProblem: (controller, error) => problems.push(`${controller}: ${error.message}`),
    },
    abort.signal,
  );
  return stoppable(abort, run, client);
}

function startKubelet(client: KubeClient, options: RigOptions): Stoppable {
  const abort = new AbortController();
  const cache = new ClusterCache({
    client,
    kinds: cachedKinds().filter(({ resource }) => resource.plural === 'pods'),
    clock: systemClock,
    onProblem: () => undefined,
  });
  let count = 0;
  const started = new Set<string>();
  const handle = async (pod: Pod): Promise<void> => {
    const { namespace, name, uid } = pod.metadata;
    const at = { namespace, name };
    try {
      if (pod.metadata.deletionTimestamp !== undefined) {
        await client.delete(PODS, at, { gracePeriodSeconds: 0, preconditions: { uid } });
      } else if ((pod.spec?.nodeName ?? '') !== '' && !started.has(uid)) {
        started.add(uid);
        const index = count++;
        const status = options.statusOf?.(pod, index) ?? runningStatus(index);
        await client.patchStatus(PODS, at, { metadata: { uid }, status });
      }
    } catch (error) {
      // The pod went away meanwhile, or the server did.
      if (!isNotFound(error) && !hasCode(error, 'conflict') && !hasCode(error, 'aborted'))
        started.delete(uid);
    }
  };
  cache.subscribe(PODS, ({ after }) => {
    if (after !== undefined) void handle(after as Pod);
  });
  return stoppable(abort, cache.run(abort.signal));
}

export function runningStatus(index: number): unknown {
  const now = `${new Date().toISOString().slice(0, 19)}Z`;
  const condition = (type: string) => ({ type, status: 'True', lastTransitionTime: now });
  return {
    phase: 'Running',
    podIP: `10.244.${index >> 8}.${index & 255}`,
    podIPs: [
      { ip: `10.244.${index >> 8}.${index & 255}` },
      { ip: `fd00:10:244::${(index + 1).toString(16)}` },
    ],
    startTime: now,
    conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map(condition),
  };
}

function stoppable(abort: AbortController, run: Promise<void>, client?: KubeClient): Stoppable {
  return {
    stop: async () => {
      abort.abort();
      await run;
      client?.close();
    },
  };
}
