// Elements of many rows in transactions; what the kernel refuses is looked up and done row by row.

import { collector } from './collector.ts';
import { nameOf, setOf } from './element-codec.ts';
import type { ElementChange, ElementTable } from './element-table.ts';

/** Other work gets its turn between transactions. */
const ROWS_PER_TRANSACTION = 2000;

/** Failures by key; each row changes whole or not at all. */
export async function changeElements(
  table: ElementTable,
  changes: ReadonlyMap<string, ElementChange>,
  failures: Map<string, unknown>,
): Promise<void> {
  const all = [...changes].filter(([, it]) => it.add.length + it.remove.length + (it.clear?.length ?? 0) > 0);
  for (let at = 0; at < all.length; at += ROWS_PER_TRANSACTION) {
    if (at > 0) await new Promise((resolve) => setImmediate(resolve));
    await changeSome(table, all.slice(at, at + ROWS_PER_TRANSACTION), failures);
  }
}

async function changeSome(
  table: ElementTable,
  rows: readonly (readonly [string, ElementChange])[],
  failures: Map<string, unknown>,
): Promise<void> {
  const each = collector(failures);
  let left = rows;
  while (left.length > 0) {
    const refused = new Set(table.change(left.map(([, it]) => it)).map(({ at }) => at));
    if (refused.size === 0) return;
    // The table is another than it was seen: somebody changed it, or this is the second attempt.
    const odd = refused.has(-1) ? left : left.filter((_, at) => refused.has(at));
    for (const [key, it] of odd) await each(key, async () => changeOne(table, await against(table, it)));
    left = refused.has(-1) ? [] : left.filter((_, at) => !refused.has(at));
  }
}

function changeOne(table: ElementTable, change: ElementChange): void {
  const [refused] = table.change([change]);
  if (refused !== undefined) throw refused.error;
}

/** The change, given what the table holds now. */
async function against(table: ElementTable, change: ElementChange): Promise<ElementChange> {
  const remove: string[] = [];
  const clear = [...(change.clear ?? [])];
  for (const it of change.remove) {
    // A range is not found by its key, but it has no value: it may be added to be removed.
    if (setOf(it).startsWith('ranges')) clear.push(it);
    else if ((await table.find(it)) !== undefined) remove.push(it);
  }
  const names = new Set(remove.map(nameOf));
  for (const it of change.add) {
    if (nameOf(it) === it || names.has(nameOf(it))) continue;
    const found = await table.find(it);
    if (found !== undefined && found !== it) remove.push(found);
  }
  return { remove, add: change.add, clear };
}
