// What is answered or asked for in the place of a client's question, by zones, as the configuration has it.

import { canonicalName, labelsOf, parseDnsName, ROOT_NAME, type DnsName } from '../wire/dns/name.ts';
import type { ConfigFields } from './config-fields.ts';
import { parseRewrite, type RewriteFile, type RewriteRule } from './rewrite.ts';

/** Names of the most specific zone that they lie in are treated by its rules alone. */
export interface OverrideZone {
  readonly zone: DnsName;
  readonly rewrite: readonly RewriteRule[];
  readonly hosts: HostsSettings | undefined;
}

export interface HostsSettings {
  /** Names elsewhere are not looked up. */
  readonly zones: readonly DnsName[];
  /** Lines of hosts(5). */
  readonly inline: string;
  /** A file of such lines, read again when it changes; undefined for none. */
  readonly file: string | undefined;
  readonly ttlS: number;
  /** Addresses are told their names. */
  readonly reverse: boolean;
  /** Names of these zones that have no line are asked for elsewhere; others fail. */
  readonly fallthrough: readonly DnsName[];
}

/** A zone as people write it. */
export interface OverrideZoneFile {
  readonly zone: string;
  /** None. */
  readonly rewrite?: readonly RewriteFile[];
  /** None. */
  readonly hosts?: HostsFile;
}

export interface HostsFile {
  /** All of the override's zone. */
  readonly zones?: readonly string[];
  /** None. */
  readonly lines?: readonly string[];
  readonly file?: string;
  /** 3600. */
  readonly ttlS?: number;
  /** false: addresses are told their names. */
  readonly noReverse?: boolean;
  /** None. */
  readonly fallthrough?: readonly string[];
}

const MAX_TTL_S = 2 ** 31 - 1;

/** Most specific first. */
export function parseOverrides(fields: ConfigFields): readonly OverrideZone[] {
  const zones = fields.objects('overrides').map((it) => {
    const hosts = it.optionalObject('hosts');
    return {
      zone: it.parsed('zone', zoneName),
      rewrite: it.objects('rewrite').map(parseRewrite),
      hosts: hosts && parseHostsSettings(hosts),
    };
  });
  return zones.toSorted((a, b) => labelsOf(b.zone).length - labelsOf(a.zone).length);
}

function parseHostsSettings(fields: ConfigFields): HostsSettings {
  return {
    zones: fields.has('zones') ? fields.parsedList('zones', zoneName) : [ROOT_NAME],
    inline: fields.parsedList('lines', (line) => line).join('\n'),
    file: fields.has('file') ? fields.text('file') : undefined,
    ttlS: fields.number('ttlS', 3600, [0, MAX_TTL_S]),
    reverse: !fields.flag('noReverse'),
    fallthrough: fields.parsedList('fallthrough', zoneName),
  };
}

function zoneName(text: string): DnsName {
  return canonicalName(parseDnsName(text));
}
