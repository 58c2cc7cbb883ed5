// Takes a cluster away whatever state it is in: everything is found by name on the machine, nothing is remembered.

import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import { clusterPaths, type PathRoots } from '../../base/paths.ts';
import { cgroupPids, killCgroup, removeCgroup } from '../../sys/cgroup.ts';
import { unmount } from '../../sys/mount.ts';
import { listMounts } from '../../sys/mountinfo.ts';
import { openNetlink } from '../../sys/netlink.ts';
import type { Netlink } from '../../sys/netlink-types.ts';
import { deleteNetns } from '../../sys/netns.ts';
import { hostLinkMac, hostLinkOf, removeClusterConfig } from './cluster-config.ts';
import { isRecordAlive, liveRecords, recordFolder } from './process-record.ts';

/** A busy machine needs its time to end hundreds of processes. */
const GRACE_MS = 15_000;
const POLL_MS = 20;

export interface TearDownOptions {
  readonly cluster: string;
  readonly roots: PathRoots;
  readonly clock: Clock;
  readonly onStep: (text: string) => void;
}

/**
 * True when anything of the cluster was there. Whoever calls holds the cluster's lock. Safe to repeat: what fails names itself, does not hold up
 * the rest, and is tried again by the next call. The settings go first, so that an end half-way is never taken for a cluster.
 */
export async function tearDown(options: TearDownOptions): Promise<boolean> {
  const { cluster, roots, clock } = options;
  const paths = clusterPaths(roots, cluster);
  const found = (await remains(options)).length > 0;
  removeClusterConfig(roots, cluster);
  options.onStep('processes');
  await endProcesses(options);
  options.onStep('links and namespaces');
  await removeHostLink(cluster);
  await allOf(namespacesOf(options).map((name) => deleteNetns(`${roots.netns}/${name}`)));
  options.onStep('files, mounts and cgroups');
  // The deepest first: an overlay in a folder of the run folder must go before the folder's own mount.
  for (const root of [paths.run, paths.state]) await unmountBelow(root);
  await removeCgroup(paths.cgroup, { clock, timeoutMs: GRACE_MS });
  for (const folder of [paths.run, paths.state]) rmSync(folder, { recursive: true, force: true });
  return found;
}

/** Removes the folders that all clusters share where no cluster is left. */
export function removeSharedFolders(roots: PathRoots): void {
  for (const root of [roots.run, roots.state, roots.cgroup]) removeIfEmpty(root);
}

/** Waits for all, then throws the first failure. */
async function allOf(works: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(works);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** What stands of the cluster on this machine, in words; empty when nothing does. */
export async function remains(
  options: Pick<TearDownOptions, 'cluster' | 'roots'>,
): Promise<readonly string[]> {
  const paths = clusterPaths(options.roots, options.cluster);
  const folders = [paths.run, paths.state, paths.cgroup].filter((folder) => existsSync(folder));
  return [
    ...liveRecords(recordFolder(options.roots, options.cluster)).map(
      (record) => `process ${record.name} (${record.pid})`,
    ),
    ...namespacesOf(options).map((name) => `namespace ${name}`),
    ...((await withHostLink(options.cluster)) ? [`link ${hostLinkOf(options.cluster)}`] : []),
    ...folders.map((folder) => `folder ${folder}`),
  ];
}

function namespacesOf(options: Pick<TearDownOptions, 'cluster' | 'roots'>): readonly string[] {
  if (!existsSync(options.roots.netns)) return [];
  return readdirSync(options.roots.netns).filter((name) => name.startsWith(`${options.cluster}.`));
}

/**
 * All at once, by the cgroup that everything was started in: the supervisor has no moment to start again what ends. Nothing is asked to end
 * politely, since nothing of it is kept.
 */
async function endProcesses(options: TearDownOptions): Promise<void> {
  const { cgroup } = clusterPaths(options.roots, options.cluster);
  const records = liveRecords(recordFolder(options.roots, options.cluster));
  if (existsSync(cgroup)) killCgroup(cgroup);
  for (const record of records.filter(isRecordAlive)) killProcess(record.pid);
  const hasEnded = (): boolean =>
    !records.some(isRecordAlive) && cgroupPids(cgroup, { isDeep: true }).length === 0;
  const endMs = options.clock.monotonicMs() + GRACE_MS;
  while (!hasEnded() && options.clock.monotonicMs() < endMs) await options.clock.sleep(POLL_MS);
}

/** The last one mounted goes first: an overlay in a folder before the folder's own mount. */
async function unmountBelow(root: string): Promise<void> {
  const targets = listMounts().map((entry) => entry.target);
  for (const target of targets.filter((it) => it.startsWith(`${root}/`)).toReversed()) await unmount(target);
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function removeHostLink(cluster: string): Promise<void> {
  await withHostLink(cluster, (netlink, name) => netlink.apply([{ kind: 'delete-link', name }]));
}

/** Whether the cluster's link is there, after `use` of it; a link of its name that is somebody else's is none. */
async function withHostLink(
  cluster: string,
  use?: (netlink: Netlink, name: string) => Promise<unknown>,
): Promise<boolean> {
  const netlink = openNetlink();
  try {
    const name = hostLinkOf(cluster);
    const isThere = (await netlink.link(name))?.mac === hostLinkMac(cluster);
    if (isThere) await use?.(netlink, name);
    return isThere;
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
