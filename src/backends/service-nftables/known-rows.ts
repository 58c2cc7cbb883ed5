// What the table holds, read once and then kept as long as the kernel itself says that nobody else has changed anything. Reading all elements
// costs the kernel more than their number (it begins each part of a list from the front of the set): a second at 10,000 Services.

import type { NfTables, RefusedChange } from '../../sys/nf-tables.ts';
import { errnoOf } from '../../sys/errno.ts';
import type { NftElementChange } from '../../wire/netlink/nftables.ts';
import type { FrontendRow } from './frontend-row.ts';
import { observeRows } from './observe.ts';

/** What a row was and what it is to be; undefined for nothing. */
export interface RowChange {
  readonly key: string;
  readonly from: FrontendRow | undefined;
  readonly to: FrontendRow | undefined;
}

/**
 * The kernel counts the transactions of a namespace (its generation). It decides, not this memory: a number that is not the one after our own last
 * transaction makes everything be read anew, and our transactions name the number that they build on.
 */
export class KnownRows {
  readonly #tables: NfTables;
  #rows: Map<string, FrontendRow> | undefined;
  #generation = 0;

  constructor(tables: NfTables) {
    this.#tables = tables;
  }

  async observe(): Promise<ReadonlyMap<string, FrontendRow>> {
    const generation = this.#tables.generation();
    if (this.#rows !== undefined && this.#generation === generation) return new Map(this.#rows);
    this.#rows = undefined;
    const rows = await observeRows(this.#tables);
    // What was read while something changed is not of one moment.
    if (this.#tables.generation() !== generation) return rows;
    this.#rows = new Map(rows);
    this.#generation = generation;
    return rows;
  }

  /** The row as it is where that is known, else as the caller saw it. */
  rowOf(key: string, seen: FrontendRow | undefined): FrontendRow | undefined {
    return this.#rows === undefined ? seen : this.#rows.get(key);
  }

  /** One transaction, which makes these rows of what they were. */
  apply(changes: readonly NftElementChange[], rows: readonly RowChange[]): readonly RefusedChange[] {
    const known = this.#rows;
    if (known === undefined) return this.#tables.apply(changes);
    const next = this.#generation === 0xffff_ffff ? 1 : this.#generation + 1;
    this.#rows = undefined;
    const refused = this.#tables.apply(changes, this.#generation);
    // Somebody else was here: the differences are tried all the same, and what does not fit is looked up.
    if (refused.some(({ error }) => errnoOf(error) === 'ERESTART')) return this.#tables.apply(changes);
    if (refused.length > 0 || this.#tables.generation() !== next) return refused;
    for (const { key, to } of rows) {
      if (to === undefined) known.delete(key);
      else known.set(key, to);
    }
    this.#rows = known;
    this.#generation = next;
    return refused;
  }
}
