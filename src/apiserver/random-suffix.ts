// The end of a name that the server makes up.

import type { Random } from './context.ts';

/** Without vowels and look-alikes, so that no word comes out. */
const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

export function randomSuffix(random: Random): string {
  let suffix = '';
  for (let i = 0; i < 5; i++) suffix += LETTERS[random.below(LETTERS.length)];
  return suffix;
}
