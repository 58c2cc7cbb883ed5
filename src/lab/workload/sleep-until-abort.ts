// Waiting that ends early, without an error, when the container is stopped.

import { setTimeout as delay } from 'node:timers/promises';

/** Resolves after `ms` or as soon as the signal aborts. */
export async function sleepUntilAbort(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
