// One command at a time changes a cluster, and one at a time chooses what clusters of a machine share.

import { ftruncateSync, readFileSync, writeSync } from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import { FairleadError } from '../../base/errors.ts';
import type { PathRoots } from '../../base/paths.ts';
import { tryLockFile, type FileLock } from '../../sys/file-lock.ts';

const POLL_MS = 50;
/** No command holds the lock longer than it takes to make or remove namespaces, also on a machine that is busy. */
const PATIENCE_MS = 60_000;

export interface LockOptions {
  readonly roots: PathRoots;
  /** For whoever waits: "fairlead up". */
  readonly command: string;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  readonly onDetail: (text: string) => void;
}

/** Waits until no other command works on the cluster; after a minute `conflict` says which one does. */
export function lockCluster(cluster: string, options: LockOptions): Promise<FileLock> {
  return lock(`${options.roots.run}/${cluster}.lock`, `cluster "${cluster}"`, options);
}

/** Held while a new cluster chooses its number among those of the machine. A cluster's name cannot begin with a dot. */
export function lockMachine(options: LockOptions): Promise<FileLock> {
  return lock(`${options.roots.run}/.lock`, 'the clusters of this machine', options);
}

async function lock(file: string, what: string, options: LockOptions): Promise<FileLock> {
  const { clock, signal } = options;
  const endMs = clock.monotonicMs() + PATIENCE_MS;
  for (;;) {
    const found = tryLockFile(file);
    if (found !== undefined) {
      ftruncateSync(found.fd);
      writeSync(found.fd, `"${options.command}" (process ${process.pid})`, 0);
      return found;
    }
    const holder = holderOf(file);
    if (clock.monotonicMs() > endMs)
      throw new FairleadError(
        'conflict',
        `Cannot change ${what}: ${holder} works on it; end that one or wait for it`,
      );
    options.onDetail(`waiting for ${holder}`);
    await clock.sleep(POLL_MS, signal);
  }
}

function holderOf(file: string): string {
  try {
    const text = readFileSync(file, 'utf8');
    if (text !== '') return text;
  } catch {
    // It was given back this moment.
  }
  return 'another command';
}
