// Many rules of which a packet meets one, as a tree of chains by the bits that they ask for: a packet passes few of them, and one more rule is one more rule in
// one chain. Pure.

import { cidrOf } from '../../base/cidr.ts';
import { ipFromBigInt, type Family } from '../../base/ip.ts';
import type { ChainBook } from './chain-book.ts';
import type { ChainKind } from './names.ts';
import type { PolicyRule, RuleMatch } from './rule.ts';

export interface TreeRule {
  readonly bits: bigint;
  readonly rule: PolicyRule;
}

export interface TreePlan {
  readonly book: ChainBook;
  readonly kind: ChainKind;
  /** How many bits there are. */
  readonly width: number;
  /** Matches whatever begins with the first `length` bits of `base`. */
  readonly step: (base: bigint, length: number) => RuleMatch;
  /** Rules at the end of each chain: for what is in none. */
  readonly end: readonly PolicyRule[];
}

/** Bits that one chain tells apart. */
const STEP_BITS = 3;
const MAX_RULES = 1 << STEP_BITS;

/** Rules of the first chain; those behind it are in the book. No two rules have the same bits. */
export function treeRules(rules: readonly TreeRule[], plan: TreePlan): readonly PolicyRule[] {
  return branch(
    rules.toSorted((a, b) => (a.bits < b.bits ? -1 : 1)),
    plan,
  );
}

function branch(sorted: readonly TreeRule[], plan: TreePlan): readonly PolicyRule[] {
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (sorted.length <= MAX_RULES || first === undefined || last === undefined)
    return [...sorted.map(({ rule }) => rule), ...plan.end];
  const { width, step, book, kind } = plan;
  const common = commonLength(first.bits, last.bits, width);
  const { length, groups } = split(sorted, common, width);
  const rest = BigInt(width - length);
  const rules = [...groups].map(([head, group]): PolicyRule => {
    const [only] = group;
    if (only !== undefined && group.length === 1) return only.rule;
    const chain = book.add(kind, branch(group, plan));
    return { ...step(head << rest, length), end: { kind: 'goto', chain } };
  });
  return [...rules, ...plan.end];
}

interface Split {
  readonly length: number;
  /** By the first `length` bits. */
  readonly groups: ReadonlyMap<bigint, readonly TreeRule[]>;
}

/** By so few bits that one chain takes what has them, or by as many as one chain tells apart. */
function split(sorted: readonly TreeRule[], common: number, width: number): Split {
  for (let bits = 1; ; bits++) {
    const length = Math.min(width, common + bits);
    const groups = Map.groupBy(sorted, (it) => it.bits >> BigInt(width - length));
    const isSmall = [...groups.values()].every((it) => it.length <= MAX_RULES);
    if (isSmall || bits === STEP_BITS) return { length, groups };
  }
}

/** How many leading bits are the same. */
function commonLength(a: bigint, b: bigint, width: number): number {
  const difference = a ^ b;
  return difference === 0n ? width : width - difference.toString(2).length;
}

/** By an address of the packet. */
export function addressTree(
  family: Family,
  field: 'source' | 'destination',
): Pick<TreePlan, 'width' | 'step'> {
  return {
    width: family === 4 ? 32 : 128,
    step: (base, length) => ({ [field]: cidrOf(ipFromBigInt(base, family), length) }),
  };
}

const MARK_BITS = 16;

/** By the low bits of the packet's mark. */
export const MARK_TREE: Pick<TreePlan, 'width' | 'step'> = {
  width: MARK_BITS,
  step: (base, length) => ({
    mark: { value: Number(base), mask: (0xffff << (MARK_BITS - length)) & 0xffff },
  }),
};
