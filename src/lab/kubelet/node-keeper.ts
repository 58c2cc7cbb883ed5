// Node objects and their heartbeats: made and refreshed for every node of this process, one Lease per node renewed every
// ten seconds.

import os from 'node:os';
import { GIT_VERSION } from '../../apiserver/version.ts';
import type { Clock } from '../../base/clock.ts';
import { isAlreadyExists, isNotFound, messageOf } from '../../base/errors.ts';
import type { KubeClient } from '../../kube/kube-client.ts';
import { LEASES, NODES } from '../../kube/resource.ts';
import type { Node } from '../../objects/api-types.ts';
import type { KubeletNode } from './kubelet-config.ts';
import { isoSeconds } from './pod-status.ts';

export interface NodeKeeperOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly nodes: readonly KubeletNode[];
  readonly podCapacity: number;
  /** Whether the node's workload process answers: without it the node is not ready. */
  readonly isReady: (node: string) => boolean;
  readonly log: (message: string) => void;
}

const LEASE_NAMESPACE = 'kube-node-lease';
const LEASE_SECONDS = 40;
const RENEW_MS = 10_000;
const RETRY_MS = 1000;
/** The status is written when it changes, and at least this often. */
const STATUS_MS = 5 * 60_000;

export class NodeKeeper {
  readonly #options: NodeKeeperOptions;
  readonly #written = new Map<string, { readonly isReady: boolean; readonly atMs: number }>();

  constructor(options: NodeKeeperOptions) {
    this.#options = options;
  }

  /** Runs until the signal aborts; failures are retried. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, nodes, log } = this.#options;
    while (!signal.aborted) {
      const results = await Promise.allSettled(nodes.map((node) => this.#beat(node, signal)));
      const failures = results.filter((it) => it.status === 'rejected');
      if (signal.aborted) return;
      const first = failures[0];
      if (first !== undefined)
        log(`heartbeat: ${messageOf(first.reason)} (${failures.length} of ${nodes.length} nodes)`);
      const isAnyUnready = nodes.some((it) => this.#written.get(it.name)?.isReady !== true);
      const waitMs = failures.length > 0 || isAnyUnready ? RETRY_MS : RENEW_MS;
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }

  async #beat(node: KubeletNode, signal: AbortSignal): Promise<void> {
    const isReady = this.#options.isReady(node.name);
    if (!this.#written.has(node.name)) await this.#register(node, signal);
    // The lease first: where it is old, the node controller takes the node for silent whatever its conditions say.
    await this.#renew(node, signal);
    await this.#keepStatus(node, isReady, signal);
  }

  /** Writes the status where it is not what this process says: it changed, somebody else wrote (a node taken for silent), or it is old. */
  async #keepStatus(node: KubeletNode, isReady: boolean, signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    const current = await client.get(NODES, { name: node.name }, { signal }).catch((error: unknown) => {
      // Deleted by somebody: the next beat makes it anew.
      if (isNotFound(error)) this.#written.delete(node.name);
      throw error;
    });
    const shown = current.status?.conditions?.find((it) => it.type === 'Ready')?.status;
    const written = this.#written.get(node.name);
    const nowMs = clock.nowMs();
    const isKept = shown === (isReady ? 'True' : 'False') && written?.isReady === isReady;
    if (isKept && nowMs - written.atMs <= STATUS_MS) return;
    await this.#writeStatus(node, { isReady, current }, signal);
    this.#written.set(node.name, { isReady, atMs: nowMs });
  }

  /** Creates the object, or brings the labels of one that is there up to date. */
  async #register(node: KubeletNode, signal: AbortSignal): Promise<void> {
    const { client } = this.#options;
    const labels = labelsOf(node);
    try {
      await client.create(
        NODES,
        { apiVersion: 'v1', kind: 'Node', metadata: { name: node.name, labels } },
        { signal },
      );
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      await client.patch(NODES, { name: node.name }, { metadata: { labels } }, { type: 'merge', signal });
    }
  }

  async #writeStatus(
    node: KubeletNode,
    of: { readonly isReady: boolean; readonly current: Node },
    signal: AbortSignal,
  ): Promise<void> {
    const { client, clock, podCapacity } = this.#options;
    const status = nodeStatus(node, { ...of, podCapacity, nowMs: clock.nowMs() });
    await client.patch(
      NODES,
      { name: node.name },
      { status },
      { type: 'merge', subresource: 'status', signal },
    );
  }

  async #renew(node: KubeletNode, signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    const at = { namespace: LEASE_NAMESPACE, name: node.name };
    // MicroTime: the API wants six digits.
    const renewTime = new Date(clock.nowMs()).toISOString().replace('Z', '000Z');
    const spec = { holderIdentity: node.name, leaseDurationSeconds: LEASE_SECONDS, renewTime };
    try {
      await client.patch(LEASES, at, { spec }, { type: 'merge', signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await client.create(
        LEASES,
        { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: at, spec },
        { signal },
      );
    }
  }
}

