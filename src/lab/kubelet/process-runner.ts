// Containers that are processes of their own, from the host's files.

import { rm } from 'node:fs/promises';
import { FairleadError } from '../../base/errors.ts';
import type { ContainerLaunch, ContainerRunner, RunExit, RunName, RunState } from './container-runner.ts';
import { launchSpecOf, type LaunchSurroundings } from './launch-spec-of.ts';
import { findLaunched, killContainer, readExit, signalProcess, type Launcher } from './launcher.ts';
import type { ContainerFolders, NodeFolders } from './pod-folders.ts';

export class ProcessRunner implements ContainerRunner {
  readonly #launcher: Launcher;
  readonly #folders: (node: string) => NodeFolders;
  readonly #around: LaunchSurroundings;

  constructor(launcher: Launcher, folders: (node: string) => NodeFolders, around: LaunchSurroundings) {
    this.#launcher = launcher;
    this.#folders = folders;
    this.#around = around;
  }

  async start(launch: ContainerLaunch, signal: AbortSignal): Promise<void> {
    const spec = launchSpecOf(launch, this.#around, false);
    if (spec.program?.args.length === 0) {
      throw new FairleadError('invalid', 'no command: host programs have no image that would bring one');
    }
    await this.#launcher.start(spec, launch.folders.spec, signal);
  }

  async terminate(run: RunName): Promise<RunExit | undefined> {
    const launched = await findLaunched(this.#of(run).pid);
    if (launched !== undefined) signalProcess(launched.init, 'SIGTERM');
    return undefined;
  }

  kill(run: RunName): Promise<RunExit | undefined> {
    killContainer(this.#of(run).cgroup);
    return Promise.resolve(undefined);
  }

  async look(run: RunName): Promise<RunState> {
    const of = this.#of(run);
    // Running first: an exit that happens in between is found by the second look.
    if ((await findLaunched(of.pid)) !== undefined) return { kind: 'running' };
    const exit = await readExit(of.exit);
    return exit === undefined ? { kind: 'lost' } : { kind: 'exited', exit };
  }

  async forget(run: RunName): Promise<void> {
    await rm(this.#of(run).exit, { force: true });
  }

  #of(run: RunName): ContainerFolders {
    return this.#folders(run.node).container(run, run.container, run.attempt);
  }
}
