// One kind's objects by key, with secondary indexes. Readers take snapshots that never change: a map that a snapshot
// shares is copied at the next write to it, so a snapshot costs nothing and the first write after it one copy.

import { FairleadError } from '../base/errors.ts';
import { SharedMap } from './shared-map.ts';

/** How a kind is kept: its name is the identity, so declare each kind once. */
export interface StoreKind<T> {
  readonly name: string;
  /** Index name -> the values under which an object is found ("node" -> [the pod's node]). Must be pure. */
  readonly indexes?: Readonly<Record<string, (object: T) => readonly string[]>>;
  /** True where a change is none to the readers; such writes are dropped before they reach anybody. */
  readonly isEqual?: (before: T, after: T) => boolean;
}

/** What can be asked of a kind, live or in a snapshot. Keys are "namespace/name". */
export interface TableReader<T> {
  /** Grows with every change of the kind. */
  readonly revision: number;
  /** False until the first complete list has come. */
  readonly isSynced: boolean;
  readonly size: number;
  get(key: string): T | undefined;
  has(key: string): boolean;
  keys(): Iterable<string>;
  values(): Iterable<T>;
  entries(): Iterable<readonly [string, T]>;
  /** All objects by key. Of a snapshot it never changes; of the live table it is for reading now, not for keeping. */
  readonly objects: ReadonlyMap<string, T>;
  /** Objects under a value of an index, in no order; throws `internal` for an index that the kind does not declare. */
  by(index: string, value: string): Iterable<T>;
  /** Every value of an index under which there is something, once, in no order. */
  valuesOf(index: string): Iterable<string>;
}

export interface TableChange<T = unknown> {
  readonly kind: string;
  readonly key: string;
  /** Undefined for a new object. */
  readonly before: T | undefined;
  /** Undefined for one that is gone. */
  readonly after: T | undefined;
}

/** The live table: it is a sink for a list-watch. */
export class Table<T> implements TableReader<T> {
  readonly kind: StoreKind<T>;
  readonly #onChange: (change: TableChange<T> | undefined) => void;
  readonly #objects = new SharedMap<T>();
  readonly #indexes: ReadonlyMap<string, Index<T>>;
  #revision = 0;
  #isSynced = false;
  #snapshot: TableReader<T> | undefined;

  /** `onChange` is called after each write that changed something, and with undefined when the table becomes synced. */
  constructor(kind: StoreKind<T>, onChange: (change: TableChange<T> | undefined) => void) {
    this.kind = kind;
    this.#onChange = onChange;
    this.#indexes = new Map(
      Object.entries(kind.indexes ?? {}).map(([name, valuesOf]) => [name, new Index(valuesOf)]),
    );
  }

  get revision(): number {
    return this.#revision;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  get size(): number {
    return this.#objects.read.size;
  }

  get(key: string): T | undefined {
    return this.#objects.read.get(key);
  }

  has(key: string): boolean {
    return this.#objects.read.has(key);
  }

  keys(): Iterable<string> {
    return this.#objects.read.keys();
  }

  values(): Iterable<T> {
    return this.#objects.read.values();
  }

  entries(): Iterable<readonly [string, T]> {
    return this.#objects.read.entries();
  }

  get objects(): ReadonlyMap<string, T> {
    return this.#objects.read;
  }

  by(index: string, value: string): Iterable<T> {
    return indexNamed(this.#indexes, this.kind.name, index).bucket(value)?.values() ?? [];
  }

  valuesOf(index: string): Iterable<string> {
    return indexNamed(this.#indexes, this.kind.name, index).values();
  }

  put(key: string, object: T): void {
    const before = this.get(key);
    if (before !== undefined && this.kind.isEqual?.(before, object) === true) return;
    this.#objects.write().set(key, object);
    for (const index of this.#indexes.values()) index.move(key, before, object);
    this.#changed({ kind: this.kind.name, key, before, after: object });
  }

  delete(key: string): void {
    const before = this.get(key);
    if (before === undefined) return;
    this.#objects.write().delete(key);
    for (const index of this.#indexes.values()) index.move(key, before, undefined);
    this.#changed({ kind: this.kind.name, key, before, after: undefined });
  }

  /** Makes the table equal to `objects` by single puts and deletes, and marks it synced. */
  replace(objects: ReadonlyMap<string, T>): void {
    for (const key of this.keys()) if (!objects.has(key)) this.delete(key);
    for (const [key, object] of objects) this.put(key, object);
    if (this.#isSynced) return;
    this.#isSynced = true;
    this.#snapshot = undefined;
    this.#onChange(undefined);
  }

  /** The table as it is now, for ever; the same object while nothing changes. */
  snapshot(): TableReader<T> {
    this.#snapshot ??= this.#freeze();
    return this.#snapshot;
  }

  #freeze(): TableReader<T> {
    const objects = this.#objects.share();
    const indexes = new Map([...this.#indexes].map(([name, index]) => [name, index.share()]));
    const { name } = this.kind;
    return {
      revision: this.#revision,
      isSynced: this.#isSynced,
      size: objects.size,
      get: (key) => objects.get(key),
      has: (key) => objects.has(key),
      keys: () => objects.keys(),
      values: () => objects.values(),
      entries: () => objects.entries(),
      objects,
      by: (index, value) => indexNamed(indexes, name, index).get(value)?.values() ?? [],
      valuesOf: (index) => indexNamed(indexes, name, index).keys(),
    };
  }

  #changed(change: TableChange<T>): void {
    this.#revision++;
    this.#snapshot = undefined;
    this.#onChange(change);
  }
}

/** Value -> the objects under it, by key. */
class Index<T> {
  readonly #valuesOf: (object: T) => readonly string[];
  readonly #buckets = new SharedMap<SharedMap<T>>();

  constructor(valuesOf: (object: T) => readonly string[]) {
    this.#valuesOf = valuesOf;
  }

  bucket(value: string): ReadonlyMap<string, T> | undefined {
    return this.#buckets.read.get(value)?.read;
  }

  values(): Iterable<string> {
    return this.#buckets.read.keys();
  }

  move(key: string, before: T | undefined, after: T | undefined): void {
    const [from, to] = [this.#valuesFor(before), this.#valuesFor(after)];
    for (const value of from) if (!to.includes(value)) this.#remove(value, key);
    if (after === undefined) return;
    for (const value of to) this.#bucketFor(value).write().set(key, after);
  }

  share(): ReadonlyMap<string, ReadonlyMap<string, T>> {
    return new Map([...this.#buckets.read].map(([value, bucket]) => [value, bucket.share()]));
  }

  #valuesFor(object: T | undefined): readonly string[] {
    return object === undefined ? [] : this.#valuesOf(object);
  }

  #bucketFor(value: string): SharedMap<T> {
    const found = this.#buckets.read.get(value);
    if (found !== undefined) return found;
    const made = new SharedMap<T>();
    this.#buckets.write().set(value, made);
    return made;
  }

  #remove(value: string, key: string): void {
    const bucket = this.#buckets.read.get(value);
    if (bucket === undefined) return;
    bucket.write().delete(key);
    if (bucket.read.size === 0) this.#buckets.write().delete(value);
  }
}

function indexNamed<I>(indexes: ReadonlyMap<string, I>, kind: string, name: string): I {
  const found = indexes.get(name);
  if (found === undefined) throw new FairleadError('internal', `Cannot look up ${kind}: no index "${name}"`);
  return found;
}
