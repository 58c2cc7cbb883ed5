// Waiting in tests: for a condition, never for a time.

import { scaledMs } from './time-scale.ts';

/** Tries `check` until it neither throws nor returns false; throws its last error after `timeoutMs` (scaled). */
export async function eventually(
  check: () => boolean | void | Promise<boolean | void>,
  timeoutMs = 5000,
): Promise<void> {
  const endMs = performance.now() + scaledMs(timeoutMs);
  for (;;) {
    let failure: unknown = new Error(`Not true within ${timeoutMs} ms: ${check.toString()}`);
    try {
      if ((await check()) !== false) return;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > endMs) throw failure;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
