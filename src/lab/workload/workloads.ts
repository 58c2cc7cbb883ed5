// The workloads that one node's process serves: starts, stops and lists them, and tells who listens when one exits.
// Knows neither the control protocol nor what the programs do.

import type { Clock } from '../../base/clock.ts';
import { FairleadError, messageOf } from '../../base/errors.ts';
import type { Ip } from '../../base/ip.ts';
import { Lifetime } from '../../base/lifetime.ts';
import { CriLog } from './cri-log.ts';
import { HttpFace } from './http-face.ts';
import { PodNet } from './pod-net.ts';
import type { PodSockets } from './pod-sockets.ts';
import { startProgram } from './programs/registry.ts';
import type { WorkloadSpec, WorkloadState, WorkloadStatus } from './workload-spec.ts';

export interface WorkloadsOptions {
  readonly sockets: PodSockets;
  readonly clock: Clock;
  /** Names for the pod whose spec it is. */
  readonly resolve: (spec: WorkloadSpec, name: string, net: PodNet) => Promise<readonly Ip[]>;
}

interface Workload {
  readonly spec: WorkloadSpec;
  readonly lifetime: Lifetime;
  readonly log: CriLog;
  state: WorkloadState;
}

export class Workloads {
  readonly #options: WorkloadsOptions;
  readonly #http = new HttpFace();
  readonly #workloads = new Map<string, Workload>();
  readonly #listeners = new Set<(status: WorkloadStatus) => void>();

  constructor(options: WorkloadsOptions) {
    this.#options = options;
  }

  /** Resolves when the workload serves. Starting what runs already is no error; a failure to start is an exit with code 1. */
  async start(spec: WorkloadSpec): Promise<WorkloadStatus> {
    const key = keyOf(spec);
    const present = this.#workloads.get(key);
    if (present?.spec.attempt === spec.attempt) return statusOf(present);
    if (present?.state.kind === 'running') {
      throw new FairleadError('already-exists', `Cannot start container ${key}: an earlier start still runs`);
    }
    const workload = this.#make(spec);
    this.#workloads.set(key, workload);
    await this.#run(workload);
    return statusOf(workload);
  }

  /** Closes all that the workload opened and forgets it; nothing when there is none. */
  async stop(podUid: string, container: string): Promise<void> {
    const key = keyOf({ podUid, container });
    const workload = this.#workloads.get(key);
    if (workload === undefined) return;
    this.#workloads.delete(key);
    await workload.lifetime.close();
    await workload.log.flush();
  }

  list(): readonly WorkloadStatus[] {
    return [...this.#workloads.values()].map(statusOf);
  }

  /** Calls `listener` at each exit until the signal aborts. */
  onExit(listener: (status: WorkloadStatus) => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener('abort', () => this.#listeners.delete(listener), { once: true });
  }

  async close(): Promise<void> {
    for (const { spec } of this.#workloads.values()) await this.stop(spec.podUid, spec.container);
  }

  #make(spec: WorkloadSpec): Workload {
    return {
      spec,
      lifetime: new Lifetime(`container ${keyOf(spec)}`),
      log: new CriLog(spec.log, { clock: this.#options.clock }),
      state: { kind: 'running', startedAtMs: this.#options.clock.nowMs() },
    };
  }

  async #run(workload: Workload): Promise<void> {
    const { spec, lifetime, log } = workload;
    const net = new PodNet({
      netns: spec.netns,
      sockets: this.#options.sockets,
      lifetime,
      resolve: (name) => this.#options.resolve(spec, name, net),
    });
    const context = {
      spec,
      net,
      http: this.#http,
      signal: lifetime.signal,
      log: log.write.bind(log),
      exit: (code: number) => this.#exit(workload, code),
    };
    try {
      await startProgram(context, spec.program);
    } catch (error) {
      // Stopped while it was starting: that is no failure of its own.
      if (lifetime.isClosed) return;
      log.write(messageOf(error), 'stderr');
      this.#exit(workload, 1);
    }
  }

  #exit(workload: Workload, exitCode: number): void {
    if (workload.state.kind === 'exited' || workload.lifetime.isClosed) return;
    workload.state = {
      kind: 'exited',
      startedAtMs: workload.state.startedAtMs,
      finishedAtMs: this.#options.clock.nowMs(),
      exitCode,
    };
    const announce = (): void => {
      for (const listener of this.#listeners) listener(statusOf(workload));
    };
    // A closer that fails is told to the log of the container: nobody waits for this exit.
    void workload.lifetime
      .close()
      .catch((error: unknown) => workload.log.write(messageOf(error), 'stderr'))
      .then(() => workload.log.flush())
      .then(announce);
  }
}

function keyOf(spec: Pick<WorkloadSpec, 'podUid' | 'container'>): string {
  return `${spec.podUid}/${spec.container}`;
}

function statusOf({ spec, state }: Workload): WorkloadStatus {
  return { podUid: spec.podUid, container: spec.container, attempt: spec.attempt, state };
}
