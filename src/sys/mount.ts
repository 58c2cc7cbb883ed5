// Mounts that the product makes: bpffs, tmpfs, overlay, bind. What is mounted is unmounted by whoever mounted it.

import { mkdirSync } from 'node:fs';
import { kernelError, wrapNodeError } from './errno.ts';
import { checked, lastErrno, mount, umount2 } from './ffi.ts';
import { listMounts } from './mountinfo.ts';
import { workerCall } from './worker-call.ts';

const MS_RDONLY = 0x1;
const MS_NOSUID = 0x2;
const MS_NODEV = 0x4;
const MS_NOEXEC = 0x8;
const MS_REMOUNT = 0x20;
const MS_BIND = 0x1000;
const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;
const EINVAL = 22;
const ENOENT = 2;

/** A BPF file system: pins below it keep maps and programs; unmounting the last mount of it drops them all. */
export function mountBpf(target: string): void {
  mountAt('bpf', target, { flags: MS_NOSUID | MS_NODEV | MS_NOEXEC, data: 'mode=0700' });
}

export function mountTmpfs(
  target: string,
  options: { readonly sizeBytes: number; readonly mode?: string },
): void {
  const data = `size=${options.sizeBytes},mode=${options.mode ?? '0755'}`;
  mountAt('tmpfs', target, { flags: MS_NOSUID | MS_NODEV, data });
}

export interface OverlayFolders {
  readonly lower: string;
  readonly upper: string;
  /** Empty folder on the same file system as `upper`. */
  readonly work: string;
}

export function mountOverlay(target: string, folders: OverlayFolders): void {
  const data = `lowerdir=${folders.lower},upperdir=${folders.upper},workdir=${folders.work}`;
  mountAt('overlay', target, { flags: 0, data });
}

/** Shows `source` at `target` too; a read-only one needs a second step, since the kernel ignores the flag in the first. */
export function mountBind(
  source: string,
  target: string,
  options: { readonly isReadOnly?: boolean } = {},
): void {
  const action = `mount ${source} at ${target}`;
  checked(action, mount(source, target, null, MS_BIND, null));
  if (options.isReadOnly === true) {
    checked(action, mount('', target, null, MS_REMOUNT | MS_BIND | MS_RDONLY, null));
  }
}

/** Unmounts what was mounted last at `target`, at once out of sight and for good when its last user ends. Nothing there is no error. */
export async function unmount(target: string): Promise<void> {
  const errno = await workerCall<number>((done) => {
    umount2.async(target, MNT_DETACH | UMOUNT_NOFOLLOW, (_error, result) =>
      done(result < 0 ? lastErrno() : 0),
    );
  });
  if (errno === 0 || errno === EINVAL || errno === ENOENT) return;
  throw kernelError({ action: `unmount ${target}`, errno });
}

/** Whether something, of file system `type` where given, is mounted exactly at `target` (no symbolic links in it). */
export function isMounted(target: string, type?: string): boolean {
  return listMounts().some((entry) => entry.target === target && (type === undefined || entry.type === type));
}

function mountAt(type: string, target: string, how: { readonly flags: number; readonly data: string }): void {
  const action = `mount ${type} at ${target}`;
  try {
    mkdirSync(target, { recursive: true });
  } catch (error) {
    throw wrapNodeError(action, error);
  }
  checked(action, mount(type, target, type, how.flags, how.data));
}
