// The durable log of objects in SQLite: one row per revision, in the order of commits. It knows bytes and keys, no kinds.
// Rows are appended together and committed together: a killed process loses no row that is committed. They are on the disk when `durable` resolves:
// many writers wait for one sync.
// A revision is the resourceVersion of the object that it wrote, for all resources together.

import { open, type FileHandle } from 'node:fs/promises';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { FairleadError, messageOf } from '../../base/errors.ts';

export interface LogRow {
  readonly revision: number;
  /** The resource's storage key ("pods", "deployments.apps"). */
  readonly storage: string;
  /** "namespace/name" or "name". */
  readonly key: string;
  readonly isDeleted: boolean;
  /** Revision that this row supersedes; 0 for a new object. */
  readonly previous: number;
  /** JSON of the object, of a deleted one its last state. */
  readonly value: Uint8Array;
}

/** Pages given back to the file system by one compaction (8 MB): moving them holds up writes for some ten milliseconds. */
const PAGES_PER_COMPACTION = 2_000;

// auto_vacuum holds for files that are made with it; older ones go on without.
// Nobody else opens the file: locks for every commit, and the memory that connections share, would only cost time.
const SCHEMA = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA auto_vacuum = INCREMENTAL;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA wal_autocheckpoint = 4000;
  CREATE TABLE IF NOT EXISTS log (
    revision INTEGER PRIMARY KEY,
    storage TEXT NOT NULL,
    key TEXT NOT NULL,
    deleted INTEGER NOT NULL,
    previous INTEGER NOT NULL,
    value BLOB NOT NULL
  );
  CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
