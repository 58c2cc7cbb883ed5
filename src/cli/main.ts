// The command line: names, flags and exit codes. Each command's code is loaded when it is asked for, so that every start is quick.

import { forgetEmptySwitches } from './flags.ts';
import { exitCodeOf, reportError } from './exit.ts';
import { makeProgram } from './program.ts';

// A reader that goes away early (`fairlead status | head -1`) is no mistake of ours, and nobody is left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
process.stderr.on('error', () => undefined);

const program = makeProgram();
forgetEmptySwitches(program, process.env);
try {
  await program.parseAsync();
} catch (error) {
  reportError(error);
  process.exitCode = exitCodeOf(error);
}
