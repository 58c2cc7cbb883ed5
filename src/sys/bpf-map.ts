// Entries of BPF maps as bytes: look up, update, delete, list. The layouts are the callers' business (`src/wire/bpf-maps.ts`).

import { FairleadError } from '../base/errors.ts';
import { close } from './ffi.ts';
import * as bpf from './bpf-libbpf.ts';

export type BpfEntry = readonly [key: Uint8Array, value: Uint8Array];

/** Many entries: all keys one behind the other, and their values in the same order. */
export interface BpfEntries {
  readonly count: number;
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
}

/**
 * A map of bytes. Deleting what is gone is no error; refusals throw `kernel` with details.errno, a write to a map without room `exhausted`
 * with the map's name and size.
 */
export interface BpfMap {
  readonly name: string;
  readonly maxEntries: number;
  /** The value, or undefined where there is none. */
  lookup(key: Uint8Array): Uint8Array | undefined;
  update(key: Uint8Array, value: Uint8Array): void;
  /** All entries in as few system calls as the kernel allows; on failure an unknown part of them is written. */
  updateAll(entries: BpfEntries): void;
  /** True where there was an entry. */
  delete(key: Uint8Array): boolean;
  /** How many there were, or fewer where a key was not there. */
  deleteAll(keys: readonly Uint8Array[]): number;
  /** What is there now; entries that come or go meanwhile may be missed or seen. */
  entries(): BpfEntry[];
  /** The same one by one: the bytes are not to be kept, so that a large map leaves no garbage of its size. */
  visit(look: (key: Uint8Array, value: Uint8Array) => void): void;
  /** The same, and each entry is gone from the map with the look at it: what programs write meanwhile is seen the next time. */
  take(look: (key: Uint8Array, value: Uint8Array) => void): void;
  /** How many entries there are now. */
  count(): number;
  close(): void;
}

const BATCH = 4096;
/** What is taken is little, and often: no large room is made for it each time. */
const TAKE_BATCH = 512;
const ENOENT = -2;
const ENOSPC = -28;
/** How hashes say that they are full; tries say ENOSPC. */
const E2BIG = -7;
/** BPF_F_LOCK and the like are not used: BPF_ANY. */
const ANY = 0;

/** Sizes of a map as the kernel knows them (struct bpf_map_info). */
export interface BpfMapInfo {
  readonly id: number;
  readonly keyBytes: number;
  /** One CPU's share for per-CPU maps. */
  readonly valueBytes: number;
  readonly maxEntries: number;
}

export function bpfMapInfo(fd: number): BpfMapInfo {
  const info = new DataView(new ArrayBuffer(88));
  bpf.checkedBpf('describe BPF map', bpf.objInfo(fd, new Uint8Array(info.buffer), [info.byteLength]));
  const at = (offset: number): number => info.getUint32(offset, true);
  return { id: at(4), keyBytes: at(8), valueBytes: at(12), maxEntries: at(16) };
}

/** The map behind a descriptor, which it takes over. */
export function openBpfMap(name: string, fd: number): BpfMap {
  return new KernelMap(name, fd, bpfMapInfo(fd));
}

/** Values of a per-CPU map: one per possible CPU, each padded to eight bytes by the kernel. */
export function lookupPerCpu(fd: number, key: Uint8Array): readonly Uint8Array[] {
  const cpus = bpf.checkedBpf('count CPUs', bpf.possibleCpus());
  const stride = Math.ceil(bpfMapInfo(fd).valueBytes / 8) * 8;
  const bytes = new Uint8Array(cpus * stride);
  bpf.checkedBpf('read per-CPU BPF map', bpf.mapLookup(fd, key, bytes));
  return Array.from({ length: cpus }, (_, cpu) => bytes.subarray(cpu * stride, (cpu + 1) * stride));
}

/** Keys are of one length, and so are values. */
export function packEntries(entries: readonly BpfEntry[]): BpfEntries {
  return {
    count: entries.length,
    keys: Buffer.concat(entries.map(([key]) => key)),
    values: Buffer.concat(entries.map(([, value]) => value)),
  };
}

class KernelMap implements BpfMap {
  readonly name: string;
  readonly #fd: number;
  readonly #info: BpfMapInfo;
  #isOpen = true;

  constructor(name: string, fd: number, info: BpfMapInfo) {
    this.name = name;
    this.#fd = fd;
    this.#info = info;
  }

