// Which names a pattern has and which pattern is the more specific one. Pure; knows no HAProxy.
// Three kinds beside plain names: "*.example.com" for one and more labels, "?.example.com" for exactly one, "*" for every name.

import type { HostTable } from '../model/gateway.ts';

const NAME = /^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;
const MAX_NAME_CHARACTERS = 253;

/** Undefined where it is no name at all, so that no request can have it. */
export function patternOf(hostname: string | undefined, isOneLabel = false): string | undefined {
  if (hostname === undefined) return '*';
  if (hostname.length > MAX_NAME_CHARACTERS || !NAME.test(hostname)) return undefined;
  return isOneLabel && hostname.startsWith('*.') ? `?${hostname.slice(1)}` : hostname;
}

export function patternOfTable(table: HostTable): string | undefined {
  return patternOf(table.hostname, table.isOneLabel);
}

/** Whether every name of `inner` is one of `outer`. */
export function covers(outer: string, inner: string): boolean {
  if (outer === '*' || outer === inner) return true;
  const suffix = outer.slice(1);
  if (outer.startsWith('*.')) return inner.endsWith(suffix) && inner.length > suffix.length;
  if (!outer.startsWith('?.') || isWild(inner) || !inner.endsWith(suffix)) return false;
  return !inner.slice(0, -suffix.length).includes('.');
}

/** The pattern itself and all others that have every name of it, the most specific one first. */
export function* coveringPatterns(pattern: string): Iterable<string> {
  yield pattern;
  if (pattern === '*') return;
  let rest = pattern;
  if (pattern.startsWith('?.')) yield `*${pattern.slice(1)}`;
  if (isWild(pattern)) rest = pattern.slice(2);
  for (let isFirst = true, dot = rest.indexOf('.'); dot >= 0; dot = rest.indexOf('.')) {
    rest = rest.slice(dot + 1);
    if (isFirst && !isWild(pattern)) yield `?.${rest}`;
    yield `*.${rest}`;
    isFirst = false;
  }
  yield '*';
}

/** What stands for the most specific one of the patterns that have every name of `pattern`. */
export function mostSpecific<T>(byPattern: ReadonlyMap<string, T>, pattern: string): T | undefined {
  for (const it of coveringPatterns(pattern)) {
    const found = byPattern.get(it);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The more specific one first; of the patterns that have one name. */
export function compareSpecificity(a: string, b: string): number {
  return rank(b) - rank(a) || b.length - a.length || (a < b ? -1 : Number(a > b));
}

function rank(pattern: string): number {
  if (pattern === '*') return 0;
  return pattern.startsWith('*.') ? 1 : pattern.startsWith('?.') ? 2 : 3;
}

export function isWild(pattern: string): boolean {
  return pattern === '*' || pattern.startsWith('*.') || pattern.startsWith('?.');
}
