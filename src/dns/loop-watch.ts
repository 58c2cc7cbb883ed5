// Keeps upstreams that lead back here from being asked, as long as they do.

import type { Clock } from '../base/clock.ts';
import type { ForwardZone } from './forward-config.ts';
import type { LoopGuard } from './loop-guard.ts';
import { upstreamText, type Upstream } from './upstream.ts';
import type { UpstreamPool } from './upstream-pool.ts';

export interface LoopWatchParts {
  readonly pool: UpstreamPool;
  readonly zone: ForwardZone;
  readonly guard: LoopGuard;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Those that lead back, when they became others. */
  readonly onChange: (looping: readonly Upstream[]) => void;
}

/** A changed list is seen this soon. */
const TICK_MS = 5000;
/** An upstream may be made to lead back here later; one that does may be mended any moment. */
const RECHECK_MS = 600_000;
const RECHECK_LOOPING_MS = 30_000;

/** Probes at once, when the pool's list changes, and now and then; until the signal. */
export async function watchLoops(parts: LoopWatchParts): Promise<void> {
  const { pool, zone, guard, clock, signal, onChange } = parts;
  let known: readonly Upstream[] | undefined;
  let dueMs = 0;
  let said = '';
  while (!signal.aborted) {
    if (pool.upstreams !== known || clock.monotonicMs() >= dueMs) {
      known = pool.upstreams;
      const results = await Promise.all(known.map((upstream) => guard.leadsBack(upstream, zone)));
      const looping = known.filter((_, i) => results[i]);
      pool.setLooping(looping);
      const text = looping.map(upstreamText).join(' ');
      if (text !== said) onChange(looping);
      said = text;
      dueMs = clock.monotonicMs() + (looping.length > 0 ? RECHECK_LOOPING_MS : RECHECK_MS);
    }
    // Only the end of the process ends the sleep early.
    await clock.sleep(TICK_MS, signal).catch(() => undefined);
  }
}
