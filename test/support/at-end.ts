// The end of a test's process, which is not always that of its tests: the runner sends a signal to a file that takes too long, people press Ctrl-C.

import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs `work` once when the process ends, by a signal too. Nothing can be awaited then. */
export function atEnd(work: (code: number) => void): void {
  if (!process.listeners('exit').includes(work)) process.on('exit', work);
  // Without a listener a signal ends the process on the spot.
  for (const signal of SIGNALS)
    if (!process.listeners(signal).includes(endBySignal)) process.on(signal, endBySignal);
}

/** As a shell tells of it. */
function endBySignal(signal: NodeJS.Signals): void {
  process.exit(128 + constants.signals[signal]);
}
