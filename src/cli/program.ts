// All commands in one tree: what main.ts parses, completion offers and the reference page lists.

import { Command } from 'commander';
import { addClusterCommands } from './cluster-commands.ts';
import { addDnsGroup } from './dns-group.ts';
import { addIngressCommands } from './ingress-commands.ts';
import { addPolicyCommands } from './policy-commands.ts';
import { addProcessCommands } from './process-commands.ts';
import { addRouteCommands } from './route-commands.ts';
import { ownVersion } from '../sys/own-version.ts';

export function makeProgram(): Command {
  const program = new Command('fairlead')
    .description(
      'Kubernetes networking: a whole cluster network on one machine, or the network of a real cluster',
    )
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'fairlead: ')) })
    .version(ownVersion(), '-V, --version', 'Show the version of Fairlead')
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
  addHelp(program);
  program.commandsGroup('Gateways and Ingresses:');
  addRouteCommands(program);
  addIngressCommands(program);
  program.commandsGroup('Policies:');
  addPolicyCommands(program);
  program.commandsGroup('Names:');
  addDnsGroup(program);
  program.commandsGroup('Processes (started by the cluster itself and on real nodes):');
  addProcessCommands(program);
  pointToHelp(program, 'fairlead');
  return program;
}

/** In the place of commander's own, which answers an unknown command with the whole page and no word about it. */
function addHelp(program: Command): void {
  program
    .helpCommand(false)
    .command('help')
    .argument('[command...]', 'the command that it is about')
    .description('Show the flags of a command')
    .action((path: readonly string[]) => {
      let command = program;
      for (const name of path) {
        const below = command.commands.find((it) => it.name() === name);
        if (below === undefined) return command.error(`error: unknown command '${path.join(' ')}'`);
        command = below;
      }
      return command.help();
    });
}

/** A mistake in a command's flags points to that command's help, not to the list of all. */
function pointToHelp(command: Command, path: string): void {
  const what = command.commands.length > 0 ? 'commands' : 'flags';
  command.showHelpAfterError(`"${path} --help" shows ${command.parent === null ? 'all' : 'its'} ${what}`);
  for (const below of command.commands) pointToHelp(below, `${path} ${below.name()}`);
}
