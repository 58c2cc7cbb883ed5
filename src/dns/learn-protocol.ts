// How the agent learns addresses of the names that policies speak of, before anybody uses them: JSON frames over a unix socket.
//
//   agent                                    DNS process
//   hello {version}                    ->
//                                      <-    welcome {version}
//   watch {revision, graceMs, patterns} ->   all of them, again whenever they are others
//                                      <-    watching {revision}
//                                      <-    answer {id, name, addresses}     which waits for the next ...
//   known {ids}                        ->    the kernel has their addresses
//   forget                             ->    something known is no longer: ask about all again
//                                      <-    refused {because}, and the connection ends

import { FairleadError } from '../base/errors.ts';
import { shown } from '../base/shown.ts';
import type { Ip } from '../base/ip.ts';
import { listOf, parseIpOf, recordOf, revisionOf, textOf } from './zone-json.ts';

export const LEARN_VERSION = 1;
/** Patterns that are watched; at 255 octets each they fill a frame to two thirds. */
export const MAX_PATTERNS = 20_000;
const MAX_PATTERN_BYTES = 255;
/** Of one answer; longer ones are cut. A DNS message can hold eight times as many, and no client tries all of them. */
export const MAX_ANSWER_ADDRESSES = 512;
const MAX_IDS = 4096;
/** Longer times to live count as a day: resolvers keep nothing longer. */
export const MAX_TTL_S = 86_400;
const MAX_GRACE_MS = 86_400_000;

export interface AnsweredAddress {
  readonly ip: Ip;
  /** At most `MAX_TTL_S`. */
  readonly ttlS: number;
}

export interface LearnedAnswer {
  readonly id: number;
  /** Of the question: in lower case, without a dot at the end. */
  readonly name: string;
  readonly addresses: readonly AnsweredAddress[];
}

export interface Watched {
  readonly patterns: readonly string[];
  /** How long the agent keeps an address after its time to live. */
  readonly graceMs: number;
}

export type LearnRequest =
  | { readonly kind: 'hello'; readonly version: number }
  | ({ readonly kind: 'watch'; readonly revision: number } & Watched)
  | { readonly kind: 'known'; readonly ids: readonly number[] }
  | { readonly kind: 'forget' };

export type LearnReply =
  | { readonly kind: 'welcome'; readonly version: number }
  | { readonly kind: 'watching'; readonly revision: number }
  | ({ readonly kind: 'answer' } & LearnedAnswer)
  | { readonly kind: 'refused'; readonly because: string };

/** Throws `invalid` for anything that is no request. */
export function parseLearnRequest(value: unknown): LearnRequest {
  const raw = recordOf(value, 'request');
  switch (raw['kind']) {
    case 'hello':
      return { kind: 'hello', version: revisionOf(raw['version']) };
    case 'watch':
      return { kind: 'watch', revision: revisionOf(raw['revision']), ...parseWatched(value) };
    case 'known':
      return { kind: 'known', ids: boundedList(raw['ids'], 'ids', MAX_IDS).map(revisionOf) };
    case 'forget':
      return { kind: 'forget' };
    default:
      throw bad(`unknown request "${shown(raw['kind'])}"`);
  }
}

/** Throws `invalid` for anything that is no reply. */
export function parseLearnReply(value: unknown): LearnReply {
  const raw = recordOf(value, 'reply');
  switch (raw['kind']) {
    case 'welcome':
      return { kind: 'welcome', version: revisionOf(raw['version']) };
    case 'watching':
      return { kind: 'watching', revision: revisionOf(raw['revision']) };
    case 'answer':
      return {
        kind: 'answer',
        id: revisionOf(raw['id']),
        name: parseName(raw['name'], 'name'),
        addresses: boundedList(raw['addresses'], 'addresses', MAX_ANSWER_ADDRESSES).map(parseAddress),
      };
    case 'refused':
      return { kind: 'refused', because: textOf(raw['because'], 'because') };
    default:
      throw bad(`unknown reply "${shown(raw['kind'])}"`);
  }
}

/** As `watch` brings it and a file keeps it; throws `invalid`. */
export function parseWatched(value: unknown): Watched {
  const raw = recordOf(value, 'watched names');
  const graceMs = revisionOf(raw['graceMs']);
  if (graceMs > MAX_GRACE_MS) throw bad(`a grace of ${graceMs} ms`);
  const patterns = boundedList(raw['patterns'], 'patterns', MAX_PATTERNS);
  return { graceMs, patterns: patterns.map((it) => parseName(it, 'patterns')) };
}

function parseAddress(value: unknown): AnsweredAddress {
  const raw = recordOf(value, 'addresses');
  const ttlS = revisionOf(raw['ttlS']);
  if (ttlS > MAX_TTL_S) throw bad(`a time to live of ${ttlS} s`);
  return { ip: parseIpOf(raw['ip']), ttlS };
}

function parseName(value: unknown, field: string): string {
  const name = textOf(value, field);
  if (name === '' || name.length > MAX_PATTERN_BYTES || /[^!-~]|[A-Z\\]|\.$/.test(name))
    throw bad(`${field}: "${name.slice(0, MAX_PATTERN_BYTES)}" is no name`);
  return name;
}

function boundedList(value: unknown, field: string, max: number): readonly unknown[] {
  const list = listOf(value, field);
  if (list.length > max) throw bad(`${list.length} ${field} are too many`);
  return list;
}

function bad(because: string): FairleadError {
  return new FairleadError('invalid', `Cannot learn names: ${because}`);
}
