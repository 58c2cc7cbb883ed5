// Control groups, version 2. Paths are those of the mounted hierarchy, whole.

import { mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { FairleadError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { errnoOf, wrapNodeError } from './errno.ts';
import { listMounts, type MountEntry } from './mountinfo.ts';

const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 100;

/** Where version 2 is mounted: /sys/fs/cgroup, or below it beside version 1 on hybrid systems; undefined where it is not. */
export function findCgroupMount(mounts: readonly MountEntry[] = listMounts()): string | undefined {
  const targets = mounts.filter((entry) => entry.type === 'cgroup2').map((entry) => entry.target);
  return targets.find((target) => target.startsWith('/sys/fs/cgroup')) ?? targets[0];
}

/** Makes the group and its parents; one that is there is no error. */
export function createCgroup(cgroup: string): void {
  attempt(`create cgroup ${cgroup}`, () => mkdirSync(cgroup, { recursive: true }));
}

/**
 * Removes the group and all below it, deepest first. A group whose processes are ending is tried again until `timeoutMs`, then `timeout`.
 * One that is gone is no error.
 */
export async function removeCgroup(
  cgroup: string,
  options: { readonly clock: Clock; readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<void> {
  const { clock, timeoutMs, signal } = options;
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  for (let pauseMs = FIRST_PAUSE_MS; !tryRemove(cgroup); pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    if (clock.monotonicMs() >= deadlineMs) {
      const count = cgroupPids(cgroup, { isDeep: true }).length;
      throw new FairleadError(
        'timeout',
        `Cannot remove cgroup ${cgroup}: ${count} processes are in it after ${timeoutMs} ms`,
        { details: { errno: 'EBUSY' } },
      );
    }
    await clock.sleep(pauseMs, signal);
  }
}

/** Processes in the group, and in those below it where `isDeep`. A group that is gone has none. */
export function cgroupPids(cgroup: string, options: { readonly isDeep?: boolean } = {}): readonly number[] {
  try {
    const own = readFileSync(`${cgroup}/cgroup.procs`, 'utf8').split('\n').filter(Boolean).map(Number);
    if (options.isDeep !== true) return own;
    return [...own, ...childrenOf(cgroup).flatMap((child) => cgroupPids(child, options))];
  } catch (error) {
    if (isGone(error)) return [];
    throw wrapNodeError(`list processes of cgroup ${cgroup}`, error);
  }
}

/** Moves a process with all its threads; `not-found` (ESRCH) where it has ended. */
export function moveToCgroup(cgroup: string, pid: number): void {
  attempt(`move process ${pid} to cgroup ${cgroup}`, () =>
    writeFileSync(`${cgroup}/cgroup.procs`, String(pid), { flag: 'r+' }),
  );
}

/** Ends every process in the group and below by SIGKILL, also those that fork meanwhile (cgroup.kill, Linux 5.14). */
export function killCgroup(cgroup: string): void {
  attempt(`kill cgroup ${cgroup}`, () => writeFileSync(`${cgroup}/cgroup.kill`, '1', { flag: 'r+' }));
}

/** The number by which BPF programs know the group (bpf_get_current_cgroup_id). */
export function cgroupId(cgroup: string): bigint {
  return attempt(`read cgroup ${cgroup}`, () => statSync(cgroup, { bigint: true }).ino);
}

/** The group of a process in the version 2 hierarchy, relative to its mount: "/user.slice/x". */
export function cgroupOfProcess(pid: number): string | undefined {
  const text = attempt(`read cgroup of process ${pid}`, () => readFileSync(`/proc/${pid}/cgroup`, 'utf8'));
  return text
    .split('\n')
    .find((line) => line.startsWith('0::'))
    ?.slice(3);
}

function tryRemove(cgroup: string): boolean {
  try {
    const isEmpty = childrenOf(cgroup).map(tryRemove).every(Boolean);
    if (isEmpty) rmdirSync(cgroup);
    return isEmpty;
  } catch (error) {
    if (isGone(error)) return true;
    if (errnoOf(error) === 'EBUSY') return false;
    throw wrapNodeError(`remove cgroup ${cgroup}`, error);
  }
}

function childrenOf(cgroup: string): readonly string[] {
  return readdirSync(cgroup, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${cgroup}/${entry.name}`);
}

/** ENODEV: the group went while one of its files was open. */
function isGone(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENODEV';
}

function attempt<T>(action: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw wrapNodeError(action, error);
  }
}
