// What the kubelet part knows of a pod beside the API's object: its sandbox and its containers. Written to disk at every
// change, so that the next kubelet process adopts what runs. Data only.

import type { Ip } from '../../base/ip.ts';
import type { ServedBy } from '../../objects/served-by.ts';

export interface ExitedState {
  readonly kind: 'exited';
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly exitCode: number;
  readonly signal: number | undefined;
  /** Completed, Error, StartError, ...: what `kubectl describe` shows. */
  readonly reason: string;
  readonly message: string | undefined;
}

export type ContainerState =
  | { readonly kind: 'waiting'; readonly reason: string; readonly message: string | undefined }
  | { readonly kind: 'running'; readonly startedAtMs: number }
  | ExitedState;

/** Who runs a container: a process of its own, or the node's workload process. */
export type RunnerKind = 'process' | 'workload';

export interface ContainerRecord {
  readonly name: string;
  readonly runner: RunnerKind;
  /** What runs in the place of the image, undefined before the first start. */
  readonly servedBy: ServedBy | undefined;
  /** Starts so far minus one; what the API calls restartCount. */
  readonly attempt: number;
  /** "fairlead://<64 hex digits>", new at each start. */
  readonly id: string;
  readonly state: ContainerState;
  readonly last: ExitedState | undefined;
  /** How long after its end the container waits before its next start. */
  readonly backoffMs: number;
}

export interface SandboxRecord {
  readonly netns: string;
  readonly isHostNetwork: boolean;
  readonly ips: readonly Ip[];
  /** The CNI result of the last plugin, for DEL and CHECK; undefined with the node's network. */
  readonly cniResult: unknown;
  readonly madeAtMs: number;
}

export interface PodRecord {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly acceptedAtMs: number;
  readonly sandbox: SandboxRecord | undefined;
  /** Addresses outlive the sandbox in the status of a finished pod. */
  readonly ips: readonly Ip[];
  readonly containers: Readonly<Record<string, ContainerRecord>>;
  /** Set once for pods that the kubelet part itself ended: DeadlineExceeded, ... */
  readonly failure: { readonly reason: string; readonly message: string } | undefined;
}

/** The record of a pod that was seen for the first time. */
export function newPodRecord(
  of: Pick<PodRecord, 'uid' | 'namespace' | 'name' | 'node'>,
  nowMs: number,
): PodRecord {
  const { uid, namespace, name, node } = of;
  return {
    uid,
    namespace,
    name,
    node,
    acceptedAtMs: nowMs,
    sandbox: undefined,
    ips: [],
    containers: {},
    failure: undefined,
  };
}

export function withContainer(record: PodRecord, container: ContainerRecord): PodRecord {
  return { ...record, containers: { ...record.containers, [container.name]: container } };
}
