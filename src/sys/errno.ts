// Errors of the kernel as errors of ours: the one place that gives errno numbers a name, a text and a code.

import { constants } from 'node:os';
import { FairleadError, type ErrorCode, type ErrorDetails } from '../base/errors.ts';

/** Names that Node's table lacks or has twice (asm-generic/errno.h, the same numbers on x86-64 and arm64; 524 is include/linux/errno.h). */
const NAMES: ReadonlyMap<number, string> = new Map([
  ...Object.entries(constants.errno).map(([name, number]) => [number, name] as const),
  [11, 'EAGAIN'],
  [35, 'EDEADLK'],
  [49, 'EUNATCH'],
  [50, 'ENOCSI'],
  [64, 'ENONET'],
  [66, 'EREMOTE'],
  [76, 'ENOTUNIQ'],
  [77, 'EBADFD'],
  [85, 'ERESTART'],
  [87, 'EUSERS'],
  [94, 'ESOCKTNOSUPPORT'],
  [95, 'EOPNOTSUPP'],
  [96, 'EPFNOSUPPORT'],
  [108, 'ESHUTDOWN'],
  [109, 'ETOOMANYREFS'],
  [112, 'EHOSTDOWN'],
  [117, 'EUCLEAN'],
  [121, 'EREMOTEIO'],
  [126, 'ENOKEY'],
  [132, 'ERFKILL'],
  [524, 'ENOTSUPP'],
]);

/** Texts of the errors that the kernel gives for networks, namespaces, mounts and cgroups; others show their name alone. */
const TEXTS: Readonly<Record<string, string>> = {
  E2BIG: 'argument list too long',
  EACCES: 'permission denied',
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'address not available',
  EAFNOSUPPORT: 'address family not supported',
  EAGAIN: 'resource temporarily unavailable',
  EBADF: 'bad file descriptor',
  EBUSY: 'device or resource busy',
  ECONNREFUSED: 'connection refused',
  EDQUOT: 'quota exceeded',
  EEXIST: 'exists already',
  EFAULT: 'bad address',
  EHOSTUNREACH: 'no route to host',
  EINTR: 'interrupted',
  EINVAL: 'invalid argument',
  EIO: 'input or output error',
  EISDIR: 'is a directory',
  EMFILE: 'too many open files in this process',
  EMSGSIZE: 'message too long',
  ENAMETOOLONG: 'name too long',
  ENETDOWN: 'network is down',
  ENETUNREACH: 'network is unreachable',
  ENFILE: 'too many open files on this machine',
  ENOBUFS: 'no buffer space left',
  ENODEV: 'no such device',
  ENOENT: 'does not exist',
  ENOEXEC: 'not an executable',
  ENOMEM: 'out of memory',
  ENOPROTOOPT: 'no such protocol option',
  ENOSPC: 'no space left',
  ENOSYS: 'not known to this kernel',
  ENOTCONN: 'not connected',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'not empty',
  ENOTSOCK: 'not a socket',
  ENOTSUPP: 'not supported',
  ENOTUNIQ: 'name not unique',
  ENXIO: 'no such device or address',
  EOPNOTSUPP: 'not supported',
  EPERM: 'not permitted',
  EPROTONOSUPPORT: 'protocol not supported',
  ERANGE: 'out of range',
  EROFS: 'read-only file system',
  ESRCH: 'no such process or entry',
  ETIMEDOUT: 'timed out',
  EXDEV: 'crosses devices or namespaces',
};

const CODES: Readonly<Record<string, ErrorCode>> = {
  EEXIST: 'already-exists',
  ENOENT: 'not-found',
  ENODEV: 'not-found',
  ESRCH: 'not-found',
  EPERM: 'forbidden',
  EACCES: 'forbidden',
  EOPNOTSUPP: 'unsupported',
  ENOTSUPP: 'unsupported',
  ENOSYS: 'unsupported',
  EAFNOSUPPORT: 'unsupported',
  EPROTONOSUPPORT: 'unsupported',
};

/** What was being done, for the text of a refusal: "Cannot <action>: <cause>". */
export interface KernelRefusal {
  /** Verb and object: "add link fl1", "open namespace /run/netns/a". */
  readonly action: string;
  /** The positive errno number. */
  readonly errno: number;
  /** What the kernel says beside the number (extended acknowledgement, verifier). */
  readonly detail?: string | undefined;
  /** Overrides the code that the number alone would give. */
  readonly code?: ErrorCode | undefined;
  readonly details?: ErrorDetails | undefined;
}

/** "ENOENT" of 2; unknown numbers are written "E999". */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `E${errno}`;
}

/** Text of an errno name for the reader, undefined where there is none beyond the name. */
export function errnoText(name: string): string | undefined {
  return TEXTS[name];
}

/** The error for a system call or message that the kernel refused; `details.errno` is the name. */
export function kernelError(refusal: KernelRefusal): FairleadError {
  const errno = errnoName(refusal.errno);
  const inner = refusal.detail === undefined ? errno : `${errno}: ${refusal.detail}`;
  const text = errnoText(errno) ?? 'refused by the kernel';
  const code = refusal.code ?? CODES[errno] ?? 'kernel';
  return new FairleadError(code, `Cannot ${refusal.action}: ${text} (${inner})`, {
    details: { ...refusal.details, errno },
  });
}

/** The errno name of an error of ours or of Node's own file system and process calls. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof FairleadError) {
    const errno = error.details['errno'];
    return typeof errno === 'string' ? errno : undefined;
  }
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Node's own file system error with our code and text. */
export function wrapNodeError(action: string, error: unknown): FairleadError {
  const errno = errnoOf(error);
  if (error instanceof FairleadError || errno === undefined) {
    const cause = error instanceof Error ? error.message : String(error);
    return new FairleadError('kernel', `Cannot ${action}: ${cause}`, { cause: error });
  }
  const text = errnoText(errno) ?? 'refused by the kernel';
  return new FairleadError(CODES[errno] ?? 'kernel', `Cannot ${action}: ${text} (${errno})`, {
    details: { errno },
    cause: error,
  });
}
