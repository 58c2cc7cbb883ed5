// The flags of the commands: what they take, and the environment variable that stands in for each (flag > environment > default).

import { InvalidArgumentError, Option, type Command } from 'commander';
import type { IptablesFlavour } from '../sys/iptables.ts';

export const OUTPUTS = ['json', 'yaml', 'wide'] as const;
const NETWORKS = ['vxlan'] as const;
// Not from where the flavours are asked: that loads what speaks to the kernel, and every command begins here.
const IPTABLES_FLAVOURS: readonly IptablesFlavour[] = ['nft', 'legacy'];

/** A flag with its environment variable: "--pod-cidr" reads FAIRLEAD_POD_CIDR unless `variable` says otherwise. */
export function flag(names: string, description: string, variable?: string): Option {
  const option = new Option(names, description);
  const long = (option.long ?? '').replace(/^--/, '').toUpperCase().replaceAll('-', '_');
  return option.env(`FAIRLEAD_${variable ?? long}`);
}

export function nameFlag(): Option {
  return flag('--name <name>', 'name of the cluster').default('fairlead');
}

export function namespaceFlag(): Option {
  return flag('-n, --namespace <namespace>', 'namespace of the object').default('default');
}

export function outputFlag(): Option {
  return flag('-o, --output <format>', 'form of the result').choices(OUTPUTS);
}

export function quietFlag(): Option {
  return flag('-q, --quiet', 'no progress on standard error');
}

export function filenameFlag(
  what = 'manifests: a file, a folder (with its folders) or - for standard input; may be repeated',
): Option {
  return flag('-f, --filename <source>', what).argParser<readonly string[]>(collected).default([], 'none');
}

/** For flags that may be repeated. */
export function collected(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(Array.isArray(before) ? before : []), value];
}

export function networkFlag(): Option {
  return flag('--network <mode>', 'how pods of different nodes reach each other').choices(NETWORKS);
}

export function iptablesFlavourFlag(): Option {
  return flag(
    '--iptables-flavour <flavour>',
    'where the backends iptables write their rules (default: that of the program iptables)',
  ).choices(IPTABLES_FLAVOURS);
}

export function durationFlag(names: string, description: string, of: { ms: number; text: string }): Option {
  return flag(names, description).argParser(parseDuration).default(of.ms, of.text);
}

/** Variables of switches that are set to nothing, 0, false or no leave the switch off. */
export function forgetEmptySwitches(program: Command, env: NodeJS.ProcessEnv): void {
  for (const option of [program, ...everyCommand(program)].flatMap((command) => command.options)) {
    const value = option.envVar === undefined ? undefined : env[option.envVar];
    if (option.envVar === undefined || value === undefined) continue;
    const isOff = (option.isBoolean() || option.negate) && /^(|0|false|no)$/i.test(value);
    if (isOff || value === '') delete env[option.envVar];
  }
}

function everyCommand(command: Command): readonly Command[] {
  return command.commands.flatMap((it) => [it, ...everyCommand(it)]);
}

export function parseCount(value: string): number {
  if (!/^[0-9]{1,3}$/.test(value)) throw new InvalidArgumentError('Must be a whole number.');
  return Number(value);
}

export function parsePortFlag(value: string): number {
  const port = Number(value);
  if (!/^[0-9]{1,5}$/.test(value) || port < 1 || port > 65_535)
    throw new InvalidArgumentError('Must be a port: 1 to 65535.');
  return port;
}

/** "10.1.0.0/16,fd01::/56" in parts; what the parts mean is judged with everything else that is asked for. */
export function parseList(value: string): readonly string[] {
  const parts = value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (parts.length < 1 || parts.length > 2)
    throw new InvalidArgumentError('Must be one prefix, or one per address family separated by a comma.');
  return parts;
}

/** "90", "90s", "2m", "500ms" in milliseconds. */
export function parseDuration(value: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?$/.exec(value);
  if (match === null) throw new InvalidArgumentError('Must be a duration such as 500ms, 90s or 2m.');
  const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match[2] ?? 's'] ?? 1_000;
  return Number(match[1]) * unit;
}

/** Commands under the help of a command, each with what it is good for. */
export function examples(...rows: readonly (readonly [command: string, about: string])[]): string {
  const width = Math.max(...rows.filter(([, about]) => about !== '').map(([command]) => command.length), 0);
  const lines = rows.map(([command, about]) =>
    about === '' ? `  ${command}` : `  ${command.padEnd(width)}  # ${about}`,
  );
  return `\nExamples:\n${lines.join('\n')}\n`;
}
