// Names of hosts as Gateway API has them: "*.example.com" stands for one and more labels before example.com, and for that itself not.

/** The name in a Host header: ports do not count, nor do case and a dot at the end. Undefined where there is none. */
export function hostOf(authority: string | undefined): string | undefined {
  if (authority === undefined) return undefined;
  const [, name = authority] = /^(\[[^\]]*\]|[^:]*)(?::\d*)?$/.exec(authority) ?? [];
  const host = name.toLowerCase().replace(/\.$/, '');
  return host === '' ? undefined : host;
}

/** Nothing said means every name, and also that there is none. */
export function matchesHost(pattern: string | undefined, host: string | undefined): boolean {
  if (pattern === undefined) return true;
  if (host === undefined) return false;
  if (!pattern.startsWith('*.')) return pattern === host;
  const suffix = pattern.slice(1);
  return host.endsWith(suffix) && host.length > suffix.length;
}

/** Whether there is a name that both have. */
export function intersects(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined || a === b) return true;
  return holds(a, b) || holds(b, a);
}

function holds(wide: string, narrow: string): boolean {
  return wide.startsWith('*.') && narrow.replace(/^\*/, '').endsWith(wide.slice(1));
}

/** "Precedence must be given to the largest number of: characters in a matching non-wildcard hostname; characters in a matching hostname." */
export function hostRank(pattern: string | undefined): readonly number[] {
  if (pattern === undefined) return [0, 0];
  return [pattern.startsWith('*.') ? 0 : pattern.length, pattern.length];
}

/** Which of two ranks is higher: the first number that differs decides; negative for the first one. */
export function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (const [at, value] of a.entries()) {
    const difference = (b[at] ?? 0) - value;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The most specific of the patterns that have the name, and whether there is one at all. */
export function bestHost(
  patterns: readonly string[],
  host: string | undefined,
): { readonly pattern: string | undefined } | undefined {
  if (patterns.length === 0) return { pattern: undefined };
  const [pattern] = patterns
    .filter((it) => matchesHost(it, host))
    .sort((a, b) => compareRanks(hostRank(a), hostRank(b)));
  return pattern === undefined ? undefined : { pattern };
}
