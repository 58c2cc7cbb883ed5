// Starts the processes of a cluster and starts again what ends. It adopts what an earlier supervisor started and leaves
// everything running when it ends itself: ending the cluster is `down`'s business.

import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import { clusterPaths, type PathRoots } from '../../base/paths.ts';
import type { ClusterConfig } from './cluster-config.ts';
import {
  isRecordAlive,
  liveRecords,
  recordOf,
  recordFolder,
  removeRecord,
  writeRecord,
  type ProcessRecord,
} from './process-record.ts';
import { commandLine, configFileOf, runningProcesses } from './process-start.ts';
import type { ProcessSpec } from './process-table.ts';

const POLL_MS = 300;
/** Pause before the n-th start in a row: at once, then doubling; a process that ran for `HEALTHY_MS` starts from the beginning. */
const BACKOFF_MS = [0, 200, 400, 800, 1600, 3200, 5000] as const;
const HEALTHY_MS = 10_000;

export interface SupervisorOptions {
  readonly cluster: ClusterConfig;
  readonly roots: PathRoots;
  readonly processes: readonly ProcessSpec[];
  /** bin/fairlead of this clone. */
  readonly program: string;
  readonly clock: Clock;
  readonly log: (event: Readonly<Record<string, unknown>>) => void;
}

/** Runs until `signal` aborts. */
export async function supervise(options: SupervisorOptions, signal: AbortSignal): Promise<void> {
  const { roots, cluster, processes } = options;
  const folder = recordFolder(roots, cluster.name);
  const alive = new Map([
    ...liveRecords(folder).map((record) => [record.name, record] as const),
    ...runningProcesses(processes, { cluster: cluster.name, roots }),
  ]);
  // What an earlier supervisor could not write down any more is written down now.
  for (const record of alive.values()) writeRecord(folder, record);
  await Promise.all(
    processes.map((spec) => keepRunning(options, { spec, adopted: alive.get(spec.name) }, signal)),
  );
}

async function keepRunning(
  options: SupervisorOptions,
  it: { readonly spec: ProcessSpec; readonly adopted: ProcessRecord | undefined },
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  let adopted = it.adopted;
  while (!signal.aborted) {
    const startedMs = options.clock.monotonicMs();
    if (adopted === undefined) await runOnce(options, it.spec, signal);
    else await untilEnded(options.clock, adopted, signal);
    adopted = undefined;
    if (signal.aborted) return;
    failures = options.clock.monotonicMs() - startedMs > HEALTHY_MS ? 0 : failures + 1;
    const pauseMs = BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)] ?? 0;
    await options.clock.sleep(pauseMs, signal).catch(() => undefined);
  }
}

/** Polls, since only a parent can wait for a process. */
async function untilEnded(clock: Clock, record: ProcessRecord, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && isRecordAlive(record)) await clock.sleep(POLL_MS, signal).catch(() => undefined);
}

async function runOnce(options: SupervisorOptions, spec: ProcessSpec, signal: AbortSignal): Promise<void> {
  const folder = recordFolder(options.roots, options.cluster.name);
  const child = startProcess(options, spec);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, bySignal) => resolve(bySignal ?? `exit code ${code}`));
  });
  if (child.pid !== undefined) {
    writeRecord(folder, recordOf(spec.name, child.pid));
    options.log({ event: 'started', process: spec.name, pid: child.pid });
  }
  const aborted = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  const how = await Promise.race([ended, aborted]);
  if (how === undefined) return child.unref();
  removeRecord(folder, spec.name);
  options.log({ event: 'ended', process: spec.name, how });
}

function startProcess(options: SupervisorOptions, spec: ProcessSpec): ChildProcess {
  const paths = clusterPaths(options.roots, options.cluster.name);
  const configFile = configFileOf(options.roots, options.cluster.name, spec.name);
  mkdirSync(`${paths.run}/config`, { recursive: true });
  mkdirSync(paths.log, { recursive: true });
  writeFileSync(configFile, `${JSON.stringify(spec.config, undefined, 2)}\n`);
  const log = openSync(`${paths.log}/${spec.name}.log`, 'a');
  try {
    const [program = '', ...args] = commandLine(spec, { ...options, cluster: options.cluster.name });
    // A session of its own: neither a terminal's Ctrl-C nor the supervisor's end reaches it.
    return spawn(program, args, { detached: true, stdio: ['ignore', log, log], cwd: '/' });
  } finally {
    closeSync(log);
  }
}
