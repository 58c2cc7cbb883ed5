// What one server block comes to while its directives are read, and how they read their words.

import type { PodNames } from '../config.ts';
import type { CacheFile } from '../cache-config.ts';
import { canonicalName, parseDnsName } from '../../wire/dns/name.ts';
import type { ForwardZoneFile } from '../forward-config.ts';
import type { HostsFile } from '../override-config.ts';
import type { QueryLogRuleFile } from '../query-log-config.ts';
import type { RewriteFile } from '../rewrite.ts';
import type { CorefileFinding, CorefileLevel } from './finding.ts';
import type { Word } from './lexer.ts';
import type { Directive } from './parser.ts';

/** A forward directive, for all zones of its block. */
export interface ForwardDraft {
  readonly at: Word;
  readonly file: ForwardZoneFile;
}

export class BlockDraft {
  readonly at: Word;
  /** Names of the block's zones, in lower case without trailing dots; the root is ".". */
  readonly zones: readonly string[];
  readonly clusterDomain: string;
  readonly findings: CorefileFinding[];
  readonly forwards: ForwardDraft[] = [];
  readonly rewrite: RewriteFile[] = [];
  readonly log: QueryLogRuleFile[] = [];
  /** What was understood, a sentence each. */
  readonly words: string[] = [];
  hosts: HostsFile | undefined;
  cache: { readonly at: Word; readonly file: CacheFile } | undefined;
  hasKubernetes = false;
  /** Undefined where the block has no names of the cluster. */
  pods: PodNames | undefined;
  ttlS: number | undefined;
  maxInFlight: number | undefined;

  constructor(of: Pick<BlockDraft, 'at' | 'zones' | 'clusterDomain' | 'findings'>) {
    this.at = of.at;
    this.zones = of.zones;
    this.clusterDomain = of.clusterDomain;
    this.findings = of.findings;
  }

  error(at: Word, message: string, fix: string): void {
    this.#say('error', at, message, fix);
  }

  warning(at: Word, message: string, fix?: string): void {
    this.#say('warning', at, message, fix);
  }

  note(at: Word, message: string): void {
    this.#say('note', at, message, undefined);
  }

  /** Every option by its reader; one that none of them reads is an error. */
  readOptions(directive: Directive, readers: Readonly<Record<string, (option: Directive) => void>>): void {
    for (const option of directive.options) {
      const { text } = option.name;
      const read = Object.hasOwn(readers, text) ? readers[text] : undefined;
      if (read !== undefined) read(option);
      else {
        const known = Object.keys(readers).join(', ');
        this.error(
          option.name,
          `${directive.name.text} has no option "${text}" here`,
          `take it away (known: ${known})`,
        );
      }
    }
  }

  /** The one argument's value; an error where there is another number of them or `read` makes none of it. */
  argument<T>(directive: Directive, what: string, read: (text: string) => T | undefined): T | undefined {
    const [word, ...more] = directive.args;
    if (word === undefined || more.length > 0) {
      this.error(directive.name, `${directive.name.text} takes one argument`, `give it ${what}`);
      return undefined;
    }
    return this.value(word, what, read);
  }

  value<T>(word: Word, what: string, read: (text: string) => T | undefined): T | undefined {
    const value = read(word.text);
    if (value === undefined) this.error(word, `"${word.text}" is not ${what}`, `write ${what}`);
    return value;
  }

  zoneNames(words: readonly Word[]): readonly string[] {
    return words.flatMap((word) => this.value(word, 'a zone', readZone) ?? []);
  }

  #say(level: CorefileLevel, { file, line, column }: Word, message: string, fix: string | undefined): void {
    this.findings.push({ level, place: { file, line, column }, message, fix });
  }
}

export function readZone(text: string): string | undefined {
  try {
    return canonicalName(parseDnsName(text));
  } catch {
    return undefined;
  }
}

export function readCount(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Milliseconds of "1m30s", "0.5s", "250ms" or "0", as Go writes durations. */
export function readDurationMs(text: string): number | undefined {
  if (text === '0') return 0;
  if (text.length > 40 || !/^(?:\d+(?:\.\d+)?(?:ns|us|ms|s|m|h))+$/.test(text)) return undefined;
  let sumMs = 0;
  for (const [, value, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)) {
    sumMs += Number(value) * (UNITS_MS[unit] ?? 0);
  }
  return sumMs;
}

export function readDurationS(text: string): number | undefined {
  const ms = readDurationMs(text);
  return ms === undefined ? undefined : Math.ceil(ms / 1000);
}

/** What the process' configuration takes: CoreDNS has no bounds, and means the same beyond these. */
export function within(value: number, [min, max]: readonly [number, number]): number {
  return Math.min(max, Math.max(min, Math.ceil(value)));
}

/** "a, b and c". */
export function listText(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}
