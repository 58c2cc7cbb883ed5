// Prefixes as nft's interval sets take them. Pure.

import { cidrHasCidr, type Cidr } from '../../base/cidr.ts';

/** Each prefix once, and none that lies in another: nft refuses overlapping elements. */
export function withoutCovered(cidrs: readonly Cidr[]): readonly Cidr[] {
  const unique = [...new Set(cidrs)];
  return unique.filter((inner) => !unique.some((outer) => outer !== inner && cidrHasCidr(outer, inner)));
}
