// Notices how the containers of one node end: exit files that monitors write, the exit stream of the workload process, and a
// look at everything now and then for ends that left no word.

import { mkdir, readdir } from 'node:fs/promises';
import { watch } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { ControlClient } from '../workload/control-client.ts';
import type { WorkloadStatus } from '../workload/workload-spec.ts';
import { findLaunched, readExit } from './launcher.ts';
import { parseExitName, type NodeFolders } from './pod-folders.ts';
import type { ContainerRecord, PodRecord } from './pod-record.ts';
import type { PodSet } from './pod-set.ts';

export interface ExitWatchOptions {
  readonly node: string;
  readonly folders: NodeFolders;
  readonly client: ControlClient;
  readonly pods: PodSet;
  readonly clock: Clock;
  readonly log: (message: string) => void;
}

const LOOK_MS = 10_000;
const RECONNECT_MS = 300;
/** What container runtimes show for an end that nobody saw. */
const LOST_EXIT_CODE = 137;

export class ExitWatch {
  readonly #options: ExitWatchOptions;
  #isConnected = false;

  constructor(options: ExitWatchOptions) {
    this.#options = options;
  }

  /** Whether the node's workload process answers. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  async run(signal: AbortSignal): Promise<void> {
    await mkdir(this.#options.folders.exits, { recursive: true });
    await Promise.all([
      this.#watchFiles(signal),
      this.#watchWorkloads(signal),
      this.#look(signal),
      this.#lookAtAdopted(signal),
    ]);
  }

  async #watchFiles(signal: AbortSignal): Promise<void> {
    const { exits } = this.#options.folders;
    while (!signal.aborted) {
      try {
        const changes = watch(exits, { signal });
        // The watch stands before the first look, so that nothing falls between the two.
        const first = changes.next();
        for (const file of await readdir(exits)) await this.#read(file);
        for (let change = await first; change.done !== true; change = await changes.next()) {
          await this.#read(change.value.filename ?? '');
        }
      } catch (error) {
        if (signal.aborted) return;
        this.#options.log(`exit files of ${this.#options.node}: ${messageOf(error)}`);
        await this.#options.clock.sleep(RECONNECT_MS, signal).catch(() => undefined);
      }
    }
  }

  async #read(file: string): Promise<void> {
    const run = parseExitName(file);
    const exit = run === undefined ? undefined : await readExit(`${this.#options.folders.exits}/${file}`);
    if (run !== undefined && exit !== undefined) {
      this.#options.pods.noteExit(run.uid, run.container, run.attempt, exit);
    }
  }

  async #watchWorkloads(signal: AbortSignal): Promise<void> {
    const { client, clock, log, node } = this.#options;
    let wasConnected = true;
    while (!signal.aborted) {
      try {
        await client.watchExits(
          {
            onOpen: () => void this.#reconcile(signal).catch((error: unknown) => log(messageOf(error))),
            onExit: (status) => this.#noteWorkload(status),
          },
          signal,
        );
      } catch (error) {
        if (this.#isConnected || wasConnected) log(`workload process of ${node}: ${messageOf(error)}`);
        wasConnected = this.#isConnected;
        this.#isConnected = false;
        await clock.sleep(RECONNECT_MS, signal).catch(() => undefined);
      }
    }
  }

  /** What should run there and does not has ended with an earlier process of the node. */
  async #reconcile(signal: AbortSignal): Promise<void> {
    const list = await this.#options.client.list(signal);
    this.#isConnected = true;
    for (const status of list) this.#noteWorkload(status);
    const served = new Set(list.map((it) => `${it.podUid}/${it.container}/${it.attempt}`));
    for (const [record, container] of this.#running('workload')) {
      if (served.has(`${record.uid}/${container.name}/${container.attempt}`)) continue;
      this.#noteLost(record, container);
    }
  }

  #noteWorkload(status: WorkloadStatus): void {
    if (status.state.kind !== 'exited') return;
    const { exitCode, finishedAtMs } = status.state;
    const exit = { exitCode, signal: undefined, finishedAtMs };
    this.#options.pods.noteExit(status.podUid, status.container, status.attempt, exit);
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await this.#lookAtProcesses();
      await clock.sleep(LOOK_MS, signal).catch(() => undefined);
    }
  }

  async #lookAtProcesses(): Promise<void> {
    const { folders, pods } = this.#options;
    for (const [record, container] of this.#running('process')) {
      const of = folders.container(record, container.name, container.attempt);
      if ((await findLaunched(of.pid)) !== undefined) continue;
      const exit = await readExit(of.exit);
      if (exit === undefined) this.#noteLost(record, container);
      else pods.noteExit(record.uid, container.name, container.attempt, exit);
    }
  }

  /** What ended while no kubelet looked: nobody could be told before the pods of the API were known. */
  async #lookAtAdopted(signal: AbortSignal): Promise<void> {
    await this.#options.pods.known;
    if (signal.aborted) return;
    await this.#lookAtProcesses();
    // Without a connection it is done when there is one.
    if (this.#isConnected)
      await this.#reconcile(signal).catch((error: unknown) => this.#options.log(messageOf(error)));
  }

  #noteLost(record: PodRecord, container: ContainerRecord): void {
    this.#options.pods.noteExit(record.uid, container.name, container.attempt, {
      exitCode: LOST_EXIT_CODE,
      signal: undefined,
      finishedAtMs: this.#options.clock.nowMs(),
    });
  }

  /** Containers of the node that were surely started: not those whose start is under way. */
  #running(runner: ContainerRecord['runner']): readonly (readonly [PodRecord, ContainerRecord])[] {
    const found: (readonly [PodRecord, ContainerRecord])[] = [];
    for (const worker of this.#options.pods.workers()) {
      if (worker.record.node !== this.#options.node) continue;
      for (const container of Object.values(worker.record.containers)) {
        const isRunning = container.state.kind === 'running' && !worker.isStarting(container.name);
        if (isRunning && container.runner === runner) found.push([worker.record, container]);
      }
    }
    return found;
  }
}
