// The command line: names, flags and exit codes. Each command's code is loaded when it is asked for, so that every start is quick.

import { Command } from 'commander';
import { addClusterCommands } from './cluster-commands.ts';
import { addProcessCommands } from './process-commands.ts';
import { exitCodeOf, reportError } from './exit.ts';

const program = new Command('fairlead')
  .description(
    'Kubernetes networking: a whole cluster network on one machine, or the network of a real cluster',
  )
  .configureHelp({ sortSubcommands: true })
  .showHelpAfterError('(fairlead --help shows all commands)')
  .exitOverride();

addClusterCommands(program);
addProcessCommands(program);

try {
  await program.parseAsync();
} catch (error) {
  reportError(error);
  process.exitCode = exitCodeOf(error);
}
