// How long answers of others are kept, refreshed and served beyond their time, as the configuration has it.

import type { ConfigFields } from './config-fields.ts';

export interface CacheSettings {
  /** Bound of all that is kept. */
  readonly bytes: number;
  /** Times to live of answers with records are brought into these bounds, also as clients see them. */
  readonly success: TtlBounds;
  /** As of denials: no such name, no such records. */
  readonly denial: TtlBounds;
  /** Failures are kept this long (RFC 2308 7 allows five minutes): just enough to take the burst of a client's search list. */
  readonly servfailS: number;
  /** Undefined never asks before somebody waits. */
  readonly prefetch: PrefetchSettings | undefined;
  /** Undefined lets answers end with their time to live. */
  readonly serveStale: StaleSettings | undefined;
}

export interface TtlBounds {
  readonly minS: number;
  readonly maxS: number;
}

/** An answer asked for `amount` times, never `gapS` or longer apart, is asked for anew when less than `percent` of its time is left. */
export interface PrefetchSettings {
  readonly amount: number;
  readonly gapS: number;
  readonly percent: number;
}

/** RFC 8767: what ran out is better than nothing, where upstreams are silent. */
export interface StaleSettings {
  /** How long after its time an answer is served. */
  readonly forS: number;
  /** 'immediate' answers first and asks then; 'verify' asks first, and waits `verifyMs` at most. */
  readonly mode: 'immediate' | 'verify';
  readonly verifyMs: number;
  /** The time to live that clients see. */
  readonly ttlS: number;
}

/** The settings as people write them; each may be left out. */
export interface CacheFile {
  /** 8 MiB. */
  readonly bytes?: number;
  /** From 0 to an hour. */
  readonly success?: Partial<TtlBounds>;
  /** From 0 to half an hour. */
  readonly denial?: Partial<TtlBounds>;
  /** 1. */
  readonly servfailS?: number;
  /** None; a minute and 10 percent where it is there. */
  readonly prefetch?: Partial<PrefetchSettings> & Pick<PrefetchSettings, 'amount'>;
  /** None; an hour, 'immediate', 1800 ms and 0 seconds where it is there. */
  readonly serveStale?: Partial<StaleSettings>;
}

const DAY_S = 86_400;

export function parseCache(fields: ConfigFields): CacheSettings {
  const prefetch = fields.optionalObject('prefetch');
  const serveStale = fields.optionalObject('serveStale');
  return {
    bytes: fields.number('bytes', 8 << 20, [0, 1 << 30]),
    success: parseBounds(fields.object('success'), 3600),
    denial: parseBounds(fields.object('denial'), 1800),
    servfailS: fields.number('servfailS', 1, [0, 300]),
    prefetch: prefetch && {
      amount: prefetch.number('amount', 0, [1, 1_000_000]),
      gapS: prefetch.number('gapS', 60, [1, DAY_S]),
      percent: prefetch.number('percent', 10, [1, 90]),
    },
    serveStale: serveStale && {
      forS: serveStale.number('forS', 3600, [1, 7 * DAY_S]),
      mode: serveStale.oneOf('mode', ['immediate', 'verify']),
      verifyMs: serveStale.number('verifyMs', 1800, [1, 60_000]),
      ttlS: serveStale.number('ttlS', 0, [0, 3600]),
    },
  };
}

function parseBounds(fields: ConfigFields, absentMaxS: number): TtlBounds {
  const maxS = fields.number('maxS', absentMaxS, [0, DAY_S]);
  return { minS: fields.number('minS', 0, [0, maxS]), maxS };
}
