// Frontends as elements of the table: a row per frontend. A change of one is one transaction of its own elements.

import { hasCode } from '../../base/errors.ts';
import type { Target } from '../../reconcile/target.ts';
import type { NfTables } from '../../sys/nf-tables.ts';
import { applyNft, type NftPlace } from '../../sys/nft.ts';
import { errnoOf } from '../../sys/errno.ts';
import { chainOfKind, kindOfMark, type FlowKind } from './flow-kind.ts';
import { isSameRow, type FrontendRow } from './frontend-row.ts';
import { KnownRows, type RowChange } from './known-rows.ts';
import { observeKinds } from './observe.ts';
import { isFirstKind, kindsScript } from './skeleton.ts';
import { transact } from './transact.ts';

/** What the kernel says where it holds something else than we thought. */
const CONFLICTS = new Set(['ENOENT', 'EEXIST', 'EBUSY', 'ENOTEMPTY']);

export function frontendTarget(tables: NfTables, place: NftPlace): Target<FrontendRow> {
  const known = new KnownRows(tables);
  return {
    name: 'service-nftables',
    // What the table's own target does to them it says (`isBase`).
    isIsolated: true,
    observe: () => known.observe(),
    isEqual: isSameRow,
    update: (rows, signal, seen) => update(rows, seen, { tables, known, place: { ...place, signal } }),
    delete: (rows) =>
      write(
        known,
        [...rows].map(([key, from]) => ({ key, from, to: undefined })),
      ),
    print: (verb, key, row) => [
      `${verb === 'delete' ? 'delete' : 'replace'} elements of ${key}${describe(verb, row)}`,
    ],
  };
}

function describe(verb: 'update' | 'delete', row: FrontendRow): string {
  if (verb === 'delete') return '';
  return `: ${[...row.elements].map(([name, value]) => (value === '' ? name : `${name} : ${value}`)).join(', ')}`;
}

interface Doors {
  readonly tables: NfTables;
  readonly known: KnownRows;
  readonly place: NftPlace;
}

async function update(
  rows: ReadonlyMap<string, FrontendRow>,
  seen: ReadonlyMap<string, FrontendRow>,
  doors: Doors,
): Promise<ReadonlyMap<string, unknown>> {
  await addKinds(newKinds(rows, seen), doors);
  return write(
    doors.known,
    [...rows].map(([key, to]) => ({ key, from: seen.get(key), to })),
  );
}

/** Kinds of flows that these rows had not before, and that are not there from the start. */
function newKinds(
  rows: ReadonlyMap<string, FrontendRow>,
  seen: ReadonlyMap<string, FrontendRow>,
): ReadonlyMap<string, FlowKind> {
  const kinds = new Map<string, FlowKind>();
  for (const [key, { elements }] of rows) {
    for (const set of ['services', 'outside']) {
      const mark = elements.get(set);
      if (mark === undefined || mark === seen.get(key)?.elements.get(set)) continue;
      const kind = kindOfMark(Number(mark));
      if (kind !== undefined && !isFirstKind(kind)) kinds.set(chainOfKind(kind), kind);
    }
  }
  return kinds;
}

/** A kind of flow that no frontend had before gets its chain first: nobody is sent there yet. */
async function addKinds(wanted: ReadonlyMap<string, FlowKind>, { tables, place }: Doors): Promise<void> {
  if (wanted.size === 0) return;
  const known = await observeKinds(tables);
  const missing = [...wanted].filter(([name]) => !known.has(name)).map(([, kind]) => kind);
  if (missing.length > 0) await applyNft(kindsScript(missing), place);
}

/** What another hand changed since it was seen is looked up, and the true difference made. */
async function write(known: KnownRows, changes: readonly RowChange[]): Promise<ReadonlyMap<string, unknown>> {
  const failures = await transact(known, changes);
  const conflicts = changes.filter(({ key }) => isConflict(failures.get(key)));
  if (conflicts.length === 0) return failures;
  const there = await known.observe();
  const again = await transact(
    known,
    conflicts.map((it) => ({ ...it, from: there.get(it.key) })),
  );
  const keys = new Set(conflicts.map((it) => it.key));
  return new Map([...[...failures].filter(([key]) => !keys.has(key)), ...again]);
}

function isConflict(error: unknown): boolean {
  return !hasCode(error, 'aborted') && CONFLICTS.has(errnoOf(error) ?? '');
}
