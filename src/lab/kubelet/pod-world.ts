// What every pod worker shares: the doors to the API, the sandboxes, the runners, the clock. Handed in, never looked up.

import type { Clock } from '../../base/clock.ts';
import type { Ip } from '../../base/ip.ts';
import type { Container, Pod } from '../../objects/api-types.ts';
import type { ProbeAnswer, ProbeRequest } from '../workload/workload-spec.ts';
import type { ClusterApi } from './cluster-api.ts';
import type { ContainerRunner } from './container-runner.ts';
import type { ExecSandboxes } from './exec-sandboxes.ts';
import type { Gate } from './gate.ts';
import type { NodeFolders } from './pod-folders.ts';
import type { PodRecord, RunnerKind } from './pod-record.ts';
import type { Sandboxes } from './sandbox.ts';

export interface WorldNode {
  readonly folders: NodeFolders;
  readonly ips: readonly Ip[];
  readonly capacity: { readonly cpu: string; readonly memory: string };
  /** A network probe from the node's namespace; throws `unavailable` while its workload process is away. */
  probe(request: ProbeRequest, signal: AbortSignal): Promise<ProbeAnswer>;
}

export interface PodWorld {
  readonly api: ClusterApi;
  readonly clock: Clock;
  readonly random: () => number;
  readonly sandboxes: Sandboxes;
  readonly execSandboxes: ExecSandboxes;
  /** Bounds how many sandboxes are made or removed at once. */
  readonly sandboxGate: Gate;
  /** Bounds how many containers start at once; of its own, so that no start waits behind the sandboxes of other pods. */
  readonly startGate: Gate;
  node(name: string): WorldNode;
  runner(kind: RunnerKind): ContainerRunner;
  runnerOf(pod: Pod, container: Container): RunnerKind;
  save(record: PodRecord): Promise<void>;
  /** What a container left as its termination message. */
  lastWords(record: PodRecord, container: string): string | undefined;
  log(message: string): void;
}
