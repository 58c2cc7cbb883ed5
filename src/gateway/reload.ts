// Bringing HAProxy to another structure: a reload by its master, watched until the new worker answers or is known to have failed.

import type { Clock } from '../base/clock.ts';
import { FairleadError, hasCode } from '../base/errors.ts';
import { runProgram } from '../sys/process.ts';
import type { HaproxySocket } from '../sys/haproxy-socket.ts';
import { observeProcess } from './observe.ts';

export interface ReloadSockets {
  readonly admin: HaproxySocket;
  readonly master: HaproxySocket;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const POLL_MS = 10;
const TIMEOUT_MS = 60_000;

/** Throws `kernel` with HAProxy's own words where it does not take the file. It binds nothing. */
export async function checkConfig(program: string, file: string, signal: AbortSignal): Promise<void> {
  await runProgram(program, ['-c', '-f', file], { signal });
}

/**
 * True when the worker of the structure answers, and no other one any more; false where it could not start: the one before serves on then. Both accept at the same command
 * socket until the one before has heard that it is to stop.
 */
export async function reload(sockets: ReloadSockets, structure: string): Promise<boolean> {
  const { admin, master, clock, signal } = sockets;
  const failedBefore = failedReloads(await master.send('show proc\n'));
  const before = await observeProcess(admin).catch(ignoreUnavailable);
  // The master begins anew at once and may not find the time to say so.
  await master.send('reload\n').catch(ignoreUnavailable);
  const endMs = clock.monotonicMs() + TIMEOUT_MS;
  for (;;) {
    const seen = await observeProcess(admin).catch(ignoreUnavailable);
    if (seen?.structure === structure && (await isStopping(master, before?.pid))) return true;
    const processes = await master.send('show proc\n').catch(ignoreUnavailable);
    if (processes !== undefined && failedReloads(processes) > failedBefore) return false;
    if (clock.monotonicMs() > endMs)
      throw new FairleadError('timeout', `Cannot reload HAProxy: no new worker after ${TIMEOUT_MS} ms`);
    await clock.sleep(POLL_MS, signal);
  }
}

/** Whether a worker accepts nothing any more, or is gone (management.txt, 9.4). */
async function isStopping(master: HaproxySocket, pid: number | undefined): Promise<boolean> {
  if (pid === undefined) return true;
  const info = await master.send(`@!${pid} show info\n`).catch(ignoreUnavailable);
  // The master itself begins anew, and is away for a moment.
  return info !== undefined && !/^Stopping: 0$/m.test(info);
}

function failedReloads(processes: string): number {
  return Number(/\bmaster\b.*\[failed: (\d+)\]/.exec(processes)?.[1] ?? 0);
}

function ignoreUnavailable(error: unknown): undefined {
  if (hasCode(error, 'unavailable')) return undefined;
  throw error;
}
