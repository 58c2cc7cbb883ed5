// Frontends as elements of the table: a row per frontend. A change of one is one transaction of its own elements.

import { hasCode } from '../../base/errors.ts';
import type { Target } from '../../reconcile/target.ts';
import type { NfTables } from '../../sys/nf-tables.ts';
import { applyNft, type NftPlace } from '../../sys/nft.ts';
import { errnoOf } from '../../sys/errno.ts';
import { chainOfKind, kindOfMark, type FlowKind } from './flow-kind.ts';
import { isSameRow, type FrontendRow } from './frontend-row.ts';
import { observeKinds, observeRows } from './observe.ts';
import { kindsScript } from './skeleton.ts';
import { transact, type RowChange } from './transact.ts';

/** What the kernel says where it holds something else than we thought. */
const CONFLICTS = new Set(['ENOENT', 'EEXIST', 'EBUSY', 'ENOTEMPTY']);

export function frontendTarget(tables: NfTables, place: NftPlace): Target<FrontendRow> {
  return {
    name: 'service-nftables',
    observe: () => observeRows(tables),
    isEqual: isSameRow,
    update: (rows, signal, seen) => update(rows, seen, { tables, place: { ...place, signal } }),
    delete: (rows) =>
      write(
        tables,
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
  readonly place: NftPlace;
}

async function update(
  rows: ReadonlyMap<string, FrontendRow>,
  seen: ReadonlyMap<string, FrontendRow>,
  doors: Doors,
): Promise<ReadonlyMap<string, unknown>> {
  await addKinds(rows.values(), doors);
  return write(
    doors.tables,
    [...rows].map(([key, to]) => ({ key, from: seen.get(key), to })),
  );
}

/** A kind of flow that no frontend had before gets its chain first: nobody is sent there yet. */
async function addKinds(rows: Iterable<FrontendRow>, { tables, place }: Doors): Promise<void> {
  const wanted = new Map<string, FlowKind>();
  for (const { elements } of rows) {
    for (const set of ['services', 'outside']) {
      const kind = kindOfMark(Number(elements.get(set) ?? 0));
      if (kind !== undefined) wanted.set(chainOfKind(kind), kind);
    }
  }
  const known = await observeKinds(tables);
  const missing = [...wanted].filter(([name]) => !known.has(name)).map(([, kind]) => kind);
  if (missing.length > 0) await applyNft(kindsScript(missing), place);
}

/** What another hand changed since it was seen is looked up, and the true difference made. */
async function write(tables: NfTables, changes: readonly RowChange[]): Promise<ReadonlyMap<string, unknown>> {
  const failures = await transact(tables, changes);
  const conflicts = changes.filter(({ key }) => isConflict(failures.get(key)));
  if (conflicts.length === 0) return failures;
  const there = await observeRows(tables);
  const again = await transact(
    tables,
    conflicts.map((it) => ({ ...it, from: there.get(it.key) })),
  );
  const keys = new Set(conflicts.map((it) => it.key));
  return new Map([...[...failures].filter(([key]) => !keys.has(key)), ...again]);
}

function isConflict(error: unknown): boolean {
  return !hasCode(error, 'aborted') && CONFLICTS.has(errnoOf(error) ?? '');
}
