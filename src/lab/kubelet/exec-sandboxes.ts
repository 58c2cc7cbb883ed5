// Processes inside of running containers: exec, hooks, exec probes. A process container is joined as it is; a stand-in gets a
// resting sandbox with the same files and environment at the first exec, which ends with the container.

import type { ChildProcess } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { FairleadError } from '../../base/errors.ts';
import { removeCgroup } from '../../sys/cgroup.ts';
import type { Container, Pod } from '../../objects/api-types.ts';
import { agnhostBinds } from './agnhost-bind.ts';
import { launchSpecOf, type LaunchSurroundings } from './launch-spec-of.ts';
import { findLaunched, killContainer, type Launcher } from './launcher.ts';
import type { ContainerFolders } from './pod-folders.ts';
import type { PodRecord } from './pod-record.ts';
import type { PodWorld } from './pod-world.ts';
import { prepareLaunch } from './prepare-launch.ts';

export interface ExecTarget {
  readonly pod: Pod;
  readonly container: Container;
  readonly record: PodRecord;
}

export interface ExecResult {
  readonly exitCode: number;
  /** Both streams, cut at 10 KiB as kubelet cuts them. */
  readonly output: string;
}

const MAX_OUTPUT_CHARS = 10 * 1024;
const CGROUP_TIMEOUT_MS = 5000;

export class ExecSandboxes {
  readonly #launcher: Launcher;
  readonly #around: LaunchSurroundings;
  readonly #world: () => PodWorld;
  readonly #making = new Map<string, Promise<void>>();

  /** `world` is asked late: the two know each other. */
  constructor(launcher: Launcher, around: LaunchSurroundings, world: () => PodWorld) {
    this.#launcher = launcher;
    this.#around = around;
    this.#world = world;
  }

  /** Starts a process; see `Launcher.exec` for its descriptors. Throws `unavailable` where the container does not run. */
  async open(
    target: ExecTarget,
    command: readonly string[],
    options: { readonly hasTty: boolean; readonly signal: AbortSignal },
  ): Promise<ChildProcess> {
    const record = target.record.containers[target.container.name];
    if (record?.state.kind !== 'running') {
      throw new FairleadError(
        'unavailable',
        `container not found ("${target.container.name}") or not running`,
      );
    }
    const folders = this.#folders(target.record, target.container.name, record.attempt);
    if (record.runner === 'workload') await this.#ensure(target, folders, options.signal);
    return this.#launcher.exec(folders.spec, command, options.hasTty);
  }

  /** The streams of a running process container; see `Launcher.attach`. */
  attach(record: PodRecord, container: string, hasStdin: boolean): ChildProcess {
    const attempt = record.containers[container]?.attempt ?? 0;
    return this.#launcher.attach(this.#folders(record, container, attempt).spec, hasStdin);
  }

  /** Runs to the end; the process is killed when the signal aborts. */
  async run(target: ExecTarget, command: readonly string[], signal: AbortSignal): Promise<ExecResult> {
    const child = await this.open(target, command, { hasTty: false, signal });
    const onAbort = (): void => void child.kill('SIGKILL');
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    let output = '';
    const add = (chunk: Buffer): void => {
      if (output.length < MAX_OUTPUT_CHARS) output += chunk.toString('utf8');
    };
    for (const stream of [child.stdout, child.stderr, child.stdio[4]]) stream?.on('data', add);
    child.stdin?.on('error', () => undefined);
    child.stdin?.end();
    child.stdio[3]?.destroy();
    try {
      const exitCode = await new Promise<number>((resolve, reject) => {
        child.once('error', reject);
        child.once('close', (code) => resolve(code ?? 137));
      });
      if (signal.aborted) throw new FairleadError('aborted', `command "${command.join(' ')}" timed out`);
      return { exitCode, output: output.slice(0, MAX_OUTPUT_CHARS).trim() };
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Ends what exec made for the stand-ins of a pod. */
  async end(record: PodRecord): Promise<void> {
    for (const name of Object.keys(record.containers)) await this.endOf(record, name);
  }

  /** Ends what exec made for one stand-in; process containers have nothing of it. */
  async endOf(record: PodRecord, container: string): Promise<void> {
    const own = record.containers[container];
    if (own?.runner !== 'workload') return;
    const folders = this.#folders(record, container, own.attempt);
    await this.#making.get(folders.run)?.catch(() => undefined);
    if ((await findLaunched(folders.pid)) === undefined) return;
    killContainer(folders.cgroup);
    await removeCgroup(folders.cgroup, { clock: this.#world().clock, timeoutMs: CGROUP_TIMEOUT_MS });
  }

  async #ensure(target: ExecTarget, folders: ContainerFolders, signal: AbortSignal): Promise<void> {
    // Two calls at once must not make two.
    const making = this.#making.get(folders.run) ?? this.#make(target, folders, signal);
    this.#making.set(folders.run, making);
    try {
      await making;
    } finally {
      this.#making.delete(folders.run);
    }
  }

  async #make(target: ExecTarget, folders: ContainerFolders, signal: AbortSignal): Promise<void> {
    if ((await findLaunched(folders.pid)) !== undefined) return;
    const { pod, container, record } = target;
    const attempt = record.containers[container.name]?.attempt ?? 0;
    const { sandbox } = record;
    if (sandbox === undefined) throw new FairleadError('unavailable', 'pod has no sandbox');
    const launch = await prepareLaunch(this.#world(), { pod, record, container, attempt, sandbox });
    await mkdir(folders.run, { recursive: true });
    const script = this.#world().node(record.node).folders.agnhost;
    const binds = [...launch.binds, ...agnhostBinds(container, script)];
    const spec = launchSpecOf({ ...launch, binds }, this.#around, true);
    await this.#launcher.start(spec, folders.spec, signal);
  }

  #folders(record: PodRecord, container: string, attempt: number): ContainerFolders {
    return this.#world().node(record.node).folders.container(record, container, attempt);
  }
}
