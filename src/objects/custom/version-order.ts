// Which version of a group comes first: v2 before v1 before v1beta2 before v1alpha1, whatever is named otherwise last.

const VERSION = /^v(\d{1,9})(?:(alpha|beta)(\d{1,9}))?$/;

/** For sorting: the version that clients should prefer first. */
export function compareVersions(a: string, b: string): number {
  const ranks = [rankOf(a), rankOf(b)] as const;
  for (const [i, rank] of ranks[0].entries()) {
    const other = ranks[1][i] ?? 0;
    if (rank !== other) return other - rank;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

function rankOf(version: string): readonly [stability: number, major: number, minor: number] {
  const match = VERSION.exec(version);
  if (match === null) return [0, 0, 0];
  const [, major, stability, minor = '0'] = match;
  return [stability === undefined ? 3 : stability === 'beta' ? 2 : 1, Number(major), Number(minor)];
}
