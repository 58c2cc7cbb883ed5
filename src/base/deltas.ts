// Desired against actual, keyed by canonical text: the pure half of every reconciler.

import { ShardedMap } from './sharded-map.ts';

/** What has to happen so that `actual` becomes `desired`. */
export interface Deltas<T> {
  readonly add: ReadonlyMap<string, T>;
  readonly change: ReadonlyMap<string, { readonly from: T; readonly to: T }>;
  readonly remove: ReadonlyMap<string, T>;
}

/** Compares two keyed states; `isEqual` decides whether a key present in both has to change. Of sharded maps only what they do not share is looked at. */
export function deltasOf<T>(
  desired: ReadonlyMap<string, T>,
  actual: ReadonlyMap<string, T>,
  isEqual: (actual: T, desired: T) => boolean,
): Deltas<T> {
  const add = new Map<string, T>();
  const change = new Map<string, { readonly from: T; readonly to: T }>();
  const remove = new Map<string, T>();
  for (const [wanted, known] of differingPairs(desired, actual)) {
    for (const [key, to] of wanted) {
      const from = known.get(key);
      if (from === undefined) add.set(key, to);
      else if (!isEqual(from, to)) change.set(key, { from, to });
    }
    for (const [key, from] of known) if (!wanted.has(key)) remove.set(key, from);
  }
  return { add, change, remove };
}

function differingPairs<T>(
  desired: ReadonlyMap<string, T>,
  actual: ReadonlyMap<string, T>,
): Iterable<readonly [ReadonlyMap<string, T>, ReadonlyMap<string, T>]> {
  const areSharded = desired instanceof ShardedMap && actual instanceof ShardedMap;
  return areSharded ? desired.unshared(actual) : [[desired, actual]];
}

export function isEmptyDeltas(deltas: Deltas<unknown>): boolean {
  return deltas.add.size === 0 && deltas.change.size === 0 && deltas.remove.size === 0;
}
