// One supervisor per cluster, also when two are started at the same moment: the kernel keeps the lock as long as the process lives.

import { clusterPaths, type PathRoots } from '../../base/paths.ts';
import { tryLockFile, type FileLock } from '../../sys/file-lock.ts';
import { recordFolder, recordOf, writeRecord } from './process-record.ts';

/** Name of the supervisor's own record. */
export const SUPERVISOR = 'supervisor';

/** This process as the supervisor, for all its life; undefined where another one is. */
export function lockSupervision(roots: PathRoots, cluster: string): FileLock | undefined {
  const lock = tryLockFile(lockFile(roots, cluster));
  if (lock !== undefined) writeRecord(recordFolder(roots, cluster), recordOf(SUPERVISOR, process.pid));
  return lock;
}

export function isSupervised(roots: PathRoots, cluster: string): boolean {
  const lock = tryLockFile(lockFile(roots, cluster));
  lock?.release();
  return lock === undefined;
}

function lockFile(roots: PathRoots, cluster: string): string {
  return `${clusterPaths(roots, cluster).run}/supervisor.lock`;
}
