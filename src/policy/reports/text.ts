// Results of assertions for people: failures with their reasons, and how many there are.

import { titleOf, type AssertionResult } from '../assertions.ts';
import { placeText } from '../placed-object.ts';

/** `isWide`: passed ones too. */
export function textReport(results: readonly AssertionResult[], isWide: boolean): string {
  const shown = results.filter(({ failure }) => isWide || failure !== undefined);
  const lines = shown.flatMap(({ assertion, failure }) => {
    const title = `${failure === undefined ? 'ok  ' : 'FAIL'} ${placeText(assertion.place)}: ${titleOf(assertion)}`;
    const why = assertion.why === undefined ? [] : [`     why: ${assertion.why}`];
    return failure === undefined ? [title] : [title, `     ${failure}`, ...why];
  });
  return [...lines, countText(results), ''].join('\n');
}

/** "11 passed, 1 failed". */
export function countText(results: readonly AssertionResult[]): string {
  const failed = results.filter(({ failure }) => failure !== undefined).length;
  return `${results.length - failed} passed, ${failed} failed`;
}
