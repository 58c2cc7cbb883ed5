// Paths as requests are matched by them, and what becomes of the matched part. Paths count as they were sent: nothing is decoded or normalised.

import { readPlainRegex } from '../base/plain-regex.ts';
import type { PathMatch, PathModifier } from '../objects/gateway-api/http-route.ts';

/** Case counts in all of them. */
export function matchesPath({ type, value }: PathMatch, path: string): boolean {
  switch (type) {
    case 'exact':
      return path === value;
    case 'prefix':
      return path === withoutSlash(value) || path.startsWith(`${withoutSlash(value)}/`);
    case 'regex':
      return readPlainRegex(value)?.test(path) ?? false;
  }
}

/** "A trailing / is ignored": "/" itself is the prefix of no element. */
function withoutSlash(prefix: string): string {
  return prefix.replace(/\/$/, '');
}

/** "Exact path match", then regular expressions, ours to place, then "prefix path match with largest number of characters". */
export function pathRank({ type, value }: PathMatch): readonly number[] {
  if (type === 'prefix') return [0, withoutSlash(value).length];
  return [type === 'exact' ? 2 : 1, value.length];
}

/** The path as a rewrite or redirect wants it; `match` is the one by which the rule was found. */
export function modifyPath(modifier: PathModifier | undefined, match: PathMatch, path: string): string {
  if (modifier === undefined) return path;
  if (modifier.type === 'full') return modifier.value;
  // It stands with prefixes alone, and is nobody's where an earlier rewrite took the prefix away.
  if (match.type !== 'prefix' || !matchesPath(match, path)) return path;
  const rest = path.slice(withoutSlash(match.value).length);
  const changed = `${withoutSlash(modifier.value)}${rest}`;
  return changed.startsWith('/') ? changed : `/${changed}`;
}
