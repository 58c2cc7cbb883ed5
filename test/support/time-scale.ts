// How much slower than a usual machine this one is (FAIRLEAD_TIME_SCALE: 10 in the virtual machine). Waits grow with it; no test asserts a time.

const SCALE = Math.max(1, Number(process.env['FAIRLEAD_TIME_SCALE'] ?? 1));
/** What other work on a machine may do to a step that waits for several processes in turn. Costs nothing where all is well. */
const PATIENCE = 4;

/** A bound for what is to come, which a usual machine never comes near, for this machine. */
export function scaledMs(timeoutMs: number): number {
  return timeoutMs * SCALE * PATIENCE;
}

/** How long one listens to hear that nothing comes: this is waited for, each time. */
export function quietMs(silenceMs: number): number {
  return silenceMs * SCALE;
}

/** Who hears nothing for so long hears nothing: no answer inside of one machine takes a tenth of it. */
export const SILENCE_MS = quietMs(100);
