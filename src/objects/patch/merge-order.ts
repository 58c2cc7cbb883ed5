// The order of a merged list: what the patch names stands in the patch's order, what only the server has keeps its place relative to it.

export interface Ordering {
  /** What identifies an element. */
  readonly identity: (item: unknown) => unknown;
  /** Identities in the order that the patch asks for. */
  readonly wanted: readonly unknown[];
  /** Identities in the order before the patch. */
  readonly before: readonly unknown[];
}

/** The elements of `list` reordered; none is lost or added. */
export function mergeOrder(list: readonly unknown[], { identity, wanted, before }: Ordering): unknown[] {
  const rank = new Map(wanted.map((id, i) => [id, i]));
  const place = new Map(before.map((id, i) => [id, i]));
  const rankOf = (item: unknown): number => rank.get(identity(item)) ?? 0;
  const placeOf = (item: unknown): number => place.get(identity(item)) ?? Number.MAX_SAFE_INTEGER;
  const named = list.filter((item) => rank.has(identity(item))).sort((a, b) => rankOf(a) - rankOf(b));
  const others = list.filter((item) => !rank.has(identity(item)));
  const result: unknown[] = [];
  let next = 0;
  for (const item of named) {
    // New elements have no place of before: they follow their neighbour of the patch directly.
    const isNew = !place.has(identity(item));
    while (!isNew && next < others.length && placeOf(others[next]) < placeOf(item))
      result.push(others[next++]);
    result.push(item);
  }
  return [...result, ...others.slice(next)];
}
