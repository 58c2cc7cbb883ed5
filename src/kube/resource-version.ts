// How resource versions compare.

/** Negative where `a` is the older one. Decimal numbers of any length, comparable by KEP-5504; the empty text is older than all. */
export function compareResourceVersions(a: string, b: string): number {
  return a.length === b.length ? (a < b ? -1 : a > b ? 1 : 0) : a.length - b.length;
}
