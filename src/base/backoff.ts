// Waiting longer after each failure, with jitter so that many clients do not come back in one moment. Pure.

/** Bounds of a back-off: the first wait, the longest one, and how much each failure multiplies it. */
export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
  readonly factor: number;
}

/** The wait after the `failures`-th failure in a row (1 is the first); between half and the whole of the exponential value. */
export function backoffMs(backoff: Backoff, failures: number, random: () => number): number {
  if (failures < 1) return 0;
  const whole = Math.min(backoff.maxMs, backoff.firstMs * backoff.factor ** (failures - 1));
  return whole / 2 + (whole / 2) * random();
}
