// Which number the next identity gets: pure, and decided by those that there are alone. Knows nothing of who needs them.

import { FIRST_IDENTITY, LAST_IDENTITY } from '../objects/identity.ts';

const COUNT = LAST_IDENTITY - FIRST_IDENTITY + 1;

/** A number that is given, and when: RFC 3339 in whole seconds, which as texts are in the order of time. */
export interface GivenNumber {
  readonly number: number;
  readonly since: string;
}

/**
 * The free numbers in the order in which they are to be given: those above the youngest first, then round from the first one. So it is long until a
 * number comes again, and a node that has missed its end does not take the next one's pods for the last one's.
 */
export function* freeNumbers(given: readonly GivenNumber[]): Generator<number> {
  const taken = new Set(given.map(({ number }) => number));
  const youngest = given.reduce<GivenNumber>((a, b) => (isYounger(b, a) ? b : a), {
    number: LAST_IDENTITY,
    since: '',
  });
  for (let step = 1; step <= COUNT; step++) {
    const number = FIRST_IDENTITY + ((youngest.number - FIRST_IDENTITY + step) % COUNT);
    if (!taken.has(number)) yield number;
  }
}

/** Those of one second were given upwards. */
function isYounger(a: GivenNumber, b: GivenNumber): boolean {
  return a.since === b.since ? a.number > b.number : a.since > b.since;
}
