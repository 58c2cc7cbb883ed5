// The commands around a one-machine cluster: names and flags; what they do is in files of their own, loaded when asked for.

import { InvalidArgumentError, type Command } from 'commander';

const DEFAULT_NAME = process.env['FAIRLEAD_NAME'] ?? 'fairlead';
const OUTPUTS = ['json', 'yaml', 'wide'];

export function addClusterCommands(program: Command): void {
  addUp(program);
  addDown(program);
  program
    .command('status')
    .description('Show what runs, what is programmed in each kernel, and what is not right')
    .option('--name <name>', 'name of the cluster', DEFAULT_NAME)
    .option('-o, --output <format>', 'json, yaml or wide', parseOutput)
    .option('--wait', 'wait until everything is right')
    .option('--wait-duration <duration>', 'how long to wait', parseDuration, 60_000)
    .action(async (options) => (await import('./status.ts')).statusCommand(options));
  program
    .command('connectivity')
    .description('Prove connectivity with real packets')
    .command('test')
    .description('Reach every Service by name from every pod, across nodes')
    .option('--name <name>', 'name of the cluster', DEFAULT_NAME)
    .option('-o, --output <format>', 'json or yaml', parseOutput)
    .option('--timeout <duration>', 'for one connection', parseDuration, 3_000)
    .action(async (options) => (await import('./connectivity.ts')).connectivityCommand(options));
  program
    .command('doctor')
    .description('Name what this kernel and machine lack, and which features fall away for it')
    .option('-o, --output <format>', 'json or yaml', parseOutput)
    .action(async (options) => (await import('./doctor.ts')).doctorCommand(options));
  program
    .command('version')
    .description('Show the versions of Fairlead, Node and the kernel')
    .option('-o, --output <format>', 'json or yaml', parseOutput)
    .action(async (options) => (await import('./version.ts')).versionCommand(options));
  program
    .command('completion')
    .description('Print the completion script of a shell')
    .argument('<shell>', 'bash, zsh or fish')
    .action(async (shell: string) => (await import('./completion.ts')).completionCommand(program, shell));
  program
    .command('supervisor', { hidden: true })
    .requiredOption('--name <name>', 'name of the cluster')
    .action(async (options) => (await import('./supervisor.ts')).supervisorCommand(options));
}

function addUp(program: Command): void {
  program
    .command('up')
    .description('Raise a cluster on this machine, apply manifests, wait until all is ready, and prove it')
    .option(
      '-f, --filename <source>',
      'manifests: a file, a folder or - for standard input (may be repeated)',
      collect,
      [],
    )
    .option('--name <name>', 'name of the cluster', DEFAULT_NAME)
    .option('--nodes <count>', 'number of nodes (3)', parseCount)
    .option('--network <mode>', 'how pods of different nodes reach each other: vxlan', parseNetwork, 'vxlan')
    .option('--wait <duration>', 'how long to wait until all is ready', parseDuration, 120_000)
    .option('--no-check', 'leave out the connectivity check at the end')
    .option('-o, --output <format>', 'json or yaml', parseOutput)
    .option('-q, --quiet', 'no progress')
    .action(async (options) => (await import('./up.ts')).upCommand(options));
}

function addDown(program: Command): void {
  program
    .command('down')
    .description('Take the cluster away and leave the machine as it was')
    .option('--name <name>', 'name of the cluster', DEFAULT_NAME)
    .option('-q, --quiet', 'no progress')
    .action(async (options) => (await import('./down.ts')).downCommand(options));
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function parseOutput(value: string): string {
  if (!OUTPUTS.includes(value)) throw new InvalidArgumentError(`Must be one of ${OUTPUTS.join(', ')}.`);
  return value;
}

function parseNetwork(value: string): string {
  if (value !== 'vxlan') throw new InvalidArgumentError('Must be vxlan.');
  return value;
}

function parseCount(value: string): number {
  if (!/^[0-9]{1,3}$/.test(value)) throw new InvalidArgumentError('Must be a whole number.');
  return Number(value);
}

/** "90", "90s", "2m", "500ms" in milliseconds. */
export function parseDuration(value: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?$/.exec(value);
  if (match === null) throw new InvalidArgumentError('Must be a duration such as 500ms, 90s or 2m.');
  const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match[2] ?? 's'] ?? 1_000;
  return Number(match[1]) * unit;
}
