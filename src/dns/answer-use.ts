// When an answer that is kept is asked for anew before anybody has to wait for it. Pure.

import type { AnswerUse, CachedAnswer } from './answer-cache.ts';
import type { PrefetchSettings } from './cache-config.ts';

/** An answer is refreshed a second before its end at the latest, however short its time is. */
const LATEST_MS = 1000;

export function newUse(nowMs: number): AnswerUse {
  return { asks: 1, lastMs: nowMs, recheckMs: 0 };
}

/** Counts one more question for `cached`; true where it is popular and near its end. */
export function isDue(cached: CachedAnswer, settings: PrefetchSettings, nowMs: number): boolean {
  const { use, storedMs, expiresMs } = cached;
  use.asks = nowMs - use.lastMs >= settings.gapS * 1000 ? 1 : use.asks + 1;
  use.lastMs = nowMs;
  const lastPartMs = Math.max(LATEST_MS, ((expiresMs - storedMs) * settings.percent) / 100);
  return use.asks >= settings.amount && expiresMs - nowMs <= lastPartMs && nowMs >= use.recheckMs;
}
