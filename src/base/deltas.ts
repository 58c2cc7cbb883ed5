// Desired against actual, keyed by canonical text: the pure half of every reconciler.

/** What has to happen so that `actual` becomes `desired`. */
export interface Deltas<T> {
  readonly add: ReadonlyMap<string, T>;
  readonly change: ReadonlyMap<string, { readonly from: T; readonly to: T }>;
  readonly remove: ReadonlyMap<string, T>;
}

/** Compares two keyed states; `isEqual` decides whether a key present in both has to change. */
export function deltasOf<T>(
  desired: ReadonlyMap<string, T>,
  actual: ReadonlyMap<string, T>,
  isEqual: (a: T, b: T) => boolean,
): Deltas<T> {
  const add = new Map<string, T>();
  const change = new Map<string, { readonly from: T; readonly to: T }>();
  const remove = new Map<string, T>();
  for (const [key, to] of desired) {
    const from = actual.get(key);
    if (from === undefined) add.set(key, to);
    else if (!isEqual(from, to)) change.set(key, { from, to });
  }
  for (const [key, from] of actual) if (!desired.has(key)) remove.set(key, from);
  return { add, change, remove };
}

export function isEmptyDeltas(deltas: Deltas<unknown>): boolean {
  return deltas.add.size === 0 && deltas.change.size === 0 && deltas.remove.size === 0;
}
