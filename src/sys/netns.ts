// Network namespaces, kept alive by a bind mount as `ip netns` keeps them, and the synchronous visit of one.
// Only the main thread ever switches: worker threads of Node and of the FFI stay where the process was started.

import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { FairleadError, messageOf } from '../base/errors.ts';
import { kernelError, wrapNodeError } from './errno.ts';
import { checked, flock, lastErrno, mount, setns, umount2, unshare } from './ffi.ts';
import { workerCall } from './worker-call.ts';

const CLONE_NEWNET = 0x40000000;
const MS_BIND = 0x1000;
const MS_REC = 0x4000;
const MS_SHARED = 0x100000;
const MNT_DETACH = 2;
const LOCK_EX = 2;
const NSFS_MAGIC = 0x6e736673;
const EINVAL = 22;
/** The namespace of the calling thread; /proc/self would name that of the main thread. */
const OWN_NETNS = '/proc/thread-self/ns/net';

/** An open network namespace; it lives at least as long as the descriptor is open. */
export interface Netns {
  readonly fd: number;
  /** Where it was opened, for messages. */
  readonly path: string;
  close(): void;
}

/** Makes a namespace at `path` (below /run/netns, so that `ip netns` knows it); `already-exists` where something is there. */
export function createNetns(netnsPath: string): void {
  shareNetnsFolder(path.dirname(netnsPath));
  const action = `create namespace ${netnsPath}`;
  attempt(action, () => closeSync(openSync(netnsPath, constants.O_CREAT | constants.O_EXCL, 0o444)));
  try {
    returning(() => {
      checked(action, unshare(CLONE_NEWNET));
      checked(action, mount(OWN_NETNS, netnsPath, 'none', MS_BIND, null));
    });
  } catch (error) {
    unlinkSync(netnsPath);
    throw error;
  }
}

/**
 * Takes the name away; the kernel removes the namespace once no process, socket or descriptor holds it.
 * `not-found` where there is none. The unmount waits for other processors, so it runs beside the event loop.
 */
export async function deleteNetns(netnsPath: string): Promise<void> {
  const action = `delete namespace ${netnsPath}`;
  const errno = await workerCall<number>((done) => {
    umount2.async(netnsPath, MNT_DETACH, (_error, result) => done(result < 0 ? lastErrno() : 0));
  });
  // EINVAL: the file is there, the mount is not; what a crash between the two steps leaves.
  if (errno !== 0 && errno !== EINVAL) throw kernelError({ action, errno });
  attempt(action, () => unlinkSync(netnsPath));
}

export function openNetns(netnsPath: string): Netns {
  const fd = attempt(`open namespace ${netnsPath}`, () => openSync(netnsPath, constants.O_RDONLY));
  let isOpen = true;
  return {
    fd,
    path: netnsPath,
    close: () => {
      if (isOpen) closeSync(fd);
      isOpen = false;
    },
  };
}

/** A namespace without a name, for tries: it is gone with its descriptor, also where the process is killed. */
export function anonymousNetns(): Netns {
  return returning(() => {
    checked('create namespace', unshare(CLONE_NEWNET));
    return openNetns(OWN_NETNS);
  });
}

/**
 * What `visit` returns, run with the calling thread inside of the namespace. Sockets and files below /proc/sys/net opened there belong to it
 * for good. `visit` must be synchronous: a promise would go on outside, so it is refused.
 */
export function inNetns<T>(netns: Netns | string, visit: () => T): T {
  if (typeof netns === 'string') {
    const opened = openNetns(netns);
    try {
      return inNetns(opened, visit);
    } finally {
      opened.close();
    }
  }
  return returning(() => {
    checked(`enter namespace ${netns.path}`, setns(netns.fd, CLONE_NEWNET));
    const result = visit();
    if (isThenable(result)) {
      throw new FairleadError('internal', `Cannot visit namespace ${netns.path}: the visit is asynchronous`);
    }
    return result;
  });
}

/** Whether `path` is a mounted namespace; a file left by a crash is none. */
export function netnsExists(netnsPath: string): boolean {
  const stats = attemptOr(() => statfsSync(netnsPath), undefined);
  return stats !== undefined && stats.type === NSFS_MAGIC;
}

/** The number by which the kernel tells namespaces apart; undefined where there is none. Without a path: that of the calling thread. */
export function netnsInode(netnsPath: string = OWN_NETNS): number | undefined {
  return attemptOr(() => statSync(netnsPath).ino, undefined);
}

/** Runs `work` and brings the thread back into the namespace it came from, whatever happens. */
function returning<T>(work: () => T): T {
  const home = attempt('open own namespace', () => openSync(OWN_NETNS, constants.O_RDONLY));
  try {
    return work();
  } finally {
    if (setns(home, CLONE_NEWNET) < 0) leaveAtOnce(lastErrno());
    closeSync(home);
  }
}

/** A thread in a foreign namespace would program the wrong network from here on: nothing may run after this. */
function leaveAtOnce(errno: number): never {
  const error = kernelError({ action: 'return to own namespace', errno });
  writeSync(2, `${messageOf(error)}; the process ends here, it would act on the wrong network\n`);
  return process.abort();
}

/**
 * Makes the folder a shared mount, as iproute2 does, so that namespaces mounted in it by one mount namespace are seen, and can be
 * unmounted, in all. The lock keeps two processes from stacking mounts.
 */
function shareNetnsFolder(folder: string): void {
  const action = `share ${folder}`;
  attempt(`create ${folder}`, () => mkdirSync(folder, { recursive: true, mode: 0o755 }));
  const lock = attempt(`open ${folder}`, () => openSync(folder, constants.O_RDONLY));
  try {
    checked(action, flock(lock, LOCK_EX));
    if (mount('', folder, 'none', MS_SHARED | MS_REC, null) === 0) return;
    if (lastErrno() !== EINVAL) throw kernelError({ action, errno: lastErrno() });
    checked(action, mount(folder, folder, 'none', MS_BIND | MS_REC, null));
    checked(action, mount('', folder, 'none', MS_SHARED | MS_REC, null));
  } finally {
    closeSync(lock);
  }
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

function attempt<T>(action: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw wrapNodeError(action, error);
  }
}

function attemptOr<T>(work: () => T, fallback: T): T {
  try {
    return work();
  } catch {
    return fallback;
  }
}
