// Prefixes that policies name, as blocks: every address is in exactly one, that of the longest prefix around it, and what a rule says of a prefix it says of
// the whole of a block. Pure.

import { cidrBase, cidrLength, type Cidr } from '../../base/cidr.ts';
import { familyOf, ipToBigInt, type Family } from '../../base/ip.ts';
import { numbersOf } from './number-of.ts';
import type { Group } from './own-groups.ts';
import type { DirectionRules, PeerMatch } from './rules.ts';

type BlockMatch = Extract<PeerMatch, { kind: 'block' }>;

/** Every prefix that the rules name, and every hole in one. */
export function prefixesOf({ admin, rules, baseline }: DirectionRules): ReadonlySet<Cidr> {
  const prefixes = new Set<Cidr>();
  for (const { peers = [] } of [...admin, ...rules, ...baseline]) {
    for (const peer of peers) {
      if (peer.kind !== 'block') continue;
      prefixes.add(peer.cidr);
      for (const hole of peer.except) prefixes.add(hole);
    }
  }
  return prefixes;
}

/** Above zero, which stands for no block. */
const BLOCK_NUMBERS = { first: 1, count: 0x7fff_ffff };

/** Prefixes whose block is remembered: more than a cluster has addresses at a time. */
const MAX_KNOWN = 100_000;

/** Values by prefix, found by what lies within one. */
export class PrefixIndex<T> {
  readonly #byLength: readonly (readonly [bits: number, values: ReadonlyMap<string, T>])[];

  constructor(entries: Iterable<readonly [Cidr, T]>) {
    const lengths = Map.groupBy(entries, ([cidr]) => cidrLength(cidr));
    this.#byLength = [...lengths]
      .toSorted(([a], [b]) => b - a)
      .map(([bits, all]) => [
        bits,
        new Map(all.map(([cidr, value]) => [keyOf(numberOf(cidr), bits), value])),
      ]);
  }

  /** Those of the prefixes that hold all of this one, the longest first. */
  *around(prefix: Cidr): Generator<T> {
    const [own, number] = [cidrLength(prefix), numberOf(prefix)];
    for (const [bits, values] of this.#byLength) {
      const found = bits > own ? undefined : values.get(keyOf(number, bits));
      if (found !== undefined) yield found;
    }
  }

  hasAround(prefix: Cidr): boolean {
    return this.around(prefix).next().done !== true;
  }
}

/** What a rule says of blocks, which may be thousands: a question costs what prefixes there are around one, not all. */
export class RuleBlocks {
  readonly #holes: PrefixIndex<readonly PrefixIndex<true>[]>;

  constructor(matches: Iterable<BlockMatch>) {
    const byCidr = Map.groupBy(matches, ({ cidr }) => cidr);
    this.#holes = new PrefixIndex(
      [...byCidr].map(([cidr, all]) => [
        cidr,
        all.map(({ except }) => new PrefixIndex(except.map((it) => [it, true] as const))),
      ]),
    );
  }

  /** True where the addresses of the block `prefix` are what one of them means. */
  mean(prefix: Cidr): boolean {
    return this.#holes.around(prefix).some((holes) => holes.some((it) => !it.hasAround(prefix)));
  }
}

/** Blocks of all prefixes, and which one an address or a prefix lies in. */
export class BlockIndex {
  readonly numbers: ReadonlyMap<Cidr, number>;
  readonly #known = new Map<Cidr, number>();
  readonly #index: PrefixIndex<number>;

  constructor(prefixes: Iterable<Cidr>) {
    this.numbers = numbersOf(prefixes, BLOCK_NUMBERS) as ReadonlyMap<Cidr, number>;
    this.#index = new PrefixIndex(this.numbers);
  }

  /** The block that all of `prefix` lies in, 0 for none. */
  blockOf(prefix: Cidr): number {
    const known = this.#known.get(prefix);
    if (known !== undefined) return known;
    const found = this.#index.around(prefix).next().value ?? 0;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(prefix, found);
    return found;
  }
}

/** The index of before where the groups name the same prefixes. */
export function keepBlocks(before: BlockIndex, groups: Iterable<Pick<Group, 'rules'>>): BlockIndex {
  const prefixes = new Set<Cidr>();
  for (const { rules } of groups)
    for (const it of [rules.ingress, rules.egress]) for (const prefix of prefixesOf(it)) prefixes.add(prefix);
  const isSame = prefixes.size === before.numbers.size && [...prefixes].every((it) => before.numbers.has(it));
  return isSame ? before : new BlockIndex(prefixes);
}

interface PrefixNumber {
  readonly family: Family;
  readonly number: bigint;
}

function numberOf(prefix: Cidr): PrefixNumber {
  const base = cidrBase(prefix);
  return { family: familyOf(base), number: ipToBigInt(base) };
}

/** The first bits of a prefix, with its family. */
function keyOf({ family, number }: PrefixNumber, bits: number): string {
  return `${family}/${number >> BigInt((family === 4 ? 32 : 128) - bits)}`;
}