`;

/** Owner of one database file. What is appended is part of it from `commit` on, all of it or nothing. */
export class ObjectLog {
  readonly #database: DatabaseSync;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #insert: StatementSync;
  readonly #since: StatementSync;
  readonly #one: StatementSync;
  readonly #journal: Journal;
  #compacted: number;
  #last: number;
  /** The last one that is committed. */
  #committed: number;

  constructor(file: string) {
    this.#database = openDatabase(file);
    this.#journal = new Journal(`${file}-wal`);
    this.#begin = this.#database.prepare('BEGIN');
    this.#commit = this.#database.prepare('COMMIT');
    this.#insert = this.#database.prepare('INSERT INTO log VALUES (?, ?, ?, ?, ?, ?)');
    this.#since = this.#database.prepare(
      'SELECT * FROM log WHERE revision > ? AND storage = ? ORDER BY revision',
    );
    this.#one = this.#database.prepare('SELECT * FROM log WHERE revision = ?');
    this.#compacted = this.#fact('compacted');
    const row = this.#database.prepare('SELECT max(revision) AS last FROM log').get();
    // The newest rows may all have been compacted tombstones: revisions never go back behind the mark.
    this.#last = Math.max(Number(row?.['last'] ?? 0), this.#compacted);
    this.#committed = this.#last;
  }

  get lastRevision(): number {
    return this.#last;
  }

  /** Changes up to this revision can no longer be read. */
  get compactedRevision(): number {
    return this.#compacted;
  }

  /** Throws where the disk refuses it; `commit` does then, too, if others were appended before it. */
  append(row: LogRow): void {
    if (row.revision !== this.#last + 1) {
      throw new FairleadError(
        'internal',
        `Cannot append revision ${row.revision}: ${this.#last} is the last one`,
      );
    }
    const isFirst = this.#last === this.#committed;
    if (isFirst) this.#begin.run();
    else if (!this.#database.isTransaction)
      throw new FairleadError('unavailable', 'Cannot append: the disk refused what comes before it');
    try {
      this.#insert.run(row.revision, row.storage, row.key, row.isDeleted ? 1 : 0, row.previous, row.value);
    } catch (error) {
      if (isFirst) this.#rollBack();
      throw error;
    }
    this.#last = row.revision;
  }

  /** Commits what was appended since the last time; throws where the disk refuses it, and it is as if nothing of it had been appended. */
  commit(): void {
    if (this.#last === this.#committed) return;
    try {
      this.#commit.run();
    } catch (cause) {
      this.#rollBack();
      this.#last = this.#committed;
      throw new FairleadError('unavailable', `Cannot commit to the database: ${messageOf(cause)}`, { cause });
    }
    this.#committed = this.#last;
    this.#journal.written();
  }

  /** Where SQLite has not done it of its own accord, as after some errors (sqlite.org/lang_transaction.html). */
  #rollBack(): void {
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
  }

  /** Resolves when everything committed so far is on the disk; rejects where the disk refuses it. */
  durable(): Promise<void> {
    return this.#journal.durable();
  }

  /** The newest row of every object that exists. */
  current(): readonly LogRow[] {
    const rows = new Map<number, LogRow>();
    for (const raw of this.#database.prepare('SELECT * FROM log ORDER BY revision').iterate()) {
      const row = rowOf(raw);
      rows.delete(row.previous);
      if (!row.isDeleted) rows.set(row.revision, row);
    }
    return [...rows.values()];
  }

  /** Changes of one resource after `revision`, oldest first; throws `gone` where some of them are compacted away. */
  since(storage: string, revision: number): readonly LogRow[] {
    if (revision < this.#compacted) {
      throw new FairleadError(
        'gone',
        `Cannot read changes since ${revision}: ${this.#compacted} is the oldest kept`,
      );
    }
    return this.#since.all(revision, storage).map(rowOf);
  }

  /** The row of one revision, undefined where it is compacted. */
  at(revision: number): LogRow | undefined {
    const row = this.#one.get(revision);
    return row === undefined ? undefined : rowOf(row);
  }

  /** Forgets what was superseded or deleted up to `revision`. */
  compact(revision: number): void {
    if (revision <= this.#compacted) return;
    this.commit();
    this.#database.exec('BEGIN');
    try {
      this.#database
        .prepare(
          'DELETE FROM log WHERE revision IN (SELECT previous FROM log WHERE revision > ? AND revision <= ?)',
        )
        .run(this.#compacted, revision);
      this.#database
        .prepare('DELETE FROM log WHERE deleted = 1 AND revision > ? AND revision <= ?')
        .run(this.#compacted, revision);
      this.#database.prepare("INSERT OR REPLACE INTO facts VALUES ('compacted', ?)").run(revision);
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
    this.#compacted = revision;
    this.#giveBackPages();
  }

  /** A file that held many objects once does not stay large for ever; a part stays free, since the next writes need it. */
  #giveBackPages(): void {
    const [pages, free] = [this.#pragma('page_count'), this.#pragma('freelist_count')];
    const spare = Math.min(free - Math.floor(pages / 4), PAGES_PER_COMPACTION);
    if (spare > 0) this.#database.exec(`PRAGMA incremental_vacuum(${spare})`);
  }

  #pragma(name: 'page_count' | 'freelist_count'): number {
    return Number(this.#database.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0);
  }

  async close(): Promise<void> {
    try {
      this.commit();
      await this.#journal.close();
    } finally {
      this.#database.close();
    }
  }

  #fact(name: string): number {
    const row = this.#database.prepare('SELECT value FROM facts WHERE name = ?').get(name);
    return Number(row?.['value'] ?? 0);
  }
}

/** The file that commits go to first (write-ahead log, sqlite.org/wal.html): all of them are on the disk when it is. */
class Journal {
  readonly #file: string;
  #handle: FileHandle | undefined;
  #isDirty = false;
  /** The sync that is under way, and the one that will begin after it, for all who came meanwhile. */
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  written(): void {
    this.#isDirty = true;
  }

  durable(): Promise<void> {
    if (!this.#isDirty) return this.#running ?? Promise.resolve();
    this.#next ??= this.#afterRunning();
    return this.#next;
  }

  async #afterRunning(): Promise<void> {
    // Whoever waits for that one hears of its failure himself.
    await this.#running?.catch(() => undefined);
    this.#running = this.#next;
    this.#next = undefined;
    this.#isDirty = false;
    try {
      this.#handle ??= await open(this.#file, 'r+');
      await this.#handle.datasync();
    } catch (cause) {
      this.#isDirty = true;
      throw new FairleadError('unavailable', `Cannot bring ${this.#file} to the disk: ${messageOf(cause)}`, {
        cause,
      });
    } finally {
      this.#running = undefined;
    }
  }

  async close(): Promise<void> {
    try {
      await this.durable();
    } finally {
      await this.#handle?.close();
      this.#handle = undefined;
    }
  }
}

function openDatabase(file: string): DatabaseSync {
  try {
    const database = new DatabaseSync(file);
    database.exec(SCHEMA);
    return database;
  } catch (cause) {
    throw new FairleadError('internal', `Cannot open database ${file}: ${messageOf(cause)}`, { cause });
  }
}

function rowOf(raw: Record<string, unknown>): LogRow {
  return {
    revision: Number(raw['revision']),
    storage: String(raw['storage']),
    key: String(raw['key']),
    isDeleted: raw['deleted'] === 1,
    previous: Number(raw['previous']),
    value: raw['value'] as Uint8Array, // The column is a BLOB that is never null.
  };
}
