// An nftables table of a fixed skeleton and sets of prefixes: what is programmed while a node runs are elements alone. Pure.

import { cidrFamily, type Cidr } from '../../base/cidr.ts';
import type { Family } from '../../base/ip.ts';
import type { NftTable } from '../../sys/nft.ts';
import { withoutCovered } from './without-covered.ts';

/** The plan of a table. Its sets are pairs, one per family: "pods" stands for `pods4` and `pods6`. */
export interface TablePlan {
  readonly table: NftTable;
  readonly sets: readonly string[];
  /** `add chain` and `add rule` lines without the table; every rule carries `comment "<mark>"`. */
  readonly lines: readonly string[];
  readonly rules: number;
  /** Comment of the rules; another number makes an agent load the table anew. */
  readonly mark: string;
}

/** The table without elements, or one element of one of its sets. */
export type TableEntry =
  | { readonly kind: 'skeleton'; readonly mark: string }
  | { readonly kind: 'element'; readonly set: string; readonly cidr: Cidr };

export type TableElement = Extract<TableEntry, { readonly kind: 'element' }>;

export const SKELETON_KEY = 'skeleton';

const FAMILIES: readonly Family[] = [4, 6];

/** Names of the table's sets with the family of their elements. */
export function setNames(plan: TablePlan): ReadonlyMap<string, Family> {
  return new Map(plan.sets.flatMap((set) => FAMILIES.map((family) => [`${set}${family}`, family] as const)));
}

/** The skeleton and the elements by set ("pods") and prefix; the key is the set's own name and the prefix: "inside4 10.89.1.12/32". */
export function renderTable(
  plan: TablePlan,
  elements: Readonly<Record<string, readonly Cidr[]>>,
): ReadonlyMap<string, TableEntry> {
  const all = Object.entries(elements).flatMap(([set, cidrs]) =>
    withoutCovered(cidrs).map((cidr): TableElement => ({
      kind: 'element',
      set: `${set}${cidrFamily(cidr)}`,
      cidr,
    })),
  );
  return new Map<string, TableEntry>([
    [SKELETON_KEY, { kind: 'skeleton', mark: plan.mark }],
    ...all.map((it) => [elementKey(it), it] as const),
  ]);
}

export function elementKey({ set, cidr }: TableElement): string {
  return `${set} ${cidr}`;
}

/** The table with its sets, empty, and its rules. Loading it anew keeps nothing: elements follow in the same transaction. */
export function skeletonScript(plan: TablePlan): string {
  const table = `${plan.table.family} ${plan.table.name}`;
  const sets = [...setNames(plan)].map(
    ([name, family]) => `add set ${table} ${name} { type ipv${family}_addr; flags interval; }`,
  );
  const lines = plan.lines.map((line) => line.replace(/^add (chain|rule) /, `add $1 ${table} `));
  return [`add table ${table}`, `delete table ${table}`, `add table ${table}`, ...sets, ...lines, ''].join(
    '\n',
  );
}
