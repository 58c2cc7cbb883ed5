// All commands in one tree: what main.ts parses, completion offers and the reference page lists.

import { Command } from 'commander';
import { addClusterCommands } from './cluster-commands.ts';
import { addProcessCommands } from './process-commands.ts';

export function makeProgram(): Command {
  const program = new Command('fairlead')
    .description(
      'Kubernetes networking: a whole cluster network on one machine, or the network of a real cluster',
    )
    .showHelpAfterError('(fairlead --help shows all commands)')
    .exitOverride()
    .addHelpText(
      'after',
      `
Start here:
  fairlead up -f examples/shop   # a cluster of three nodes with a small application
  fairlead status                # what it is doing
  fairlead down                  # everything gone again

Every flag can be given by the environment (FAIRLEAD_NAME=two is --name two); a flag wins.
Exit codes: 0 good, 1 failed, 2 wrong input, 3 this machine lacks something, 124 out of time, 130 interrupted.
`,
    );
  program.commandsGroup('Cluster:');
  addClusterCommands(program);
  program.helpCommand('help [command]', 'Show the flags of a command');
  program.commandsGroup('Processes (started by the cluster itself and on real nodes):');
  addProcessCommands(program);
  return program;
}
