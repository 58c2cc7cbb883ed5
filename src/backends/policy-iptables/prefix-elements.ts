// Prefixes of which the longest one tells, as what a set of nets holds: only those that say something else than the prefix around them. Pure.

import { cidrBase, cidrLength, type Cidr } from '../../base/cidr.ts';
import type { Family } from '../../base/ip.ts';
import { LongestPrefix } from './longest-prefix.ts';

/** Sets take no prefix of length 0. */
const EVERYTHING: Readonly<Record<Family, readonly string[]>> = {
  4: ['0.0.0.0/1', '128.0.0.0/1'],
  6: ['::/1', '8000::/1'],
};

/** What a set holds where an address in no prefix at all is in it. */
export function topElements(family: Family, isIn: boolean): readonly string[] {
  return isIn ? EVERYTHING[family] : [];
}

/** As `ipset save` prints it; "nomatch" takes the prefix out of a longer one that is in the set. */
export function elementOf(prefix: Cidr, isIn: boolean): string {
  const isHost = cidrLength(prefix) === (prefix.includes(':') ? 128 : 32);
  const text = isHost ? cidrBase(prefix) : prefix;
  return isIn ? text : `${text} nomatch`;
}

/** Of prefixes of one family; `otherwise`: an address that is in none. */
export function prefixElements(
  family: Family,
  prefixes: readonly (readonly [Cidr, boolean])[],
  otherwise: boolean,
): readonly string[] {
  const whole = prefixes.find(([prefix]) => cidrLength(prefix) === 0)?.[1] ?? otherwise;
  const shortFirst = prefixes
    .filter(([prefix]) => cidrLength(prefix) > 0)
    .toSorted(([a], [b]) => cidrLength(a) - cidrLength(b));
  const elements = [...topElements(family, whole)];
  const around = new LongestPrefix<boolean>();
  for (const [prefix, isIn] of shortFirst) {
    if (isIn !== (around.find(cidrBase(prefix)) ?? whole)) elements.push(elementOf(prefix, isIn));
    around.add(prefix, isIn);
  }
  return elements;
}
