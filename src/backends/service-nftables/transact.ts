// Rows into the kernel: the differences of elements, in transactions of whole rows.

import type { NftElement, NftElementChange } from '../../wire/netlink/nftables.ts';
import { familyOf } from '../../base/ip.ts';
import { addressKey, encodeElement, setName, setOfName } from './element-codec.ts';
import type { FrontendSet } from './frontend-row.ts';
import type { KnownRows, RowChange } from './known-rows.ts';
import { SERVICE_TABLE } from './skeleton-entry.ts';

/** About a megabyte and ten milliseconds; other work gets its turn between. */
const ELEMENTS_PER_TRANSACTION = 8192;

/** Makes the changes; each row changes whole or not at all. Failures by key: of those nothing has happened. */
export async function transact(
  known: KnownRows,
  changes: Iterable<RowChange>,
): Promise<ReadonlyMap<string, unknown>> {
  const failures = new Map<string, unknown>();
  let part: PlannedChange[] = [];
  let count = 0;
  const flush = (): void => {
    applyPart(known, part, failures);
    part = [];
    count = 0;
  };
  for (const change of changes) {
    const planned = plan({ ...change, from: known.rowOf(change.key, change.from) });
    part.push(planned);
    count += planned.count;
    if (count < ELEMENTS_PER_TRANSACTION) continue;
    flush();
    await new Promise((resolve) => setImmediate(resolve));
  }
  flush();
  return failures;
}

interface PlannedChange {
  readonly key: string;
  readonly row: RowChange;
  readonly changes: readonly NftElementChange[];
  readonly count: number;
}

/** One transaction; what the kernel refuses is left out, and the others tried again. */
function applyPart(known: KnownRows, part: readonly PlannedChange[], failures: Map<string, unknown>): void {
  let left = part.filter((it) => it.count > 0);
  // Most transactions are done as they are: only where one is refused has each row messages of its own, which name it.
  if (left.length > 1 && known.apply(merged(left), rowsOf(left)).length === 0) return;
  while (left.length > 0) {
    const owners = left.flatMap((it) => it.changes.map(() => it.key));
    const refused = known.apply(
      left.flatMap((it) => it.changes),
      rowsOf(left),
    );
    if (refused.length === 0) return;
    const failed = new Map<string, unknown>();
    for (const { at, error } of refused) failed.set(owners[at] ?? '', error);
    // A refusal of the transaction itself concerns all of them.
    if (failed.has('')) for (const { key } of left) failed.set(key, failed.get(''));
    for (const { key } of left) if (failed.has(key)) failures.set(key, failed.get(key));
    left = left.filter((it) => !failed.has(it.key));
  }
}

function rowsOf(part: readonly PlannedChange[]): readonly RowChange[] {
  return part.map((it) => it.row);
}

/** The same in few messages: what leaves a set, then what comes into it, whichever row it belongs to. Rows share no element. */
function merged(part: readonly PlannedChange[]): readonly NftElementChange[] {
  const lists = new Map<string, NftElementChange & { readonly elements: NftElement[] }>();
  for (const kind of ['delete', 'add'] as const) {
    for (const change of part.flatMap((it) => it.changes)) {
      if (change.kind !== kind) continue;
      const id = `${kind} ${change.set}`;
      const list = lists.get(id);
      if (list === undefined) lists.set(id, { ...change, elements: [...change.elements] });
      else list.elements.push(...change.elements);
    }
  }
  return [...lists.values()];
}

function plan(row: RowChange): PlannedChange {
  const { key, from, to } = row;
  const address = to ?? from;
  if (address === undefined) return { key, row, changes: [], count: 0 };
  const prefix = addressKey(address);
  const removed = new Map<FrontendSet, NftElement[]>();
  const added = new Map<FrontendSet, NftElement[]>();
  let count = 0;
  for (const [name, value] of from?.elements ?? []) {
    if (to?.elements.get(name) === value) continue;
    push(removed, name, encodeElement(prefix, name, undefined));
    count++;
  }
  for (const [name, value] of to?.elements ?? []) {
    if (from?.elements.get(name) === value) continue;
    push(added, name, encodeElement(prefix, name, value));
    count++;
  }
  const family = familyOf(address.ip);
  const toChange =
    (kind: 'add' | 'delete') =>
    ([set, elements]: readonly [FrontendSet, readonly NftElement[]]): NftElementChange => ({
      kind,
      table: SERVICE_TABLE,
      set: setName(set, family),
      elements,
    });
  return { key, row, changes: [...[...removed].map(toChange('delete')), ...[...added].map(toChange('add'))], count }; // prettier-ignore
}

function push(lists: Map<FrontendSet, NftElement[]>, name: string, element: NftElement): void {
  const set = setOfName(name);
  const list = lists.get(set);
  if (list === undefined) lists.set(set, [element]);
  else list.push(element);
}