  get maxEntries(): number {
    return this.#info.maxEntries;
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    const value = new Uint8Array(this.#info.valueBytes);
    const result = bpf.mapLookup(this.#fd, this.#sized(key, this.#info.keyBytes), value);
    if (result === ENOENT) return undefined;
    bpf.checkedBpf(`look up in BPF map ${this.name}`, result);
    return value;
  }

  update(key: Uint8Array, value: Uint8Array): void {
    const { keyBytes, valueBytes } = this.#info;
    const result = bpf.mapUpdate(this.#fd, this.#sized(key, keyBytes), this.#sized(value, valueBytes), ANY);
    this.#checkWrite(`write to BPF map ${this.name}`, result);
  }

  updateAll(entries: BpfEntries): void {
    const { keyBytes, valueBytes } = this.#info;
    this.#sized(entries.keys, entries.count * keyBytes);
    this.#sized(entries.values, entries.count * valueBytes);
    for (let at = 0; at < entries.count; at += BATCH) {
      const end = Math.min(at + BATCH, entries.count);
      const keys = entries.keys.subarray(at * keyBytes, end * keyBytes);
      const values = entries.values.subarray(at * valueBytes, end * valueBytes);
      const result = bpf.mapUpdateBatch(this.#fd, keys, values, [end - at], null);
      this.#checkWrite(`write ${end - at} entries to BPF map ${this.name}`, result);
    }
  }

  delete(key: Uint8Array): boolean {
    const result = bpf.mapDelete(this.#fd, this.#sized(key, this.#info.keyBytes));
    if (result !== ENOENT) bpf.checkedBpf(`delete from BPF map ${this.name}`, result);
    return result !== ENOENT;
  }

  deleteAll(keys: readonly Uint8Array[]): number {
    let deleted = 0;
    for (let at = 0; at < keys.length; at += BATCH) {
      const part = keys.slice(at, at + BATCH);
      const packed = this.#packed(part, this.#info.keyBytes);
      // A batch stops at the first key that is gone already, and its count does not say so on every kernel: then one by one.
      if (bpf.mapDeleteBatch(this.#fd, packed, [part.length], null) >= 0) deleted += part.length;
      else for (const key of part) deleted += this.delete(key) ? 1 : 0;
    }
    return deleted;
  }

  entries(): BpfEntry[] {
    const found: BpfEntry[] = [];
    this.visit((key, value) => found.push([key, value]));
    return found;
  }

  visit(look: (key: Uint8Array, value: Uint8Array) => void): void {
    this.#look(this.#batches(bpf.mapLookupBatch, BATCH), look);
  }

  take(look: (key: Uint8Array, value: Uint8Array) => void): void {
    this.#look(this.#batches(bpf.mapTakeBatch, TAKE_BATCH), look);
  }

  #look(batches: Iterable<Batch>, look: (key: Uint8Array, value: Uint8Array) => void): void {
    const { keyBytes, valueBytes } = this.#info;
    for (const { keys, values, count } of batches)
      for (let at = 0; at < count; at++)
        look(
          keys.subarray(at * keyBytes, (at + 1) * keyBytes),
          values.subarray(at * valueBytes, (at + 1) * valueBytes),
        );
  }

  count(): number {
    let count = 0;
    for (const batch of this.#batches(bpf.mapLookupBatch, BATCH)) count += batch.count;
    return count;
  }

  close(): void {
    if (this.#isOpen) close(this.#fd);
    this.#isOpen = false;
  }

  *#batches(read: typeof bpf.mapLookupBatch, most: number): Generator<Batch> {
    let token: Uint8Array | null = null;
    let size = Math.min(most, Math.max(1, this.#info.maxEntries));
    for (;;) {
      const batch = this.#readBatch(read, token, size);
      // A bucket that holds more than the room given is asked for again with more.
      if (batch.result === ENOSPC && size < this.#info.maxEntries * 2) {
        size *= 2;
        continue;
      }
      if (batch.result !== ENOENT) bpf.checkedBpf(`list BPF map ${this.name}`, batch.result);
      yield batch;
      if (batch.result === ENOENT) return;
      token = batch.token;
    }
  }

  #readBatch(read: typeof bpf.mapLookupBatch, token: Uint8Array | null, size: number): Batch {
    const { keyBytes, valueBytes } = this.#info;
    const keys = new Uint8Array(size * keyBytes);
    const values = new Uint8Array(size * valueBytes);
    // The token is a bucket's number for hashes and a key for arrays (kernel/bpf/hashtab.c, syscall.c).
    const next = new Uint8Array(Math.max(8, keyBytes));
    const filled: [number] = [size];
    const result = read(this.#fd, token, next, keys, values, filled, null);
    return { result, keys, values, count: result === 0 || result === ENOENT ? filled[0] : 0, token: next };
  }

  #checkWrite(action: string, result: number): void {
    if (result !== E2BIG && result !== ENOSPC) bpf.checkedBpf(action, result);
    else
      throw new FairleadError(
        'exhausted',
        `Cannot ${action}: the map is full, it holds ${this.#info.maxEntries} entries`,
      );
  }

  #packed(parts: readonly Uint8Array[], sizeBytes: number): Uint8Array {
    const bytes = new Uint8Array(parts.length * sizeBytes);
    for (const [at, part] of parts.entries()) bytes.set(this.#sized(part, sizeBytes), at * sizeBytes);
    return bytes;
  }

  // The kernel reads as many bytes as the map says: a short array would show it memory that is not ours.
  #sized(bytes: Uint8Array, sizeBytes: number): Uint8Array {
    if (bytes.length === sizeBytes) return bytes;
    throw new FairleadError('internal', `BPF map ${this.name} takes ${sizeBytes} bytes, not ${bytes.length}`);
  }
}

interface Batch {
  readonly result: number;
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
  /** Entries of the two arrays that are filled. */
  readonly count: number;
  readonly token: Uint8Array;
}
