// Which answers are written down, by zones, as the configuration has it: what CoreDNS's directive `log` says.

import {
  canonicalName,
  isWithin,
  labelsOf,
  parseDnsName,
  ROOT_NAME,
  type DnsName,
} from '../wire/dns/name.ts';
import type { ConfigFields } from './config-fields.ts';

/** 'denial': the name or its type is not there; 'error': all else that is no success. */
export type AnswerClass = 'success' | 'denial' | 'error';

export const LOG_CLASSES = ['all', 'success', 'denial', 'error'] as const;
export type LogClass = (typeof LOG_CLASSES)[number];

/** Names of the most specific zone that they lie in are written down by its rules alone, by the first one that has the name. */
export interface QueryLogZone {
  readonly zone: DnsName;
  readonly rules: readonly QueryLogRule[];
}

export interface QueryLogRule {
  readonly names: readonly DnsName[];
  /** With placeholders in braces, as CoreDNS has them. */
  readonly format: string;
  readonly classes: ReadonlySet<AnswerClass>;
}

/** A zone as people write it. */
export interface QueryLogZoneFile {
  readonly zone: string;
  /** None. */
  readonly rules?: readonly QueryLogRuleFile[];
}

export interface QueryLogRuleFile {
  /** Names, and all below them; all of the zone. */
  readonly names?: readonly string[];
  /** '{common}'. */
  readonly format?: string;
  /** 'all'. */
  readonly classes?: readonly LogClass[];
}

/** A client that asks without end must not fill the disk, nor hold up the others by what is written. */
export const LOG_LINES_PER_SECOND = 1000;

const EVERY_CLASS: readonly AnswerClass[] = ['success', 'denial', 'error'];

/** Most specific first. */
export function parseQueryLog(fields: ConfigFields): readonly QueryLogZone[] {
  const zones = fields.objects('queryLog').map((it) => ({
    zone: it.parsed('zone', zoneName),
    rules: it.objects('rules').map(parseRule),
  }));
  return zones.toSorted((a, b) => labelsOf(b.zone).length - labelsOf(a.zone).length);
}

function parseRule(fields: ConfigFields): QueryLogRule {
  const names = fields.parsedList('names', zoneName);
  const classes = fields.parsedList('classes', (text) => readClass(text, fields));
  const isAll = classes.length === 0 || classes.includes('all');
  return {
    names: names.length === 0 ? [ROOT_NAME] : names,
    format: fields.text('format', '{common}'),
    classes: new Set(isAll ? EVERY_CLASS : classes.filter((it) => it !== 'all')),
  };
}

function readClass(text: string, fields: ConfigFields): LogClass {
  const found = LOG_CLASSES.find((it) => it === text);
  if (found === undefined) throw fields.bad('classes', `"${text}" is none of ${LOG_CLASSES.join(', ')}`);
  return found;
}

function zoneName(text: string): DnsName {
  return canonicalName(parseDnsName(text));
}

/** Some answer for names of `domain`, beside failures, is written down. */
export function logsAnswersOf(domain: DnsName, zones: readonly QueryLogZone[]): boolean {
  const hasAny = (name: DnsName): boolean => isWithin(name, domain) || isWithin(domain, name);
  return zones.some(
    ({ zone, rules }) =>
      hasAny(zone) &&
      rules.some(
        ({ names, classes }) => names.some(hasAny) && (classes.has('success') || classes.has('denial')),
      ),
  );
}
