// Named pipes: what one program writes line by line and another one reads, with room for what comes while nobody reads.

import { constants, openSync } from 'node:fs';
import { kernelError, wrapNodeError } from './errno.ts';
import { fcntl, lastErrno, mkfifo } from './ffi.ts';

const EEXIST = 17;
const F_SETPIPE_SZ = 1031;

/** Opens the pipe, which is made where it is missing, for both directions: so it neither ends nor waits when nobody has the other end. The caller closes the fd. */
export function openFifo(path: string): number {
  const errno = mkfifo(path, 0o600) === 0 ? EEXIST : lastErrno();
  if (errno !== EEXIST) throw kernelError({ action: `make pipe ${path}`, errno });
  try {
    return openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    throw wrapNodeError(`open pipe ${path}`, error);
  }
}

/** Gives the pipe room for so many bytes. False where the kernel does not let us have so much (`fs.pipe-max-size`, `fs.pipe-user-pages-soft`). */
export function growPipe(fd: number, bytes: number): boolean {
  return fcntl(fd, F_SETPIPE_SZ, bytes) >= bytes;
}
