// Takes a cluster away whatever state it is in: everything is found by name on the machine, nothing is remembered.

import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import { clusterPaths, type PathRoots } from '../../base/paths.ts';
import { killCgroup, removeCgroup } from '../../sys/cgroup.ts';
import { unmount } from '../../sys/mount.ts';
import { listMounts } from '../../sys/mountinfo.ts';
import { openNetlink } from '../../sys/netlink.ts';
import { deleteNetns } from '../../sys/netns.ts';
import { hostLinkOf } from './cluster-config.ts';
import { isRecordAlive, liveRecords, recordFolder } from './process-record.ts';

const GRACE_MS = 3_000;
const POLL_MS = 20;

export interface TearDownOptions {
  readonly cluster: string;
  readonly roots: PathRoots;
  readonly clock: Clock;
  readonly onStep: (text: string) => void;
}

/** True when anything of the cluster was there. Safe to repeat; what fails names itself and leaves the rest for the next call. */
export async function tearDown(options: TearDownOptions): Promise<boolean> {
  const paths = clusterPaths(options.roots, options.cluster);
  const found = remains(options).length > 0;
  options.onStep('processes');
  await endProcesses(options);
  options.onStep('links and namespaces');
  await removeHostLink(options.cluster);
  for (const name of namespacesOf(options)) await deleteNetns(`${options.roots.netns}/${name}`);
  options.onStep('files, mounts and cgroups');
  // The deepest first: an overlay in a folder of the run folder must go before the folder's own mount.
  for (const root of [paths.run, paths.state]) await unmountBelow(root);
  await removeCgroup(paths.cgroup, { clock: options.clock, timeoutMs: GRACE_MS });
  rmSync(paths.run, { recursive: true, force: true });
  rmSync(paths.state, { recursive: true, force: true });
  for (const root of [options.roots.run, options.roots.state, options.roots.cgroup]) removeIfEmpty(root);
  return found;
}

/** What stands of the cluster on this machine, in words; empty when nothing does. */
export function remains(options: Pick<TearDownOptions, 'cluster' | 'roots'>): readonly string[] {
  const paths = clusterPaths(options.roots, options.cluster);
  const folders = [paths.run, paths.state, paths.cgroup].filter((folder) => existsSync(folder));
  const link = `/sys/class/net/${hostLinkOf(options.cluster)}`;
  return [
    ...liveRecords(recordFolder(options.roots, options.cluster)).map(
      (record) => `process ${record.name} (${record.pid})`,
    ),
    ...namespacesOf(options).map((name) => `namespace ${name}`),
    ...(existsSync(link) ? [`link ${hostLinkOf(options.cluster)}`] : []),
    ...folders.map((folder) => `folder ${folder}`),
  ];
}

function namespacesOf(options: Pick<TearDownOptions, 'cluster' | 'roots'>): readonly string[] {
  if (!existsSync(options.roots.netns)) return [];
  return readdirSync(options.roots.netns).filter((name) => name.startsWith(`${options.cluster}.`));
}

async function endProcesses(options: TearDownOptions): Promise<void> {
  const folder = recordFolder(options.roots, options.cluster);
  const records = liveRecords(folder);
  // The supervisor first, or it would start again what ends.
  const order = [
    ...records.filter((it) => it.name === 'supervisor'),
    ...records.filter((it) => it.name !== 'supervisor'),
  ];
  for (const record of order) {
    signalProcess(record.pid, 'SIGTERM');
    if (record.name === 'supervisor') await until(options.clock, () => !isRecordAlive(record), GRACE_MS);
  }
  await until(options.clock, () => !records.some(isRecordAlive), GRACE_MS);
  for (const record of records.filter(isRecordAlive)) signalProcess(record.pid, 'SIGKILL');
  // What pods and `exec` started has no record: it is found by its cgroup.
  const cgroup = clusterPaths(options.roots, options.cluster).cgroup;
  if (existsSync(cgroup)) killCgroup(cgroup);
}

/** The last one mounted goes first: an overlay in a folder before the folder's own mount. */
async function unmountBelow(root: string): Promise<void> {
  const targets = listMounts().map((entry) => entry.target);
  for (const target of targets.filter((it) => it.startsWith(`${root}/`)).toReversed()) await unmount(target);
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function until(clock: Clock, isDone: () => boolean, timeoutMs: number): Promise<boolean> {
  const endMs = clock.monotonicMs() + timeoutMs;
  while (!isDone()) {
    if (clock.monotonicMs() > endMs) return false;
    await clock.sleep(POLL_MS);
  }
  return true;
}

async function removeHostLink(cluster: string): Promise<void> {
  const netlink = openNetlink();
  try {
    const name = hostLinkOf(cluster);
    if ((await netlink.link(name)) !== undefined) await netlink.apply([{ kind: 'delete-link', name }]);
  } finally {
    netlink.close();
  }
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOTEMPTY' && code !== 'ENOENT' && code !== 'EBUSY') throw error;
  }
}
