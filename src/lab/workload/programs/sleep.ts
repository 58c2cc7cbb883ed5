// A container that only exists: pause, and `sleep N` of shell images without the annotation for host programs.

import type { ProgramContext } from '../program.ts';
import { sleepUntilAbort } from '../sleep-until-abort.ts';

/** Ends with code 0 after `seconds`; never by itself where they are undefined. */
export function sleepFor(context: ProgramContext, seconds: number | undefined): Promise<void> {
  if (seconds !== undefined) {
    void sleepUntilAbort(seconds * 1000, context.signal).then(() => {
      if (!context.signal.aborted) context.exit(0);
    });
  }
  return Promise.resolve();
}
