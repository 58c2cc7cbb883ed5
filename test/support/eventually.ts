// Waiting in tests: for a condition, never for a time.

import { scaledMs } from './time-scale.ts';

const PAUSE_MS = { min: 5, max: 100 };

/** Tries `check` until it neither throws nor returns false; throws its last error after `timeoutMs` (scaled). */
export async function eventually(
  check: () => boolean | void | Promise<boolean | void>,
  timeoutMs = 5000,
): Promise<void> {
  const endMs = performance.now() + scaledMs(timeoutMs);
  for (;;) {
    const startMs = performance.now();
    let failure: unknown = new Error(`Not true within ${timeoutMs} ms: ${check.toString()}`);
    try {
      if ((await check()) !== false) return;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > endMs) throw failure;
    // A check that works for long leaves half of the time to what it waits for.
    const pauseMs = Math.min(PAUSE_MS.max, Math.max(PAUSE_MS.min, performance.now() - startMs));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
