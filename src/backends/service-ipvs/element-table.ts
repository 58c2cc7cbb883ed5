// The table beside IPVS in the kernel: its rules by the program nft, its elements by netlink.

import type { NfTables, RefusedChange } from '../../sys/nf-tables.ts';
import { applyNft, type NftPlace } from '../../sys/nft.ts';
import type { NftElementChange } from '../../wire/netlink/nftables.ts';
import { decodeElement, encodeElement, FRONTEND_SETS, nameOf, setOf } from './element-codec.ts';
import { IPVS_TABLE } from './table.ts';

/** What of the elements goes and comes; to remove what is not there is refused, and with it the whole transaction. */
export interface ElementChange {
  readonly remove: readonly string[];
  readonly add: readonly string[];
  /** Removed whether they are there or not; of elements without values. */
  readonly clear?: readonly string[];
}

/** A change that the kernel refused; nothing of the transaction happened. */
export interface RefusedElements {
  /** Position of the change; -1 for the transaction itself. */
  readonly at: number;
  readonly error: unknown;
}

/** Elements are text, as rows have them. */
export interface ElementTable {
  /** All of them, or of some sets; undefined where there is no table. */
  list(sets?: readonly string[]): Promise<readonly string[] | undefined>;
  /** The one of the same set and key, whatever its value; not for `ranges`. */
  find(element: string): Promise<string | undefined>;
  /** One transaction. */
  change(changes: readonly ElementChange[]): readonly RefusedElements[];
  hasFrontends(): Promise<boolean>;
  /** What the table says of itself (`tableMark`): the comment of the first rule that has one. Empty where none has, undefined without a table. */
  mark(): Promise<string | undefined>;
  /** The rules and sets anew; an empty script removes all. */
  load(script: string): Promise<void>;
}

export function elementTable(tables: NfTables, place: NftPlace): ElementTable {
  const { name } = IPVS_TABLE;
  return {
    list: async (sets = FRONTEND_SETS) => {
      if ((await tables.listChains(name)).length === 0) return undefined;
      const lists: string[][] = [];
      for (const set of sets) {
        const elements = (await tables.listElements(name, set)) ?? [];
        lists.push(elements.flatMap((it) => decodeElement(set, it) ?? []));
      }
      return lists.flat();
    },
    find: async (element) => {
      const found = await tables.element(name, setOf(element), encodeElement(nameOf(element)).key);
      return found && decodeElement(setOf(element), found);
    },
    change: (changes) => change(tables, changes),
    hasFrontends: async () => {
      for (const set of ['outside4', 'outside6'])
        if (((await tables.listElements(name, set)) ?? []).length > 0) return true;
      return false;
    },
    mark: async () => {
      if ((await tables.listChains(name)).length === 0) return undefined;
      const rules = await tables.listRules(name);
      return rules.find((it) => it.comment !== undefined)?.comment ?? '';
    },
    load: (script) => applyNft(script, place),
  };
}

function change(tables: NfTables, changes: readonly ElementChange[]): readonly RefusedElements[] {
  const planned = changes.map(plan);
  const owners = planned.flatMap((it, at) => it.map(() => at));
  return tables
    .apply(planned.flat())
    .map(({ at, error }: RefusedChange): RefusedElements => ({ at: owners[at] ?? -1, error }));
}

/** What goes comes first, so that an element may get another value. */
function plan({ remove, add, clear = [] }: ElementChange): readonly NftElementChange[] {
  return [
    ...bySet('delete', remove.map(nameOf)),
    ...bySet('add', [...clear, ...add]),
    ...bySet('delete', clear),
  ];
}

function bySet(kind: 'add' | 'delete', texts: readonly string[]): readonly NftElementChange[] {
  return [...Map.groupBy(texts, setOf)].map(([set, elements]) => ({
    kind,
    table: IPVS_TABLE.name,
    set,
    elements: elements.map(encodeElement),
  }));
}
