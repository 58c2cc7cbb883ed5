// The directive `cache`, with CoreDNS' defaults where it leaves something out.

import type { CacheFile, PrefetchSettings, StaleSettings, TtlBounds } from '../cache-config.ts';
import { readCount, readDurationMs, readDurationS, readZone, within, type BlockDraft } from './draft.ts';
import type { Word } from './lexer.ts';
import type { Directive } from './parser.ts';

/** What CoreDNS does without a word about it. */
const MIN_S = 5;
const SERVFAIL_S = 5;
const MAX_SUCCESS_S = 3600;
const MAX_DENIAL_S = 1800;
const DAY_S = 86_400;

export function readCache(directive: Directive, draft: BlockDraft): void {
  const [first] = directive.args;
  const ttlS = first === undefined ? undefined : readCount(first.text);
  const zones = draft.zoneNames(ttlS === undefined ? directive.args : directive.args.slice(1));
  if (zones.some((it) => !draft.zones.includes(it))) {
    draft.warning(directive.name, 'names of other zones of the block are kept too', 'take the zones away');
  }
  const file: { -readonly [K in keyof CacheFile]: CacheFile[K] } = {
    success: boundsOf(ttlS ?? MAX_SUCCESS_S, MIN_S),
    denial: boundsOf(ttlS ?? MAX_DENIAL_S, MIN_S),
    servfailS: SERVFAIL_S,
  };
  draft.readOptions(directive, {
    success: (option) => (file.success = readBounds(option, draft, file.success)),
    denial: (option) => (file.denial = readBounds(option, draft, file.denial)),
    servfail: (option) => {
      const seconds = draft.argument(option, 'a duration up to 5m', readDurationS);
      if (seconds !== undefined) file.servfailS = within(seconds, [0, 300]);
    },
    prefetch: (option) => {
      const prefetch = readPrefetch(option, draft);
      if (prefetch !== undefined) file.prefetch = prefetch;
    },
    serve_stale: (option) => (file.serveStale = readServeStale(option, draft)),
    disable: (option) => readDisable(option, draft),
    keepttl: (option) =>
      draft.warning(option.name, 'clients see what is left of a time to live', 'take it away'),
  });
  draft.cache = { at: directive.name, file };
  const kept = `answers of others are kept for ${file.success?.maxS} s, denials for ${file.denial?.maxS} s at most`;
  draft.words.push(kept);
}

function boundsOf(longestS: number, shortestS: number): TtlBounds {
  const maxS = within(longestS, [0, DAY_S]);
  return { minS: Math.min(shortestS, maxS), maxS };
}

/** CAPACITY [TTL] [MINTTL]. */
function readBounds(
  option: Directive,
  draft: BlockDraft,
  absent: Partial<TtlBounds> = {},
): Partial<TtlBounds> {
  const [capacity, ttl, min] = option.args;
  if (capacity === undefined) {
    draft.error(option.name, 'no capacity', `write ${option.name.text} CAPACITY [TTL] [MINTTL]`);
    return absent;
  }
  draft.value(capacity, 'a number', readCount);
  draft.note(capacity, 'the cache is bounded in bytes, for all answers together');
  const maxS = ttl === undefined ? absent.maxS : draft.value(ttl, 'a number of seconds', readCount);
  const minS = min === undefined ? MIN_S : draft.value(min, 'a number of seconds', readCount);
  return boundsOf(maxS ?? 0, minS ?? 0);
}

/** AMOUNT [[DURATION] [PERCENTAGE%]]. */
function readPrefetch(
  option: Directive,
  draft: BlockDraft,
): (Partial<PrefetchSettings> & Pick<PrefetchSettings, 'amount'>) | undefined {
  const [amount, gap, percent] = option.args;
  if (amount === undefined) {
    draft.error(option.name, 'no amount', 'write prefetch AMOUNT [[DURATION] [PERCENTAGE%]]');
    return undefined;
  }
  const settings = {
    amount: draft.value(amount, 'a number', readCount),
    gapS: gap === undefined ? 60 : draft.value(gap, 'a duration', readDurationS),
    percent: percent === undefined ? 10 : draft.value(percent, 'a percentage from 10% to 90%', readPercent),
  };
  // Of none it is off, which is what it is without a word.
  if (settings.amount === undefined || settings.amount === 0) return undefined;
  return {
    amount: within(settings.amount, [1, 1_000_000]),
    gapS: within(settings.gapS ?? 60, [1, DAY_S]),
    percent: settings.percent ?? 10,
  };
}

function readPercent(text: string): number | undefined {
  const value = /^(\d\d)%$/.exec(text)?.[1];
  return value !== undefined && Number(value) >= 10 && Number(value) <= 90 ? Number(value) : undefined;
}

/** [DURATION] [REFRESH_MODE [VERIFY_TIMEOUT]]. */
function readServeStale(option: Directive, draft: BlockDraft): Partial<StaleSettings> {
  const [duration, mode, verify, ...more] = option.args;
  const forS = duration === undefined ? 3600 : draft.value(duration, 'a duration', readDurationS);
  const known = mode === undefined ? 'immediate' : draft.value(mode, 'immediate or verify', readMode);
  const verifyMs = verify === undefined ? undefined : draft.value(verify, 'a duration', readDurationMs);
  if (more[0] !== undefined) draft.warning(more[0], 'what follows the time to verify is not heeded');
  const settings = { forS: within(forS ?? 3600, [1, 7 * DAY_S]), mode: known ?? 'immediate' } as const;
  return verifyMs === undefined ? settings : { ...settings, verifyMs: within(verifyMs, [1, 60_000]) };
}

function readMode(text: string): StaleSettings['mode'] | undefined {
  return (['immediate', 'verify'] as const).find((it) => it === text.toLowerCase());
}

function readDisable({ name, args }: Directive, draft: BlockDraft): void {
  const [, ...zones] = args;
  // The cluster's own names are never kept: they are at hand.
  const isOwn = (word: Word): boolean => {
    const zone = readZone(word.text);
    return zone === draft.clusterDomain || zone?.endsWith(`.${draft.clusterDomain}`) === true;
  };
  if (zones.length > 0 && zones.every(isOwn)) return;
  draft.warning(name, 'answers are kept for their time to live', 'set a short one: success CAPACITY TTL');
}
