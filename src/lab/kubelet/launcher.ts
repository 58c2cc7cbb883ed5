// Starts, finds and ends the processes that native/run makes. Knows files and processes, not pods.

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { FairleadError, messageOf } from '../../base/errors.ts';
import { createCgroup, killCgroup } from '../../sys/cgroup.ts';
import { isAlive, runProgram } from '../../sys/process.ts';
import { formatLaunchSpec, type LaunchSpec } from './launch-spec.ts';

/** How a container's program ended, as its monitor wrote it. */
export interface LaunchExit {
  readonly exitCode: number;
  readonly signal: number | undefined;
  readonly finishedAtMs: number;
}

/** A process named for good: number and start time. */
export interface LaunchedProcess {
  readonly pid: number;
  readonly startTime: number;
}

export interface Launched {
  readonly monitor: LaunchedProcess;
  /** PID 1 of the container. */
  readonly init: LaunchedProcess;
}

const START_TIMEOUT_MS = 20_000;

export class Launcher {
  readonly #program: string;

  /** `program` is the path of fairlead-run. */
  constructor(program: string) {
    this.#program = program;
  }

  /** Resolves when the program runs. Throws `kernel` with the launcher's words where it cannot be started. */
  async start(spec: LaunchSpec, specFile: string, signal: AbortSignal): Promise<void> {
    await mkdir(spec.root, { recursive: true });
    await rm(spec.pid, { force: true });
    createCgroup(spec.cgroup);
    await writeFile(specFile, formatLaunchSpec(spec), { mode: 0o600 });
    try {
      await runProgram(this.#program, ['start', specFile], { timeoutMs: START_TIMEOUT_MS, signal });
    } catch (error) {
      const words = error instanceof FairleadError ? error.details['stderr'] : undefined;
      const text = typeof words === 'string' && words !== '' ? words : messageOf(error);
      // The program's own name is of no use to the reader.
      throw new FairleadError('kernel', text.replace(/^fairlead-run: /, ''), { cause: error });
    }
  }

  /** A further process in a container; descriptors: 0 to 2 streams, 3 terminal sizes, 4 the reason of a failed start. */
  exec(specFile: string, args: readonly string[], hasTty: boolean): ChildProcess {
    const flags = hasTty ? ['--tty'] : [];
    return spawn(this.#program, ['exec', ...flags, specFile, '--', ...args], {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
      env: {},
    });
  }

  /** The streams of a container's own program, as a process with the descriptors of `exec`; it ends with the container. */
  attach(specFile: string, hasStdin: boolean): ChildProcess {
    const flags = hasStdin ? ['--stdin'] : [];
    return spawn(this.#program, ['attach', ...flags, specFile], {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
      env: {},
    });
  }
}

/** The processes of a pid file; undefined where there is none or PID 1 runs no more. */
export async function findLaunched(pidFile: string): Promise<Launched | undefined> {
  const text = await readFile(pidFile, 'utf8').catch(() => '');
  const [monitorPid = 0, monitorStart = 0, pid = 0, startTime = 0] = text.trim().split(' ').map(Number);
  if (!(pid > 0) || !isAlive(pid, startTime)) return undefined;
  return { monitor: { pid: monitorPid, startTime: monitorStart }, init: { pid, startTime } };
}

/** Undefined where the container has not ended (or its monitor was killed). */
export async function readExit(exitFile: string): Promise<LaunchExit | undefined> {
  const text = await readFile(exitFile, 'utf8').catch(() => '');
  const [exitCode, signal, finishedAtMs] = text.trim().split(' ').map(Number);
  if (exitCode === undefined || signal === undefined || finishedAtMs === undefined) return undefined;
  return { exitCode, signal: signal === 0 ? undefined : signal, finishedAtMs };
}

/** Sends a signal to a process that is surely the one meant; a process that is gone is no error. */
export function signalProcess(process_: LaunchedProcess, signal: NodeJS.Signals): void {
  if (!isAlive(process_.pid, process_.startTime)) return;
  try {
    process.kill(process_.pid, signal);
  } catch (error) {
    // Ended between the look and the signal.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Ends all processes of a container for good. */
export function killContainer(cgroup: string): void {
  try {
    killCgroup(cgroup);
  } catch (error) {
    if (!(error instanceof FairleadError && error.code === 'not-found')) throw error;
  }
}