function archOf(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

function labelsOf(node: KubeletNode): Readonly<Record<string, string>> {
  return {
    'kubernetes.io/hostname': node.name,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': archOf(),
    'beta.kubernetes.io/os': 'linux',
    'beta.kubernetes.io/arch': archOf(),
    ...(node.zone !== undefined && { 'topology.kubernetes.io/zone': node.zone }),
    ...node.labels,
  };
}

function nodeStatus(
  node: KubeletNode,
  of: {
    readonly isReady: boolean;
    readonly podCapacity: number;
    readonly nowMs: number;
    readonly current: Node;
  },
): NonNullable<Node['status']> {
  const capacity = nodeCapacity(of.podCapacity);
  return {
    addresses: [
      ...node.ips.map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: node.name },
    ],
    capacity,
    allocatable: capacity,
    conditions: [
      ...CALM.map((it) => conditionOf({ ...it, isTrue: false }, of)),
      of.isReady
        ? conditionOf(
            {
              type: 'Ready',
              isTrue: true,
              reason: 'KubeletReady',
              message: 'kubelet is posting ready status',
            },
            of,
          )
        : conditionOf(
            {
              type: 'Ready',
              isTrue: false,
              reason: 'KubeletNotReady',
              message: 'the workload process of the node is away',
            },
            of,
          ),
    ],
    nodeInfo: {
      architecture: archOf(),
      bootID: '',
      containerRuntimeVersion: 'fairlead://0.1.0',
      kernelVersion: os.release(),
      kubeProxyVersion: '',
      kubeletVersion: GIT_VERSION,
      machineID: node.name,
      operatingSystem: 'linux',
      osImage: 'Fairlead one-machine cluster',
      systemUUID: node.name,
    },
  };
}

/** Every node offers the whole machine: nothing is reserved, and limits are not enforced on stand-ins. */
export function nodeCapacity(pods: number): {
  readonly cpu: string;
  readonly memory: string;
  readonly pods: string;
} {
  return {
    cpu: String(os.availableParallelism()),
    memory: `${Math.floor(os.totalmem() / 1024)}Ki`,
    pods: String(pods),
  };
}

const CALM = [
  {
    type: 'MemoryPressure',
    reason: 'KubeletHasSufficientMemory',
    message: 'kubelet has sufficient memory available',
  },
  { type: 'DiskPressure', reason: 'KubeletHasNoDiskPressure', message: 'kubelet has no disk pressure' },
  { type: 'PIDPressure', reason: 'KubeletHasSufficientPID', message: 'kubelet has sufficient PID available' },
] as const;

function conditionOf(
  wanted: {
    readonly type: string;
    readonly isTrue: boolean;
    readonly reason: string;
    readonly message: string;
  },
  of: { readonly nowMs: number; readonly current: Node },
): NonNullable<NonNullable<Node['status']>['conditions']>[number] {
  const status = wanted.isTrue ? 'True' : 'False';
  const old = of.current.status?.conditions?.find((it) => it.type === wanted.type);
  const now = isoSeconds(of.nowMs);
  return {
    type: wanted.type,
    status,
    reason: wanted.reason,
    message: wanted.message,
    lastHeartbeatTime: now,
    lastTransitionTime: old?.status === status ? (old.lastTransitionTime ?? now) : now,
  };
}
