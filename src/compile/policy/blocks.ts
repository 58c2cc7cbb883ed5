// Prefixes that policies name, as blocks: every address is in exactly one, that of the longest prefix around it, and what a rule says of a prefix it says of
// the whole of a block. Pure.

import { cidrBase, cidrFamily, cidrHasCidr, cidrLength, type Cidr } from '../../base/cidr.ts';
import { ipToBigInt } from '../../base/ip.ts';
import { numbersOf } from './number-of.ts';
import type { Group } from './own-groups.ts';
import type { DirectionRules, PeerMatch } from './rules.ts';

type BlockMatch = Extract<PeerMatch, { kind: 'block' }>;

/** True where the addresses of the block `prefix` are what the match means. */
export function matchesBlock({ cidr, except }: BlockMatch, prefix: Cidr): boolean {
  return cidrHasCidr(cidr, prefix) && !except.some((it) => cidrHasCidr(it, prefix));
}

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

/** Blocks of all prefixes, and which one an address or a prefix lies in. */
export class BlockIndex {
  readonly numbers: ReadonlyMap<Cidr, number>;
  readonly #known = new Map<Cidr, number>();
  readonly #byLength: readonly (readonly [bits: number, blocks: ReadonlyMap<string, number>])[];

  constructor(prefixes: Iterable<Cidr>) {
    this.numbers = numbersOf(prefixes, BLOCK_NUMBERS) as ReadonlyMap<Cidr, number>;
    const lengths = Map.groupBy(this.numbers, ([cidr]) => cidrLength(cidr));
    this.#byLength = [...lengths]
      .toSorted(([a], [b]) => b - a)
      .map(([bits, blocks]) => [bits, new Map(blocks.map(([cidr, number]) => [keyOf(cidr, bits), number]))]);
  }

  /** The block that all of `prefix` lies in, 0 for none. */
  blockOf(prefix: Cidr): number {
    const known = this.#known.get(prefix);
    if (known !== undefined) return known;
    const found = this.#find(prefix);
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(prefix, found);
    return found;
  }

  #find(prefix: Cidr): number {
    const own = cidrLength(prefix);
    for (const [bits, blocks] of this.#byLength) {
      const found = bits > own ? undefined : blocks.get(keyOf(prefix, bits));
      if (found !== undefined) return found;
    }
    return 0;
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

/** The first bits of a prefix, with its family. */
function keyOf(prefix: Cidr, bits: number): string {
  const family = cidrFamily(prefix);
  const shift = BigInt((family === 4 ? 32 : 128) - bits);
  return `${family}/${ipToBigInt(cidrBase(prefix)) >> shift}`;
}
