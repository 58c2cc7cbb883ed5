// Containers that the node's workload process serves.

import type { Clock } from '../../base/clock.ts';
import { parsePort, type Protocol } from '../../base/port.ts';
import type { ControlClient } from '../workload/control-client.ts';
import type { WorkloadSpec } from '../workload/workload-spec.ts';
import type { ContainerLaunch, ContainerRunner, RunExit, RunName, RunState } from './container-runner.ts';
import { programOf } from './program-of.ts';

/** What a program shows that was killed (128 + SIGKILL). */
const KILLED = 137;

export class WorkloadRunner implements ContainerRunner {
  readonly #client: (node: string) => ControlClient;
  readonly #clock: Clock;

  constructor(client: (node: string) => ControlClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  async start(launch: ContainerLaunch, signal: AbortSignal): Promise<void> {
    await this.#client(launch.pod.spec?.nodeName ?? '').start(workloadSpecOf(launch), signal);
  }

  async terminate(run: RunName, signal: AbortSignal): Promise<RunExit | undefined> {
    return this.#end(run, 0, signal);
  }

  async kill(run: RunName, signal: AbortSignal): Promise<RunExit | undefined> {
    return this.#end(run, KILLED, signal);
  }

  async look(run: RunName, signal: AbortSignal): Promise<RunState> {
    const list = await this.#client(run.node).list(signal);
    const found = list.find(
      (it) => it.podUid === run.uid && it.container === run.container && it.attempt === run.attempt,
    );
    if (found === undefined) return { kind: 'lost' };
    if (found.state.kind === 'running') return { kind: 'running' };
    const { exitCode, finishedAtMs } = found.state;
    return { kind: 'exited', exit: { exitCode, signal: undefined, finishedAtMs } };
  }

  async forget(run: RunName, signal: AbortSignal): Promise<void> {
    await this.#client(run.node).stop(run.uid, run.container, signal);
  }

  async #end(run: RunName, exitCode: number, signal: AbortSignal): Promise<RunExit> {
    await this.#client(run.node).stop(run.uid, run.container, signal);
    return { exitCode, signal: exitCode === KILLED ? 9 : undefined, finishedAtMs: this.#clock.nowMs() };
  }
}

function workloadSpecOf(launch: ContainerLaunch): WorkloadSpec {
  const { pod, container, sandbox, folders, podFolders } = launch;
  return {
    podUid: pod.metadata.uid ?? '',
    container: container.name,
    attempt: launch.attempt,
    netns: sandbox.netns,
    facts: {
      namespace: pod.metadata.namespace ?? 'default',
      pod: pod.metadata.name,
      hostname: launch.hostname,
      node: pod.spec?.nodeName ?? '',
      container: container.name,
      image: container.image ?? '',
      ips: sandbox.ips,
    },
    program: programOf(launch),
    ports: (container.ports ?? []).map((it) => ({
      name: it.name,
      port: parsePort(it.containerPort),
      // The API allows no other text.
      protocol: (it.protocol ?? 'TCP') as Protocol,
    })),
    env: launch.env,
    mounts: launch.binds.map(({ source, target }) => ({ source, target })),
    resolvConf: podFolders.resolvConf,
    hosts: podFolders.hosts,
    log: folders.log,
  };
}
