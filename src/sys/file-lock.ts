// Exclusive locks between processes on this machine (flock 2): the kernel gives them back when the holder ends, however it ends.

import { closeSync, constants, fstatSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { errnoOf, kernelError, wrapNodeError } from './errno.ts';
import { flock, lastErrno } from './ffi.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;
const EWOULDBLOCK = 11;
const EINTR = 4;

/** A held lock. */
export interface FileLock {
  readonly path: string;
  readonly fd: number;
  /** Gives it back and takes the file away; idempotent. */
  release(): void;
}

/** The lock on the file at `lockPath`, which is made with its folder where it is missing; undefined while another process holds it. */
export function tryLockFile(lockPath: string): FileLock | undefined {
  for (;;) {
    const fd = openLockFile(lockPath);
    const outcome = flockNow(fd, lockPath);
    // A holder takes the file away before it lets go: whoever waited for that file then holds a lock that nobody else can see.
    if (outcome === 'locked' && isFileAt(fd, lockPath)) return held(fd, lockPath);
    closeSync(fd);
    if (outcome === 'busy') return undefined;
  }
}

function openLockFile(lockPath: string): number {
  for (let attempt = 1; ; attempt++) {
    try {
      mkdirSync(path.dirname(lockPath), { recursive: true, mode: 0o755 });
      return openSync(lockPath, constants.O_RDWR | constants.O_CREAT, 0o644);
    } catch (error) {
      // The folder went between the two calls: somebody tidied up.
      if (errnoOf(error) !== 'ENOENT' || attempt >= 10) throw wrapNodeError(`open lock ${lockPath}`, error);
    }
  }
}

function flockNow(fd: number, lockPath: string): 'locked' | 'busy' | 'again' {
  if (flock(fd, LOCK_EX | LOCK_NB) === 0) return 'locked';
  const errno = lastErrno();
  if (errno === EWOULDBLOCK) return 'busy';
  if (errno === EINTR) return 'again';
  closeSync(fd);
  throw kernelError({ action: `lock ${lockPath}`, errno });
}

function isFileAt(fd: number, lockPath: string): boolean {
  const there = statSync(lockPath, { throwIfNoEntry: false });
  const mine = fstatSync(fd);
  return there?.ino === mine.ino && there.dev === mine.dev;
}

function held(fd: number, lockPath: string): FileLock {
  let isHeld = true;
  return {
    path: lockPath,
    fd,
    release: () => {
      if (!isHeld) return;
      isHeld = false;
      rmSync(lockPath, { force: true });
      closeSync(fd);
    },
  };
}
