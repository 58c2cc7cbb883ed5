// A Corefile as settings of the DNS process, with everything said that is done otherwise. Pure.

import { cidrFamily, cidrLength, parseCidr, type Cidr } from '../../base/cidr.ts';
import type { DnsConfigFile } from '../config.ts';
import type { ForwardZoneFile } from '../forward-config.ts';
import { reverseNameOf } from '../reverse-name.ts';
import { readDirective } from './directives.ts';
import { BlockDraft, listText, readZone, within } from './draft.ts';
import { CorefileSyntaxError, type CorefileFinding } from './finding.ts';
import type { Word } from './lexer.ts';
import { parseCorefile, type CorefileSource, type ServerBlock } from './parser.ts';
import { joinForwards, lies } from './join-forwards.ts';

/** What a Corefile decides; the rest is the process' own configuration. */
export type CorefileSettings = Pick<
  DnsConfigFile,
  'forward' | 'cache' | 'overrides' | 'queryLog' | 'pods' | 'ttlS' | 'maxInFlight'
>;

export interface CorefileReading {
  /** Undefined where there are errors: a part of a file is not what anybody wrote. */
  readonly settings: CorefileSettings | undefined;
  /** What was understood of each zone, in words. */
  readonly zones: readonly { readonly zone: string; readonly words: readonly string[] }[];
  /** In the order of the file. */
  readonly findings: readonly CorefileFinding[];
}

export interface CorefileOptions extends CorefileSource {
  readonly clusterDomain: string;
}

/** Never throws: what cannot be read is a finding. */
export function readCorefile(options: CorefileOptions): CorefileReading {
  const findings: CorefileFinding[] = [];
  try {
    const drafts = parseCorefile(options).map((block) => readBlock(block, options, findings));
    sayZones(drafts, options.clusterDomain);
    const forward = joinForwards(drafts);
    const settings = settingsOf(drafts, forward);
    const hasErrors = findings.some(({ level }) => level === 'error');
    return {
      settings: hasErrors ? undefined : settings,
      zones: drafts.flatMap((draft) =>
        draft.zones.map((zone) => ({ zone, words: wordsOf(draft, zone, forward) })),
      ),
      findings: findings.toSorted(byPlace),
    };
  } catch (error) {
    if (!(error instanceof CorefileSyntaxError)) throw error;
    return { settings: undefined, zones: [], findings: [error.finding] };
  }
}

function readBlock(block: ServerBlock, options: CorefileOptions, findings: CorefileFinding[]): BlockDraft {
  const { clusterDomain } = options;
  const [at] = block.keys;
  if (at === undefined) throw new Error('A block without zones is none');
  const zones = block.keys.flatMap((key) => zonesOfKey(key, findings));
  const draft = new BlockDraft({ at, zones, clusterDomain, findings });
  for (const directive of block.directives) readDirective(directive, draft);
  return draft;
}

/** "corp.example", "dns://.:53", "10.0.0.0/8". */
function zonesOfKey(key: Word, findings: CorefileFinding[]): readonly string[] {
  const { file, line, column, text } = key;
  const error = (message: string, fix: string): readonly string[] => {
    findings.push({ level: 'error', place: { file, line, column }, message, fix });
    return [];
  };
  const scheme = /^([a-z0-9]+):\/\//.exec(text);
  if (scheme !== null && scheme[1] !== 'dns') {
    return error(`clients are answered by UDP and TCP alone, not ${scheme[1]}`, 'take the block away');
  }
  const [, host = '', port] = /^(.*?)(?::(\d+))?$/.exec(text.slice(scheme?.[0].length ?? 0)) ?? [];
  if (port !== undefined && port !== '53') {
    return error(
      `port ${port} is not listened on`,
      'take the block away, or its port for that of the cluster DNS',
    );
  }
  const prefix = host.includes('/') ? readPrefix(host) : undefined;
  if (prefix !== undefined) {
    const step = cidrFamily(prefix) === 4 ? 8 : 4;
    const isWhole = cidrLength(prefix) % step === 0;
    return isWhole ? [reverseNameOf(prefix)] : error('a prefix within an octet', 'write the reverse zones');
  }
  const zone = readZone(host);
  return zone === undefined ? error(`"${text}" is no zone`, 'write a name') : [zone];
}

