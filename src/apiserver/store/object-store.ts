// The current objects in memory over the durable log: reads never wait, writes are in one total order. Writes of one turn of the event loop are committed
// together (`settle`): whoever lets something out of the process settles first, so that nobody outside has seen what a killed process forgets.
// It knows no kinds: defaults, validation and semantics of deletion are decided before.

import { FairleadError, messageOf } from '../../base/errors.ts';
import { keyOf, type KubeObject } from '../../objects/meta.ts';
import type { ObjectLog, LogRow } from './object-log.ts';
import { lowerBound, Shelf } from './shelf.ts';
import { StoredObject } from './stored-object.ts';

export interface StoreEvent {
  readonly kind: 'added' | 'modified' | 'deleted';
  /** For `deleted` the last state, with the revision of the deletion. */
  readonly current: StoredObject;
  readonly previous: StoredObject | undefined;
}

type Listener = (event: StoreEvent) => void;

/** How many of the newest changes stay readable for watches that resume. */
const DEFAULT_WINDOW = 10_000;
const COMPACT_EVERY = 1_000;
const MAX_OPEN = 1_000;

/** The objects of a resource, and who hears of them. */
class Section {
  readonly shelf = new Shelf();
  /** Those who hear of every write at once. */
  readonly listeners = new Set<Listener>();
  /** Those who hear of what is committed. */
  readonly watchers = new Set<Listener>();
}

/** A write that is not committed yet. */
interface OpenWrite {
  readonly section: Section;
  readonly event: StoreEvent;
}

export class ObjectStore {
  readonly #log: ObjectLog;
  readonly #window: number;
  readonly #sections = new Map<string, Section>();
  #open: OpenWrite[] = [];
  /** For all who wait for the end of this turn. */
  #settling: Promise<void> | undefined;
  #refusals = 0;
  #refusal = '';

  constructor(log: ObjectLog, options: { readonly windowRevisions?: number } = {}) {
    this.#log = log;
    this.#window = options.windowRevisions ?? DEFAULT_WINDOW;
    for (const [storage, rows] of Map.groupBy(log.current(), (row) => row.storage))
      this.#section(storage).shelf.load(rows.map(storedOf));
  }

  /** The newest revision: the resourceVersion of lists. */
  get revision(): number {
    return this.#log.lastRevision;
  }

  /** Watches older than this are refused. */
  get oldestRevision(): number {
    return this.#log.compactedRevision;
  }

  /** How often the disk refused what was written: for `durable`. */
  get refusals(): number {
    return this.#refusals;
  }

