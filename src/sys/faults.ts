// Faults that a fake is told to have: which operation fails, and with which errno. Randomness is passed in, so that a failure repeats.

import { kernelError } from './errno.ts';

/** Asked before every operation of a fake; throws where it is to fail. `action` reads on after "Cannot". */
export type Faults = (action: string) => void;

export const noFaults: Faults = () => undefined;

/** The `nth` operation from now on (the first is 1) fails, all others work. */
export function failNth(nth: number, errno: number): Faults {
  let count = 0;
  return (action) => {
    if (++count === nth) throw kernelError({ action, errno, detail: 'fault on purpose' });
  };
}

/** Each operation fails with probability `share`; `random` gives numbers from 0 to below 1. */
export function failSometimes(share: number, errno: number, random: () => number): Faults {
  return (action) => {
    if (random() < share) throw kernelError({ action, errno, detail: 'fault on purpose' });
  };
}

/** Operations whose action matches fail until the returned `heal` is called. */
export function failMatching(
  pattern: RegExp,
  errno: number,
): { readonly faults: Faults; readonly heal: () => void } {
  let isBroken = true;
  return {
    faults: (action) => {
      if (isBroken && pattern.test(action)) throw kernelError({ action, errno, detail: 'fault on purpose' });
    },
    heal: () => {
      isBroken = false;
    },
  };
}
