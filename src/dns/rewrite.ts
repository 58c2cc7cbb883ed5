// Questions asked under another name than the client's, and answers told under the client's again. Pure.

import { canonicalName, parseDnsName, ROOT_NAME, type DnsName } from '../wire/dns/name.ts';
import { FairleadError } from '../base/errors.ts';
import { readPlainRegex } from '../base/plain-regex.ts';
import type { ConfigFields } from './config-fields.ts';

export const REWRITE_MATCHES = ['exact', 'prefix', 'suffix', 'substring', 'regex'] as const;
type RewriteMatch = (typeof REWRITE_MATCHES)[number];

/** A rule as people write it, with CoreDNS' meanings; `from` and `to` of names as they stand there. */
export interface RewriteFile {
  readonly match: RewriteMatch;
  readonly from: string;
  /** The name to ask for, "{1}" and the like stand for groups of a regex. One of `to` and `ttlS`. */
  readonly to?: string;
  /** Times to live of the answers: brought into these bounds. */
  readonly ttlS?: readonly [number, number];
  /** Names in the answers that match `from` as a whole become `to`; the name asked for becomes the client's in any case. */
  readonly answers?: readonly { readonly from: string; readonly to: string }[];
  /** Rules behind one that matched are tried too: false. */
  readonly continues?: boolean;
}

export interface RewriteRule {
  readonly matcher: Matcher;
  readonly to: string | undefined;
  readonly ttlS: readonly [number, number] | undefined;
  readonly answers: readonly AnswerRule[];
  readonly continues: boolean;
}

interface Matcher {
  readonly match: RewriteMatch;
  /** Lower case, with the trailing dot where the end of the name counts. */
  readonly text: string;
  readonly pattern: RegExp | undefined;
}

interface AnswerRule {
  readonly matcher: Matcher;
  readonly to: string;
}

export interface Rewritten {
  readonly name: DnsName;
  /** A name of the answer as the client is to see it. */
  readonly back: (name: DnsName) => DnsName;
  readonly ttlS: readonly [number, number] | undefined;
}

/** Undefined where no rule matches; throws `invalid` where a rule makes what is no name. */
export function rewrite(rules: readonly RewriteRule[], asked: DnsName): Rewritten | undefined {
  let text = absolute(asked);
  let ttlS: RewriteRule['ttlS'];
  let isMatched = false;
  const answers: AnswerRule[] = [];
  for (const rule of rules) {
    const replaced = replace(rule.matcher, text, rule.to ?? '');
    if (replaced === undefined) continue;
    isMatched = true;
    if (rule.to !== undefined) text = replaced;
    ttlS ??= rule.ttlS;
    answers.unshift(...rule.answers);
    if (!rule.continues) break;
  }
  if (!isMatched) return undefined;
  const name = canonicalName(parseDnsName(text));
  return { name, back: (it) => (canonicalName(it) === name ? asked : renamed(answers, it)), ttlS };
}

export function parseRewrite(fields: ConfigFields): RewriteRule {
  const match = fields.oneOf('match', REWRITE_MATCHES);
  const from = fields.text('from');
  const to = fields.has('to') ? targetOf(match, fields.text('to')) : undefined;
  const given = fields.objects('answers').map((it) => ({
    matcher: it.parsed('from', (text) => matcherOf('regex', text)),
    to: targetOf('regex', it.text('to')),
  }));
  return {
    matcher: fields.parsed('from', (text) => matcherOf(match, text)),
    to,
    ttlS: fields.has('ttlS') ? fields.range('ttlS', [0, 2 ** 31 - 1]) : undefined,
    answers: [...given, ...(to === undefined ? [] : backwards(match, from, to))],
    continues: fields.flag('continues'),
  };
}

/** What a rule undoes by itself in the answers: beginnings and ends that it made. */
function backwards(match: RewriteMatch, from: string, to: string): readonly AnswerRule[] {
  if (match !== 'prefix' && match !== 'suffix') return [];
  return [{ matcher: matcherOf(match, to), to: targetOf(match, from) }];
}

function renamed(rules: readonly AnswerRule[], name: DnsName): DnsName {
  for (const { matcher, to } of rules) {
    const text = replace(matcher, absolute(name), to);
    if (text !== undefined) return parseDnsName(text);
  }
  return name;
}

function replace({ match, text, pattern }: Matcher, name: string, to: string): string | undefined {
  switch (match) {
    case 'exact':
      return name === text ? to : undefined;
    case 'prefix':
      return name.startsWith(text) ? to + name.slice(text.length) : undefined;
    case 'suffix':
      return name.endsWith(text) ? name.slice(0, -text.length) + to : undefined;
    case 'substring':
      return name.includes(text) ? name.replaceAll(text, () => to) : undefined;
    case 'regex': {
      const groups = pattern?.exec(name) ?? undefined;
      return groups && to.replace(/\{(\d{1,2})\}/g, (_, digits) => groups[Number(digits)] ?? '');
    }
    default:
      return match satisfies never;
  }
}

function matcherOf(match: RewriteMatch, from: string): Matcher {
  if (match === 'regex') return { match, text: from, pattern: findingRegex(from) };
  return { match, text: targetOf(match, from), pattern: undefined };
}

function targetOf(match: RewriteMatch, to: string): string {
  const needsDot = (match === 'exact' || match === 'suffix') && !to.endsWith('.');
  return `${to.toLowerCase()}${needsDot ? '.' : ''}`;
}

/** As RE2, which CoreDNS uses, it matches anywhere in the name. */
function findingRegex(text: string): RegExp {
  if (readPlainRegex(text) === undefined) {
    const what = 'no regular expression that all engines read alike, or one that may take for ever';
    throw new FairleadError('invalid', `Cannot read "${text}": ${what}`);
  }
  return new RegExp(text);
}

/** In lower case with the trailing dot, as CoreDNS shows names to its rules. */
function absolute(name: DnsName): string {
  return name === ROOT_NAME ? name : `${canonicalName(name)}.`;
}