  /**
   * Resolves when every change so far is on the disk; rejects where the disk refused any since `refusals` was read.
   * It begins at the end of the turn: those who write in it wait for one commit and one sync.
   */
  async durable(refusals: number = this.#refusals): Promise<void> {
    if (this.#open.length > 0)
      await (this.#settling ??= new Promise((resolve) => {
        setImmediate(() => {
          this.#settling = undefined;
          this.settle();
          resolve();
        });
      }));
    this.ensureKept(refusals);
    await this.#log.durable();
  }

  /** Throws where the disk refused any change since `refusals` was read. */
  ensureKept(refusals: number): void {
    if (this.#refusals !== refusals)
      throw new FairleadError('unavailable', `Cannot keep what was written: ${this.#refusal}`);
  }

  /** Commits what was written; what the disk refuses is taken back, all of it, and its writers learn it by `durable`. */
  settle(): void {
    if (this.#open.length === 0) return;
    const written = this.#open;
    this.#open = [];
    try {
      this.#log.commit();
    } catch (error) {
      this.#refusals++;
      this.#refusal = messageOf(error);
      for (const { section, event } of written.toReversed()) takeBack(section, event);
      return;
    }
    for (const { section, event } of written) tell(section.watchers, event);
    this.#compact(written.length);
  }

  #compact(written: number): void {
    const { lastRevision } = this.#log;
    if (Math.floor(lastRevision / COMPACT_EVERY) === Math.floor((lastRevision - written) / COMPACT_EVERY))
      return;
    try {
      this.#log.compact(lastRevision - this.#window);
    } catch {
      // A full disk: what is written stands, and what cannot be forgotten now is forgotten the next time.
    }
  }

  get(storage: string, key: string): StoredObject | undefined {
    return this.#sections.get(storage)?.shelf.get(key);
  }

  /**
   * All objects of a resource, ordered by "namespace/name"; of one namespace where it is given.
   * Without a namespace it is the store's own list: to be read before the next write, not kept.
   */
  list(storage: string, namespace?: string): readonly StoredObject[] {
    const sorted = this.#section(storage).shelf.sorted;
    if (namespace === undefined) return sorted;
    const start = lowerBound(sorted, `${namespace}/`);
    const end = lowerBound(sorted, `${namespace}0`); // '0' follows '/' in ASCII.
    return sorted.slice(start, end);
  }

  /** The list as it was at `revision`; throws `gone` where the changes since then are no longer kept. */
  listAt(storage: string, revision: number, namespace?: string): readonly StoredObject[] {
    const then = new Map<string, StoredObject | undefined>();
    for (const { current, previous } of this.replay(storage, revision))
      if (!then.has(current.key)) then.set(current.key, previous);
    const now = this.list(storage, namespace);
    if (then.size === 0) return now;
    const isIn = ({ key }: StoredObject): boolean =>
      namespace === undefined || key.startsWith(`${namespace}/`);
    const restored = [...then.values()].filter((it) => it !== undefined && isIn(it)) as StoredObject[]; // Filtered.
    const kept = now.filter(({ key }) => !then.has(key));
    return [...kept, ...restored].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** Creates the object, or replaces `previous`; its resourceVersion is set here. */
  put(storage: string, object: KubeObject, previous?: StoredObject): StoredObject {
    const stored = this.#append(storage, object, { previous, isDeleted: false });
    const section = this.#section(storage);
    section.shelf.set(stored);
    this.#written(section, {
      kind: previous === undefined ? 'added' : 'modified',
      current: stored,
      previous,
    });
    return stored;
  }

  /** Removes the object; `last` is the state that watchers see, by default the stored one. */
  remove(storage: string, previous: StoredObject, last: KubeObject = previous.object): StoredObject {
    const stored = this.#append(storage, last, { previous, isDeleted: true });
    const section = this.#section(storage);
    section.shelf.delete(stored.key);
    this.#written(section, { kind: 'deleted', current: stored, previous });
    return stored;
  }

  /** Calls `listener` in every write from now on, and for what is taken back of them; returns the end of it. */
  subscribe(storage: string, listener: Listener): () => void {
    return joined(this.#section(storage).listeners, listener);
  }

  /** Calls `listener` for every change that is committed from now on; returns the end of it. */
  watch(storage: string, listener: Listener): () => void {
    return joined(this.#section(storage).watchers, listener);
  }

  /** The changes after `revision` up to now; throws `gone` where they are no longer kept. */
  replay(storage: string, revision: number): readonly StoreEvent[] {
    return this.#log.since(storage, revision).map((row) => {
      const before = row.previous === 0 ? undefined : this.#log.at(row.previous);
      const previous = before === undefined ? undefined : storedOf(before);
      const kind = row.isDeleted ? 'deleted' : row.previous === 0 ? 'added' : 'modified';
      return { kind, current: storedOf(row), previous };
    });
  }

  #append(
    storage: string,
    object: KubeObject,
    change: { readonly previous: StoredObject | undefined; readonly isDeleted: boolean },
  ): StoredObject {
    const revision = this.#log.lastRevision + 1;
    const stamped: KubeObject = {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(revision) },
    };
    const stored = StoredObject.of(revision, keyOf(stamped), stamped, encode(stamped));
    this.#log.append({
      revision,
      storage,
      key: stored.key,
      isDeleted: change.isDeleted,
      previous: change.previous?.revision ?? 0,
      value: stored.json,
    });
    return stored;
  }

  #written(section: Section, event: StoreEvent): void {
    // Nobody may wait for it: what the server writes by itself is committed as well.
    if (this.#open.length === 0) setImmediate(() => this.settle());
    this.#open.push({ section, event });
    tell(section.listeners, event);
    // A turn that writes without end must not hold everything in memory until it is over.
    if (this.#open.length >= MAX_OPEN) this.settle();
  }

  #section(storage: string): Section {
    let section = this.#sections.get(storage);
    if (section === undefined) {
      section = new Section();
      this.#sections.set(storage, section);
    }
    return section;
  }
}

function joined(listeners: Set<Listener>, listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(listeners: ReadonlySet<Listener>, event: StoreEvent): void {
  for (const listener of listeners) listener(event);
}

/** Undoes a write, the newest one of its object. */
function takeBack({ shelf, listeners }: Section, { kind, current, previous }: StoreEvent): void {
  if (previous === undefined) {
    shelf.delete(current.key);
    tell(listeners, { kind: 'deleted', current, previous: current });
    return;
  }
  shelf.set(previous);
  if (kind === 'deleted') tell(listeners, { kind: 'added', current: previous, previous: undefined });
  else tell(listeners, { kind: 'modified', current: previous, previous: current });
}

/** Bytes of their own, not a slice of Node's pool: one object that stays would keep the whole slab of those that went. */
function encode(object: KubeObject): Buffer {
  const text = JSON.stringify(object);
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

function storedOf(row: LogRow): StoredObject {
  const json = Buffer.from(row.value.buffer, row.value.byteOffset, row.value.byteLength);
  return StoredObject.read(row.revision, row.key, json);
}
