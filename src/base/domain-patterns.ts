// Domain names as policies write them: one name, or "*." for all that lie below one. Pure.

/** Patterns in lower case without a dot at the end, ready to be asked about names in the same form. */
export class DomainPatterns {
  /** Sorted, each one once. */
  readonly all: readonly string[];
  readonly #exact = new Set<string>();
  /** What stands behind the star. */
  readonly #above = new Set<string>();

  constructor(patterns: Iterable<string>) {
    this.all = [...new Set(patterns)].toSorted();
    for (const it of this.all)
      if (it.startsWith(STAR)) this.#above.add(it.slice(STAR.length));
      else this.#exact.add(it);
  }

  /** Whether any pattern means the name: one look-up for each of its labels at most. */
  has(name: string): boolean {
    if (this.#exact.has(name)) return true;
    if (this.#above.size === 0) return false;
    for (const suffix of suffixesOf(name)) if (this.#above.has(suffix)) return true;
    return false;
  }

  /** The patterns that mean the name, sorted. */
  matching(name: string): readonly string[] {
    const found = suffixesOf(name).flatMap((it) => (this.#above.has(it) ? [STAR + it] : []));
    return (this.#exact.has(name) ? [...found, name] : found).toSorted();
  }

  /** The patterns that mean every name that the pattern means, itself among them. */
  around(pattern: string): readonly string[] {
    if (!pattern.startsWith(STAR)) return this.matching(pattern);
    return [
      pattern,
      ...this.matching(pattern.slice(STAR.length)).filter((it) => it.startsWith(STAR)),
    ].toSorted();
  }
}

const STAR = '*.';

/** What is left of a name without its first labels; a star stands for one label at least. */
function suffixesOf(name: string): readonly string[] {
  const suffixes: string[] = [];
  for (let at = name.indexOf('.'); at >= 0; at = name.indexOf('.', at + 1)) suffixes.push(name.slice(at + 1));
  return suffixes;
}
