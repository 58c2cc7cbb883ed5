// The SQLite file below the address leases: schema, statements, transactions. Knows no rule of address management.

import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite';
import { FairleadError, messageOf } from '../base/errors.ts';

export type Row = Readonly<Record<string, SQLOutputValue>>;
type Value = string | number | null;

/** A column that the schema says is text. */
export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw new FairleadError('internal', `Cannot read address leases: column ${column} is no text`);
}

/** A column or expression that is a whole number. */
export function integerOf(row: Row | undefined, column: string): number | undefined {
  const value = row?.[column];
  return typeof value === 'number' ? value : undefined;
}

// Leases of another version's form are dropped: those of running interfaces are read back from the kernel (lease-reconciler.ts).
const SCHEMA_VERSION = 2;
const DROP_ALL = 'DROP TABLE IF EXISTS address; DROP TABLE IF EXISTS attachment; DROP TABLE IF EXISTS pool;';

// An address has a row once it was given out: leased (container_id set) or resting since released_ms.
// next_offset counts the addresses of a prefix that were given out at least once.
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS attachment (
    container_id TEXT NOT NULL, ifname TEXT NOT NULL, network TEXT NOT NULL, netns TEXT NOT NULL,
    pod_namespace TEXT, pod_name TEXT, pod_uid TEXT, boot TEXT NOT NULL, created_ms INTEGER NOT NULL,
    ifindex INTEGER,
    PRIMARY KEY (container_id, ifname)
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE IF NOT EXISTS address (
    ip TEXT PRIMARY KEY, prefix TEXT NOT NULL, position INTEGER NOT NULL,
    container_id TEXT, ifname TEXT, released_ms INTEGER,
    CHECK ((container_id IS NULL) = (released_ms IS NOT NULL)),
    FOREIGN KEY (container_id, ifname) REFERENCES attachment
  ) STRICT;
  CREATE INDEX IF NOT EXISTS address_by_owner ON address (container_id, ifname);
  CREATE INDEX IF NOT EXISTS address_by_rest ON address (prefix, released_ms);
  CREATE TABLE IF NOT EXISTS pool (prefix TEXT PRIMARY KEY, next_offset INTEGER NOT NULL) WITHOUT ROWID, STRICT;
`;

/** An open database with prepared statements; one process opens it at a time. */
export class LeaseDb {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(file: string) {
    this.#db = open(file);
  }

  close(): void {
    this.#db.close();
  }

  /** Number of rows changed. */
  run(sql: string, ...values: Value[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  get(sql: string, ...values: Value[]): Row | undefined {
    return this.#statement(sql).get(...values);
  }

  all(sql: string, ...values: Value[]): readonly Row[] {
    return this.#statement(sql).all(...values);
  }

  /** Runs `body` wholly or not at all; errors of ours pass, those of SQLite are wrapped with `action`. */
  transaction<T>(action: string, body: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = body();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      this.#db.exec('ROLLBACK');
      if (error instanceof FairleadError) throw error;
      throw new FairleadError('internal', `Cannot ${action}: ${messageOf(error)}`, { cause: error });
    }
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const made = this.#db.prepare(sql);
    this.#statements.set(sql, made);
    return made;
  }
}

function hasOtherSchema(db: DatabaseSync): boolean {
  return db.prepare('PRAGMA user_version').get()?.['user_version'] !== SCHEMA_VERSION;
}

function open(file: string): DatabaseSync {
  try {
    if (file !== ':memory:') mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    const db = new DatabaseSync(file);
    // WAL with NORMAL survives the death of the process at any point. What a power cut may lose are leases of
    // interfaces that the power cut has removed as well: the boot changed, all of them are dropped anyway.
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON');
    db.exec('PRAGMA locking_mode = EXCLUSIVE');
    if (hasOtherSchema(db)) db.exec(DROP_ALL);
    db.exec(SCHEMA);
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    if (file !== ':memory:') chmodSync(file, 0o600);
    return db;
  } catch (cause) {
    throw new FairleadError('unavailable', `Cannot open address leases ${file}: ${messageOf(cause)}`, {
      cause,
    });
  }
}
