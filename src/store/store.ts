// The process's copy of the cluster: a table per kind, snapshots over all of them, and streams of what changed.
// Knows neither where objects come from nor what they mean.

import { systemClock, type Clock } from '../base/clock.ts';
import { ChangeStream, type Changes, type HoldOff } from './change-stream.ts';
import { Table, type StoreKind, type TableChange, type TableReader } from './table.ts';

/** All kinds at one moment. */
export interface Snapshot {
  /** Grows with every change of any kind. */
  readonly revision: number;
  /** True when every declared kind has had its first complete list. */
  readonly isSynced: boolean;
  /** Throws `internal` for a kind that the store was not made with. */
  of<T>(kind: StoreKind<T>): TableReader<T>;
}

export interface ChangeStreamOptions {
  /** Undefined for all kinds. */
  readonly kinds?: readonly StoreKind<never>[];
  readonly holdOff: HoldOff;
  readonly clock?: Clock;
  readonly signal: AbortSignal;
}

export class Store {
  readonly #tables = new Map<string, Table<unknown>>();
  readonly #listeners = new Set<(change: TableChange | undefined) => void>();
  #revision = 0;

  /** The live table of a kind, made at the first call. */
  table<T>(kind: StoreKind<T>): Table<T> {
    const found = this.#tables.get(kind.name);
    // A kind's name is its identity, so a table under this name holds this T.
    if (found !== undefined) return found as unknown as Table<T>;
    const made = new Table<T>(kind, (change) => this.#publish(change));
    this.#tables.set(kind.name, made as unknown as Table<unknown>);
    return made;
  }

  /** Grows with every change of any kind. */
  get revision(): number {
    return this.#revision;
  }

  get isSynced(): boolean {
    return [...this.#tables.values()].every((table) => table.isSynced);
  }

  /** All kinds as they are, for reading now: later writes show in it. Costs nothing, where the first write after a snapshot costs a copy. */
  live(): Snapshot {
    return {
      revision: this.#revision,
      isSynced: this.isSynced,
      of: <T>(kind: StoreKind<T>) => (this.#tables.get(kind.name) ?? emptyTable(kind)) as TableReader<T>,
    };
  }

  snapshot(): Snapshot {
    const tables = new Map([...this.#tables].map(([name, table]) => [name, table.snapshot()]));
    return {
      revision: this.#revision,
      isSynced: this.isSynced,
      // A kind without a table has no objects that anybody could have seen: an empty, unsynced one is right.
      of: <T>(kind: StoreKind<T>) => (tables.get(kind.name) ?? emptyTable(kind)) as TableReader<T>,
    };
  }

  /** Calls `listener` at once for every change, with undefined when a kind becomes synced. Returns the end of it. */
  subscribe(listener: (change: TableChange | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Batches of keys that changed after this call; take a snapshot for what is there already. */
  changes(options: ChangeStreamOptions): AsyncIterable<Changes> {
    const stream = new ChangeStream(options.holdOff, options.clock ?? systemClock, options.signal);
    const names = options.kinds === undefined ? undefined : new Set(options.kinds.map((kind) => kind.name));
    const end = this.subscribe((change) => {
      if (change === undefined) stream.touch();
      else if (names?.has(change.kind) !== false) stream.add(change.kind, change.key);
    });
    options.signal.addEventListener('abort', end, { once: true });
    return stream;
  }

  #publish(change: TableChange | undefined): void {
    this.#revision++;
    for (const listener of this.#listeners) listener(change);
  }
}

function emptyTable<T>(kind: StoreKind<T>): TableReader<T> {
  return new Table<T>(kind, () => undefined).snapshot();
}
