// The one binding of the C library: thin, named after the calls, no policy. Only this folder may import it.
// Calls return what C returns; `call` turns -1 into an error. Structs are byte arrays made by the caller (little endian).

import koffi from 'koffi';
import { kernelError } from './errno.ts';

/** The library handle, for bindings that one file of this folder alone needs. */
const libc = koffi.load('libc.so.6');

type Bytes = Uint8Array;
type Async<T extends (...args: never[]) => number> = T & {
  async(...args: [...Parameters<T>, (error: Error | null, result: number) => void]): void;
};

// koffi functions are untyped; the definitions beside the types are what makes the assertions true.
/* oxlint-disable typescript/no-unsafe-type-assertion */
export const socket = libc.func('int socket(int domain, int type, int protocol)') as (
  domain: number,
  type: number,
  protocol: number,
) => number;
export const close = libc.func('int close(int fd)') as (fd: number) => number;
export const bind = libc.func('int bind(int fd, uint8_t *address, uint32_t length)') as (
  fd: number,
  address: Bytes,
  length: number,
) => number;
export const listen = libc.func('int listen(int fd, int backlog)') as (fd: number, backlog: number) => number;
export const setsockopt = libc.func(
  'int setsockopt(int fd, int level, int name, uint8_t *value, uint32_t length)',
) as (fd: number, level: number, name: number, ...rest: [value: Bytes, length: number]) => number;
export const getsockopt = libc.func(
  'int getsockopt(int fd, int level, int name, uint8_t *value, _Inout_ uint32_t *length)',
) as (fd: number, level: number, name: number, ...rest: [value: Bytes, length: [number]]) => number;
export const send = libc.func('intptr_t send(int fd, uint8_t *bytes, size_t length, int flags)') as Async<
  (fd: number, bytes: Bytes, length: number, flags: number) => number
>;
export const recv = libc.func('intptr_t recv(int fd, uint8_t *bytes, size_t length, int flags)') as Async<
  (fd: number, bytes: Bytes, length: number, flags: number) => number
>;
/** `messages` are struct mmsghdr, one behind the other. */
export const recvmmsg = libc.func(
  'int recvmmsg(int fd, uint8_t *messages, unsigned int count, int flags, void *timeout)',
) as (fd: number, messages: Bytes, count: number, ...rest: [flags: number, timeout: null]) => number;
export const sendmmsg = libc.func(
  'int sendmmsg(int fd, uint8_t *messages, unsigned int count, int flags)',
) as (fd: number, messages: Bytes, count: number, flags: number) => number;
export const ioctl = libc.func('int ioctl(int fd, unsigned long request, uint8_t *argument)') as (
  fd: number,
  request: number,
  argument: Bytes,
) => number;
export const mkfifo = libc.func('int mkfifo(const char *path, uint32_t mode)') as (
  path: string,
  mode: number,
) => number;
export const fcntl = libc.func('int fcntl(int fd, int command, int argument)') as (
  fd: number,
  command: number,
  argument: number,
) => number;
export const mallocTrim = libc.func('int malloc_trim(size_t pad)') as (padBytes: number) => number;
export const flock = libc.func('int flock(int fd, int operation)') as (
  fd: number,
  operation: number,
) => number;
export const setns = libc.func('int setns(int fd, int type)') as (fd: number, type: number) => number;
export const unshare = libc.func('int unshare(int flags)') as (flags: number) => number;
export const mount = libc.func(
  'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
) as (
  source: string,
  target: string,
  type: string | null,
  ...rest: [flags: number, data: string | null]
) => number;
export const umount2 = libc.func('int umount2(const char *target, int flags)') as Async<
  (target: string, flags: number) => number
>;
/** bpf(2) has no wrapper in the C library; its number differs by machine. */
export const bpf = libc.func(
  'long syscall(long number, long command, uint8_t *attributes, uint32_t size)',
) as (number: number, command: number, ...rest: [attributes: Bytes, size: number]) => number;
/* oxlint-enable typescript/no-unsafe-type-assertion */

/** The result of a call of C, or the error for `action` where it is -1. */
export function checked(action: string, result: number): number {
  if (result >= 0) return result;
  throw kernelError({ action, errno: koffi.errno() });
}

/** Where `bytes` lie in memory, for pointers inside of structs; they must be kept alive and unmoved until the call is over. */
export function addressOf(bytes: Bytes): bigint {
  return koffi.address(bytes);
}

/** The errno of the call that was made last on this thread. */
export function lastErrno(): number {
  return koffi.errno();
}
