// The one binding of libbpf: thin, named after the calls, no policy. Only the `bpf-*.ts` files of this folder import it.
// Calls return what C returns: libbpf 1.x gives negative errno numbers, and null pointers with errno set. Structs are byte arrays.

import koffi from 'koffi';
import { FairleadError, messageOf } from '../base/errors.ts';
import { kernelError } from './errno.ts';

type Bytes = Uint8Array | null;
/** A pointer that libbpf gave out; null where it could not. */
export type Pointer = bigint | null;

const libbpf = openLibrary();
const libc = koffi.load('libc.so.6');

function openLibrary(): ReturnType<typeof koffi.load> {
  try {
    return koffi.load('libbpf.so.1');
  } catch (error) {
    throw new FairleadError('unsupported', `Cannot load libbpf.so.1: ${messageOf(error)}`, { cause: error });
  }
}

/** int (enum libbpf_print_level, const char *format, va_list): the list travels as a pointer on x86-64 and arm64 alike. */
const PRINT = koffi.pointer(koffi.proto('int', ['int', 'void *', 'void *']));
/** int (void *context, void *data, size_t size) */
const SAMPLE = koffi.pointer(koffi.proto('int', ['void *', 'void *', 'size_t']));

// koffi functions are untyped; the definitions beside the types are what makes the assertions true.
/* oxlint-disable typescript/no-unsafe-type-assertion */
export const objectOpen = libbpf.func('void *bpf_object__open_file(const char *path, uint8_t *options)') as (
  path: string,
  options: Bytes,
) => Pointer;
export const objectLoad = libbpf.func('int bpf_object__load(void *object)') as (object: Pointer) => number;
export const objectClose = libbpf.func('void bpf_object__close(void *object)') as (object: Pointer) => void;
export const nextMap = libbpf.func('void *bpf_object__next_map(void *object, void *map)') as (
  object: Pointer,
  map: Pointer,
) => Pointer;
export const nextProgram = libbpf.func('void *bpf_object__next_program(void *object, void *program)') as (
  object: Pointer,
  program: Pointer,
) => Pointer;
export const mapName = libbpf.func('const char *bpf_map__name(void *map)') as (map: Pointer) => string;
export const mapFd = libbpf.func('int bpf_map__fd(void *map)') as (map: Pointer) => number;
export const mapSetPinPath = libbpf.func('int bpf_map__set_pin_path(void *map, const char *path)') as (
  map: Pointer,
  path: string,
) => number;
export const mapSetMaxEntries = libbpf.func('int bpf_map__set_max_entries(void *map, uint32_t entries)') as (
  map: Pointer,
  entries: number,
) => number;
export const mapSetInitialValue = libbpf.func(
  'int bpf_map__set_initial_value(void *map, uint8_t *data, size_t size)',
) as (map: Pointer, data: Bytes, size: number) => number;
export const programName = libbpf.func('const char *bpf_program__name(void *program)') as (
  program: Pointer,
) => string;
export const programFd = libbpf.func('int bpf_program__fd(void *program)') as (program: Pointer) => number;

export const objPin = libbpf.func('int bpf_obj_pin(int fd, const char *path)') as (
  fd: number,
  path: string,
) => number;
export const objGet = libbpf.func('int bpf_obj_get(const char *path)') as (path: string) => number;
export const objInfo = libbpf.func(
  'int bpf_obj_get_info_by_fd(int fd, uint8_t *info, _Inout_ uint32_t *length)',
) as (fd: number, info: Uint8Array, length: [number]) => number;
export const linkCreate = libbpf.func(
  'int bpf_link_create(int program, int target, int attach, uint8_t *options)',
) as (program: number, target: number, attach: number, options: Bytes) => number;
export const linkUpdate = libbpf.func('int bpf_link_update(int link, int program, uint8_t *options)') as (
  link: number,
  program: number,
  options: Bytes,
) => number;
export const programTestRun = libbpf.func('int bpf_prog_test_run_opts(int program, uint8_t *options)') as (
  program: number,
  options: Uint8Array,
) => number;

