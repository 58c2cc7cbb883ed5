// Patterns of schemas: RE2, as the API has them. They are hostile: a match takes time linear in the text, a program that grows too large does not compile.

import { RE2JS } from 're2js';
import { messageOf } from '../../base/errors.ts';

/** As long as a pattern may be. */
const MAX_PATTERN_LENGTH = 4096;

export interface Pattern {
  readonly source: string;
  /** True where the pattern is found somewhere in `text`. */
  readonly isIn: (text: string) => boolean;
}

/** Undefined where `source` is no pattern: `patternError` says why. */
export function patternOf(source: string): Pattern | undefined {
  if (source.length > MAX_PATTERN_LENGTH) return undefined;
  try {
    const compiled = RE2JS.compile(source);
    return { source, isIn: (text) => compiled.matcher(text).find() };
  } catch {
    return undefined;
  }
}

/** Compiled when it is first asked: there are thousands in a server that starts. What is no pattern is in nothing. */
export function lazyPattern(source: string): Pattern {
  let compiled: Pattern | undefined;
  return {
    source,
    isIn: (text) => {
      compiled ??= patternOf(source) ?? { source, isIn: () => false };
      return compiled.isIn(text);
    },
  };
}

export function patternError(source: string): string | undefined {
  if (source.length > MAX_PATTERN_LENGTH) return `must be no longer than ${MAX_PATTERN_LENGTH} characters`;
  try {
    RE2JS.compile(source);
    return undefined;
  } catch (error) {
    return `must be a valid regular expression, but isn't: ${messageOf(error)}`;
  }
}

/** What `source` finds in `text`, one after the other, `most` at most. */
export function findAllIn(text: string, source: string, most: number): readonly string[] {
  const matcher = RE2JS.compile(source).matcher(text);
  const found: string[] = [];
  while (found.length < most && matcher.find()) found.push(matcher.group() ?? '');
  return found;
}
