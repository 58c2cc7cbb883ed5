// Exit codes of all commands: 0 good, 1 failed, 2 wrong use or input, 3 the machine lacks something, 124 out of time, 130 interrupted.

import { CommanderError } from 'commander';
import { FairleadError, type ErrorCode } from '../base/errors.ts';

const EXIT_CODES: Readonly<Partial<Record<ErrorCode, number>>> = {
  invalid: 2,
  forbidden: 3,
  unsupported: 3,
  timeout: 124,
  aborted: 130,
};

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (isAbort(error)) return 130;
  return error instanceof FairleadError ? (EXIT_CODES[error.code] ?? 1) : 1;
}

/** Says what went wrong on standard error; a defect of ours shows its stack, everybody else's mistake does not. */
export function reportError(error: unknown): void {
  if (error instanceof CommanderError) return;
  if (isAbort(error)) {
    process.stderr.write('fairlead: interrupted\n');
    return;
  }
  if (error instanceof FairleadError && error.code !== 'internal') {
    process.stderr.write(`fairlead: ${error.message}\n`);
    return;
  }
  process.stderr.write(
    `fairlead: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
}

/** What an AbortSignal throws where nobody gave it words. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
