// Prefixes as ranges of numbers.

import { cidrBase, cidrSize, type Cidr } from '../base/cidr.ts';
import { ipToBigInt } from '../base/ip.ts';

/** The first address and the one after the last. */
export function cidrRange(cidr: Cidr): readonly [first: bigint, end: bigint] {
  const first = ipToBigInt(cidrBase(cidr));
  return [first, first + cidrSize(cidr)];
}
