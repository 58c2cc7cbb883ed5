// All that the backend has in the kernel of one family, as it is or shall be. Pure.

import type { Family, Ip } from '../../base/ip.ts';
import type { AddressIndex } from './address-index.ts';
import type { Chains } from './chain-book.ts';

/** Elements as `ipset save` prints them, by the set's name. */
export type AddressSets = ReadonlyMap<string, ReadonlySet<string>>;

export interface PolicyRules {
  readonly family: Family;
  /** Our rules in built-in chains, as lines. */
  readonly jumps: ReadonlyMap<string, string>;
  /** Rules as lines; of what shall be, each chain comes after those named by their content that it leads to. */
  readonly chains: ReadonlyMap<string, { readonly text: string }>;
  readonly sets: AddressSets;
  /** Undefined for what is read back. */
  readonly rendered: RenderedRules | undefined;
}

/** What a trace needs. */
export interface RenderedRules {
  readonly chains: Chains;
  readonly index: AddressIndex;
  /** Addresses of the node's pods that policies know. */
  readonly known: ReadonlySet<Ip>;
}

export const FAMILIES: readonly Family[] = [4, 6];

export function rulesKey(family: Family): string {
  return `IPv${family}`;
}

export function isSameRules(a: PolicyRules, b: PolicyRules): boolean {
  return (
    isSameMap(a.jumps, b.jumps, (one, other) => one === other) &&
    isSameMap(a.chains, b.chains, (one, other) => one.text === other.text) &&
    isSameMap(a.sets, b.sets, isSameSet)
  );
}

function isSameMap<T>(
  a: ReadonlyMap<string, T>,
  b: ReadonlyMap<string, T>,
  isSame: (one: T, other: T) => boolean,
): boolean {
  if (a.size !== b.size) return false;
  for (const [key, one] of a) {
    const other = b.get(key);
    if (other === undefined || !isSame(one, other)) return false;
  }
  return true;
}

function isSameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a === b || (a.size === b.size && a.isSubsetOf(b));
}
