// A look at a large state makes as much again as it holds. In a process that rests afterwards, V8 leaves that lie: it is told to collect.

import type { EngineEvent } from '../reconcile/status.ts';

/** Entries of which a look leaves tens of megabytes; smaller ones are not worth the pause (about half a millisecond per megabyte in use). */
const LARGE_LOOK = 5_000;

/** A listener for the engine: collects after each pass that looked at much. */
export function heapCare(collectGarbage: () => void): (event: EngineEvent) => void {
  let looked = 0;
  return (event) => {
    if (event.kind === 'observed') looked += event.count;
    if (event.kind !== 'passed') return;
    if (looked >= LARGE_LOOK) collectGarbage();
    looked = 0;
  };
}
