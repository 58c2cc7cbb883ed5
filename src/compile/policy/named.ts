// Addresses outside by the names that they were answered with: a number for each set of patterns of policies that means one. Pure but for its memory.

import { DomainPatterns } from '../../base/domain-patterns.ts';
import { PEERS } from '../../base/policy-numbers.ts';
import type { ClusterNetworkPolicy } from '../../objects/cluster-network-policy.ts';
import { NumberTable } from './number-of.ts';
import type { NamesMatch } from './rules.ts';

const NAMED_NUMBERS = { first: PEERS.firstNamed, count: 0x1fff_fff0 };

/** Every pattern that a rule of any pod lets through. Those of pods elsewhere count, too: their rules may come to be this node's at any moment. */
export function patternsOf(policies: Iterable<ClusterNetworkPolicy>): readonly string[] {
  return [...policies].flatMap(({ egress }) =>
    egress.flatMap(({ peers }) => peers.flatMap((it) => (it.kind === 'names' ? it.names : []))),
  );
}

/** Which numbers a rule means; the same index as long as no set is another one. */
export class NamedIndex {
  readonly #sets: ReadonlyMap<number, readonly string[]>;
  readonly #matches = new WeakMap<NamesMatch, ReadonlySet<number>>();

  constructor(sets: ReadonlyMap<number, readonly string[]>) {
    this.#sets = sets;
  }

  /** Numbers of the sets that have one of the patterns. */
  matching(match: NamesMatch): ReadonlySet<number> {
    const known = this.#matches.get(match);
    if (known !== undefined) return known;
    const found = new Set<number>();
    for (const [number, patterns] of this.#sets)
      if (patterns.some((it) => match.names.includes(it))) found.add(number);
    this.#matches.set(match, found);
    return found;
  }

  isOf(sets: ReadonlyMap<number, readonly string[]>): boolean {
    return sets.size === this.#sets.size && [...sets.keys()].every((it) => this.#sets.has(it));
  }
}

/**
 * Keeps the sets. Those that one name can have are there before any address is, so that the first one makes nothing anew but its own entry; those of
 * addresses that several names share are there while an address has them.
 */
export class NamedBook {
  readonly #numbers = new NumberTable(NAMED_NUMBERS);
  readonly #shared = new Map<number, { readonly patterns: readonly string[]; count: number }>();
  #alone: ReadonlyMap<number, readonly string[]> = new Map();
  patterns = new DomainPatterns([]);
  index = new NamedIndex(new Map());

  /** True where they are others: then no address has a number any more. */
  setPatterns(all: Iterable<string>): boolean {
    const patterns = new DomainPatterns(all);
    if (patterns.all.join() === this.patterns.all.join()) return false;
    this.patterns = patterns;
    const sets = patterns.all.map((it) => patterns.around(it));
    this.#alone = new Map(sets.map((it) => [this.#numberOf(it), it]));
    this.#shared.clear();
    this.settle();
    return true;
  }

  /** The number of an address that was answered for these names, to be given back by `leave`; undefined where policies mean none of them. */
  enter(names: Iterable<string>): number | undefined {
    const patterns = new Set<string>();
    for (const name of names) for (const it of this.patterns.matching(name)) patterns.add(it);
    if (patterns.size === 0) return undefined;
    const sorted = [...patterns].toSorted();
    const number = this.#numberOf(sorted);
    if (this.#alone.has(number)) return number;
    const shared = this.#shared.get(number) ?? { patterns: sorted, count: 0 };
    shared.count++;
    this.#shared.set(number, shared);
    return number;
  }

  leave(number: number): void {
    const shared = this.#shared.get(number);
    if (shared === undefined || --shared.count > 0) return;
    this.#shared.delete(number);
  }

  /** Brings the index up to what has entered and left. */
  settle(): void {
    const shared = [...this.#shared].map(([number, { patterns }]) => [number, patterns] as const);
    const sets = new Map([...this.#alone, ...shared]);
    if (!this.index.isOf(sets)) this.index = new NamedIndex(sets);
  }

  #numberOf(patterns: readonly string[]): number {
    return this.#numbers.numberOf(patterns.join(' '));
  }
}