/** Zones that two blocks have, and the cluster's that none has. */
function sayZones(drafts: readonly BlockDraft[], clusterDomain: string): void {
  const seen = new Set<string>();
  for (const draft of drafts) {
    for (const zone of draft.zones) {
      if (seen.has(zone)) draft.error(draft.at, `zone "${zone}" has a block already`, 'put the two together');
      seen.add(zone);
    }
  }
  const [first] = drafts;
  if (first === undefined || drafts.some((it) => it.hasKubernetes)) return;
  const message = `names of ${clusterDomain} are answered from the cluster all the same`;
  first.warning(first.at, message, `add kubernetes ${clusterDomain}`);
}

function readPrefix(text: string): Cidr | undefined {
  try {
    return parseCidr(text);
  } catch {
    return undefined;
  }
}

function settingsOf(drafts: readonly BlockDraft[], forward: readonly ForwardZoneFile[]): CorefileSettings {
  const cache = cacheOf(drafts);
  const pods = drafts.find((it) => it.pods !== undefined)?.pods;
  const ttlS = drafts.find((it) => it.ttlS !== undefined)?.ttlS;
  const limits = drafts.flatMap(({ maxInFlight }) => (maxInFlight === undefined ? [] : [maxInFlight]));
  // A block without overrides has its names all the same: those of a larger zone do not reach them.
  const hasOverrides = drafts.some(({ rewrite, hosts }) => rewrite.length > 0 || hosts !== undefined);
  const overrides = (hasOverrides ? drafts : []).flatMap(({ zones, rewrite, hosts }) =>
    zones.map((zone) => ({ zone, rewrite, ...(hosts === undefined ? {} : { hosts }) })),
  );
  // As with overrides: a block that logs nothing keeps its names from the rules of a larger zone.
  const isLogged = drafts.some(({ log }) => log.length > 0);
  const queryLog = drafts.flatMap(({ zones, log }) => zones.map((zone) => ({ zone, rules: log })));
  return {
    forward,
    overrides,
    cache,
    ...(isLogged ? { queryLog } : {}),
    ...(pods === undefined ? {} : { pods }),
    ...(ttlS === undefined ? {} : { ttlS }),
    ...(limits.length === 0 ? {} : { maxInFlight: within(Math.min(...limits), [1, 10_000]) }),
  };
}

/** There is one cache: that of the root's block, or else the first one. Without any nothing is kept. */
function cacheOf(drafts: readonly BlockDraft[]): NonNullable<CorefileSettings['cache']> {
  const caching = drafts.filter((it) => it.cache !== undefined);
  const chosen = caching.find(({ zones }) => zones.includes('.')) ?? caching[0];
  if (chosen?.cache === undefined) return { bytes: 0 };
  const { file } = chosen.cache;
  for (const other of caching) {
    if (other.cache === undefined || JSON.stringify(other.cache.file) === JSON.stringify(file)) continue;
    const message = `answers of all zones are kept as line ${chosen.cache.at.line} says`;
    other.warning(other.cache.at, message, 'write the same in both, or take one away');
  }
  return file;
}

function wordsOf(draft: BlockDraft, zone: string, forward: readonly ForwardZoneFile[]): readonly string[] {
  const upstreams = forward
    .filter((it) => lies(it.zone, zone) && draft.forwards.length > 0)
    .map((it) => `names of "${it.zone}" are asked of ${upstreamWords(it)}`);
  const rewrites =
    draft.rewrite.length === 0 ? [] : [`${draft.rewrite.length} rules rewrite names or times to live`];
  return [...rewrites, ...draft.words, ...upstreams];
}

function upstreamWords({ upstreams, policy, except = [] }: ForwardZoneFile): string {
  const who =
    upstreams === 'host'
      ? "the host's nameservers"
      : upstreams.length === 0
        ? 'nobody'
        : `${listText(upstreams)}${upstreams.length > 1 ? ` (${policy ?? 'random'})` : ''}`;
  return except.length === 0 ? who : `${who}, except ${listText(except)}`;
}

function byPlace(a: CorefileFinding, b: CorefileFinding): number {
  return a.place.line - b.place.line || a.place.column - b.place.column;
}
