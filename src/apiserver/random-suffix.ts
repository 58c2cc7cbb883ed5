// The end of a name that the server makes up.

import type { Random } from './context.ts';

/** Without vowels and look-alikes, so that no word comes out. */
const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';
const LENGTH = 5;

/** By one number for all letters: chance costs by the call. */
export function randomSuffix(random: Random): string {
  let rest = random.below(LETTERS.length ** LENGTH);
  let suffix = '';
  for (let i = 0; i < LENGTH; i++) {
    suffix += LETTERS[rest % LETTERS.length];
    rest = Math.floor(rest / LETTERS.length);
  }
  return suffix;
}
