// Whether a frontend's virtual service or its elements change first: who comes between the two must meet what was or what will be. Pure.

import type { IpvsRow } from './row.ts';

/**
 * Where the new elements bring clients to the service, or show more of them to its endpoints, it has to be good for those before. Else the elements
 * come first: they take clients away before the endpoints are others.
 */
export function isServiceFirst(row: IpvsRow, before: IpvsRow | undefined): boolean {
  if (before?.inside === undefined || row.inside === undefined) return false;
  if (row.inside.destinations.length === 0) return false;
  // An element says what an empty frontend answers.
  if (verdictOf(before, 'inside') !== undefined) return true;
  // One that drains leads nobody, and its elements are gone that say who may.
  if (before.inside.destinations.every(({ weight }) => weight === 0)) return false;
  return exposureOf(row) > exposureOf(before);
}

/** What the service is to outside clients: 0 not theirs, 1 theirs behind the node's address, 2 theirs with their own. */
function exposureOf(row: IpvsRow): number {
  const verdict = verdictOf(row, 'outside');
  return verdict === 'goto keep' ? 2 : verdict === 'goto hidden' ? 1 : 0;
}

function verdictOf({ elements }: IpvsRow, map: 'inside' | 'outside'): string | undefined {
  return elements.find((it) => it.startsWith(map))?.split(' : ')[1];
}
