// How much slower than a usual machine this one is (FAIRLEAD_TIME_SCALE: 10 in the virtual machine). Bounds of waits grow
// with it; no test asserts a time.

const SCALE = Math.max(1, Number(process.env['FAIRLEAD_TIME_SCALE'] ?? 1));

/** A bound that a usual machine never comes near, for this machine. */
export function scaledMs(timeoutMs: number): number {
  return timeoutMs * SCALE;
}

/** Who hears nothing for so long hears nothing: no answer inside of one machine takes a tenth of it. */
export const SILENCE_MS = scaledMs(100);
