// What the agent and the DNS process say to each other: JSON frames over a unix socket, each behind its length in four octets.
//
//   agent                                    DNS process
//   hello {version}                    ->
//                                      <-    welcome {version}
//   begin {isWhole, revision, prefixes} ->   (the first change of a connection is whole)
//   put {entries} ...                  ->
//   delete {keys} ...                  ->
//   commit {revision}                  ->    the change is made, in one step
//                                      <-    applied {revision}     or refused {because}, and the connection ends
//   complete {lists}                   ->    search lists of this node's pods, all of them, again whenever they are others (since version 2)
//                                      <-    completing
//   corefile {text}                    ->    the cluster's Corefile, without text where it has none; between changes
//                                      <-    configured {because}     with why it was not taken, the former one stays in force then
//   answered {answers}                 ->    what programs at pods answered in the process's stead since the last time (since version 3)
//                                      <-    counted

import type { Cidr } from '../base/cidr.ts';
import { FairleadError } from '../base/errors.ts';
import { shown } from '../base/shown.ts';
import type { NameEntry } from '../model/names.ts';
import { canonicalName, parseDnsName } from '../wire/dns/name.ts';
import { parseKernelAnswers, type KernelAnswers } from './feed-answers.ts';
import type { SearchList } from './search-lists.ts';
import {
  listOf,
  type KnownPorts,
  parseIpOf,
  parseNameEntry,
  parsePrefixes,
  recordOf,
  revisionOf,
  textOf,
} from './zone-json.ts';

export const FEED_VERSION = 3;
/** Since then there are search lists and Corefiles. */
export const CONFIGURING_FEED_VERSION = 2;
/** Since then answers of the kernel are counted. */
export const COUNTING_FEED_VERSION = 3;
/** Spoken with a peer of another release, as all between. */
export const OLDEST_FEED_VERSION = 1;
/** Entries of one put frame stay below this, unless a single one is longer. */
export const FRAME_GOAL_BYTES = 128 << 10;
/** What one change may hold in all: four times the largest cluster that Kubernetes is tested for. */
export const MAX_ZONE_ENTRIES = 600_000;
/** No node has so many pods. */
const MAX_SEARCH_LISTS = 10_000;

export type FeedRequest =
  | { readonly kind: 'hello'; readonly version: number }
  | {
      readonly kind: 'begin';
      readonly isWhole: boolean;
      readonly revision: number;
      readonly prefixes: readonly Cidr[];
    }
  | { readonly kind: 'put'; readonly entries: readonly NameEntry[] }
  | { readonly kind: 'delete'; readonly keys: readonly string[] }
  | { readonly kind: 'commit'; readonly revision: number }
  | { readonly kind: 'complete'; readonly lists: readonly SearchList[] }
  | { readonly kind: 'corefile'; readonly text?: string }
  | { readonly kind: 'answered'; readonly answers: readonly KernelAnswers[] };

export type FeedReply =
  | { readonly kind: 'welcome'; readonly version: number }
  | { readonly kind: 'applied'; readonly revision: number }
  | { readonly kind: 'completing' }
  | { readonly kind: 'counted' }
  | { readonly kind: 'refused'; readonly because: string }
  | { readonly kind: 'refused'; readonly because: string }
  | { readonly kind: 'configured'; readonly because?: string };

/** Throws `invalid` for anything that is no request. `known`: see `parseNameEntry`. */
export function parseFeedRequest(value: unknown, known: KnownPorts = new Map()): FeedRequest {
  const raw = recordOf(value, 'request');
  switch (raw['kind']) {
    case 'hello':
      return { kind: 'hello', version: revisionOf(raw['version']) };
    case 'begin':
      return {
        kind: 'begin',
        isWhole: raw['isWhole'] === true,
        revision: revisionOf(raw['revision']),
        prefixes: parsePrefixes(raw['prefixes']),
      };
    case 'put':
      return {
        kind: 'put',
        entries: listOf(raw['entries'], 'entries').map((it) => parseNameEntry(it, known)),
      };
    case 'delete':
      return {
        kind: 'delete',
        keys: listOf(raw['keys'], 'keys').map((key) => textOf(key, 'keys').toLowerCase()),
      };
    case 'commit':
      return { kind: 'commit', revision: revisionOf(raw['revision']) };
    case 'complete':
      return { kind: 'complete', lists: parseSearchLists(raw['lists']) };
    case 'corefile':
      return { kind: 'corefile', ...optionalText(raw, 'text') };
    case 'answered':
      return { kind: 'answered', answers: parseKernelAnswers(raw['answers']) };
    default:
      throw new FairleadError('invalid', `Cannot read zone feed: unknown request "${shown(raw['kind'])}"`);
  }
}

/** Throws `invalid` for anything that is no reply. */
export function parseFeedReply(value: unknown): FeedReply {
  const raw = recordOf(value, 'reply');
  switch (raw['kind']) {
    case 'welcome':
      return { kind: 'welcome', version: revisionOf(raw['version']) };
    case 'applied':
      return { kind: 'applied', revision: revisionOf(raw['revision']) };
    case 'completing':
      return { kind: 'completing' };
    case 'counted':
      return { kind: 'counted' };
    case 'refused':
      return { kind: 'refused', because: textOf(raw['because'], 'because') };
    case 'configured':
      return { kind: 'configured', ...optionalText(raw, 'because') };
    default:
      throw new FairleadError('invalid', `Cannot read zone feed: unknown reply "${shown(raw['kind'])}"`);
  }
}

function parseSearchLists(value: unknown): readonly SearchList[] {
  const lists = listOf(value, 'lists');
  if (lists.length > MAX_SEARCH_LISTS)
    throw new FairleadError('invalid', `Cannot read zone feed: ${lists.length} search lists are too many`);
  return lists.map((it) => {
    const raw = recordOf(it, 'search list');
    return {
      searches: listOf(raw['searches'], 'searches').map((name) =>
        canonicalName(parseDnsName(textOf(name, 'searches'))),
      ),
      ips: listOf(raw['ips'], 'ips').map(parseIpOf),
    };
  });
}

function optionalText<const Field extends string>(
  raw: Readonly<Record<string, unknown>>,
  field: Field,
): { readonly [K in Field]?: string } {
  const value = raw[field];
  // The one field has the type that is asked for.
  return value === undefined ? {} : ({ [field]: textOf(value, field) } as { readonly [K in Field]: string });
}
