// fast-check whose `assert` runs for a time instead of a number of runs, with the given seed, and writes down what it did.
// Knows the environment that scripts/fuzz.ts sets, and no test.

import { appendFileSync } from 'node:fs';
import fc from 'fast-check';

/** One line of the file that FAIRLEAD_FUZZ_REPORT names. */
export interface FuzzLine {
  /** The test file. */
  readonly file: string;
  readonly runs: number;
  readonly seed: number;
  /** The shrunk case and its error as fast-check tells them; absent when the property held. */
  readonly failure?: string;
}

const MAX_RUNS = 2 ** 31 - 1;
const seconds = Number(process.env['FAIRLEAD_FUZZ_SECONDS']);
const seed = Number(process.env['FAIRLEAD_FUZZ_SEED']);
const report = process.env['FAIRLEAD_FUZZ_REPORT'] ?? '/dev/null';

/** fast-check keeps the property's own error apart from its report: it is what says how the shrunk case failed. */
function failureOf<Ts>(details: fc.RunDetails<Ts>): string | undefined {
  if (!details.failed) return undefined;
  const { errorInstance } = details;
  const cause = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  return `${fc.defaultReportMessage(details) ?? 'failed'}\n${cause}`;
}

function settle<Ts>(details: fc.RunDetails<Ts>): void {
  const failure = failureOf(details);
  const line: FuzzLine = {
    file: process.argv[1] ?? '',
    runs: details.numRuns,
    seed,
    ...(failure === undefined ? {} : { failure }),
  };
  appendFileSync(report, `${JSON.stringify(line)}\n`);
  if (failure !== undefined) throw new Error(failure);
}

/** `fc.assert` for as long as FAIRLEAD_FUZZ_SECONDS says, whatever number of runs the test asks for. */
function assert<Ts>(property: fc.IRawProperty<Ts>, params: fc.Parameters<Ts> = {}): Promise<void> | void {
  const details = fc.check(property, {
    ...params,
    seed,
    numRuns: MAX_RUNS,
    interruptAfterTimeLimit: seconds * 1000,
    markInterruptAsFailure: false,
  });
  return details instanceof Promise ? details.then(settle) : settle(details);
}

// The default export of fast-check is what the tests import.
// oxlint-disable-next-line import/no-default-export
export default { ...fc, assert };
