// One line that says what runs in the place of images: Fairlead runs none, and a summary must not let it look otherwise.

import { SERVED_BY, servedByText, type ServedByCounts } from '../objects/served-by.ts';

/** "In the place of images: 3 fairlead/web, 2 stand-in." */
export function servedByLine(counts: ServedByCounts): string {
  const parts = SERVED_BY.flatMap((it) => {
    const count = counts[it] ?? 0;
    return count === 0 ? [] : [`${count} ${servedByText(it)}`];
  });
  return `In the place of images: ${parts.length === 0 ? 'nothing yet' : parts.join(', ')}.\n`;
}