export const mapCreate = libbpf.func(
  'int bpf_map_create(int type, const char *name, uint32_t keySize, uint32_t valueSize, uint32_t maxEntries, uint8_t *options)',
) as (type: number, name: string, ...rest: MapSizes) => number;
export const mapFdById = libbpf.func('int bpf_map_get_fd_by_id(uint32_t id)') as (id: number) => number;
export const mapLookup = libbpf.func('int bpf_map_lookup_elem(int fd, uint8_t *key, uint8_t *value)') as (
  fd: number,
  key: Uint8Array,
  value: Uint8Array,
) => number;
export const mapUpdate = libbpf.func(
  'int bpf_map_update_elem(int fd, uint8_t *key, uint8_t *value, uint64_t flags)',
) as (fd: number, key: Uint8Array, ...rest: [value: Uint8Array, flags: number]) => number;
export const mapDelete = libbpf.func('int bpf_map_delete_elem(int fd, uint8_t *key)') as (
  fd: number,
  key: Uint8Array,
) => number;
export const mapLookupBatch = libbpf.func(
  'int bpf_map_lookup_batch(int fd, uint8_t *in, uint8_t *out, uint8_t *keys, uint8_t *values, _Inout_ uint32_t *count, uint8_t *options)',
) as (fd: number, ...rest: BatchLookup) => number;
export const mapTakeBatch = libbpf.func(
  'int bpf_map_lookup_and_delete_batch(int fd, uint8_t *in, uint8_t *out, uint8_t *keys, uint8_t *values, _Inout_ uint32_t *count, uint8_t *options)',
) as typeof mapLookupBatch;
export const mapUpdateBatch = libbpf.func(
  'int bpf_map_update_batch(int fd, uint8_t *keys, uint8_t *values, _Inout_ uint32_t *count, uint8_t *options)',
) as (fd: number, keys: Uint8Array, ...rest: [values: Uint8Array, count: [number], options: Bytes]) => number;
export const mapDeleteBatch = libbpf.func(
  'int bpf_map_delete_batch(int fd, uint8_t *keys, _Inout_ uint32_t *count, uint8_t *options)',
) as (fd: number, keys: Uint8Array, ...rest: [count: [number], options: Bytes]) => number;
export const possibleCpus = libbpf.func('int libbpf_num_possible_cpus()') as () => number;

export const tcHookCreate = libbpf.func('int bpf_tc_hook_create(uint8_t *hook)') as (hook: Bytes) => number;
export const tcHookDestroy = libbpf.func('int bpf_tc_hook_destroy(uint8_t *hook)') as (hook: Bytes) => number;
export const tcAttach = libbpf.func('int bpf_tc_attach(uint8_t *hook, uint8_t *options)') as (
  hook: Bytes,
  options: Bytes,
) => number;
export const tcDetach = libbpf.func('int bpf_tc_detach(uint8_t *hook, uint8_t *options)') as typeof tcAttach;
export const tcQuery = libbpf.func('int bpf_tc_query(uint8_t *hook, uint8_t *options)') as typeof tcAttach;

export const ringNew = libbpf.func('ring_buffer__new', 'void *', ['int', SAMPLE, 'void *', 'void *']) as (
  fd: number,
  callback: bigint,
  ...rest: [context: Pointer, options: Pointer]
) => Pointer;
export const ringFree = libbpf.func('void ring_buffer__free(void *ring)') as (ring: Pointer) => void;
export const ringConsume = libbpf.func('int ring_buffer__consume(void *ring)') as (ring: Pointer) => number;
export const ringEpollFd = libbpf.func('int ring_buffer__epoll_fd(void *ring)') as (ring: Pointer) => number;

const setPrint = libbpf.func('libbpf_set_print', 'void *', [PRINT]) as (callback: bigint | null) => Pointer;
const vsnprintf = libc.func('int vsnprintf(uint8_t *out, size_t size, void *format, void *args)') as (
  out: Uint8Array,
  size: number,
  ...rest: [format: Pointer, args: Pointer]
) => number;
/* oxlint-enable typescript/no-unsafe-type-assertion */

// Until told otherwise libbpf writes to standard error; what it has to say goes into errors (`withBpfLog`).
setPrint(null);

type MapSizes = [keySize: number, valueSize: number, maxEntries: number, options: Bytes];
type BatchLookup = [
  input: Bytes,
  output: Uint8Array,
  keys: Uint8Array,
  values: Uint8Array,
  count: [number],
  options: Bytes,
];

/** A callback for `ringNew`; undo with `unregisterCallback`. `data` is valid during the call alone. */
export function registerSample(callback: (data: Uint8Array) => number): bigint {
  const onSample = (_context: Pointer, data: Pointer, size: number | bigint): number =>
    callback(new Uint8Array(koffi.view(data, Number(size))));
  return koffi.register(onSample, SAMPLE);
}

export function unregisterCallback(callback: bigint): void {
  koffi.unregister(callback);
}

/** The errno of the call that was made last on this thread. */
export function lastErrno(): number {
  return koffi.errno();
}

/** The result of a libbpf call, or the error for `action` where it is a negative errno. */
export function checkedBpf(action: string, result: number): number {
  if (result >= 0) return result;
  throw kernelError({ action, errno: -result });
}

const MAX_LOG_BYTES = 1 << 20;

/** Runs `body` and gives what libbpf wrote meanwhile, verifier log included; outside of it libbpf is silent. */
export function withBpfLog<T>(body: () => T): { readonly result: T; readonly log: string } {
  const lines: string[] = [];
  let room = MAX_LOG_BYTES;
  // One buffer for all lines, of which there are hundreds: a verifier log comes as a single line.
  const text = Buffer.alloc(room);
  const onLine = (_level: number, format: Pointer, args: Pointer): number => {
    const length = Math.max(0, Math.min(vsnprintf(text, room, format, args), room - 1));
    lines.push(text.toString('utf8', 0, length));
    room = Math.max(4096, room - length);
    return length;
  };
  const callback = koffi.register(onLine, PRINT);
  setPrint(callback);
  try {
    const result = body();
    return { result, log: lines.join('') };
  } finally {
    setPrint(null);
    koffi.unregister(callback);
  }
}
