// `fairlead completion bash|zsh|fish`: generated from the commands themselves, so that it cannot fall behind. The scripts start no Fairlead:
// pressing Tab must be quick. Names of clusters are those of the folders that `up` makes.

import type { Command, Option } from 'commander';
import { FairleadError } from '../base/errors.ts';

const STATE_FOLDER = '/var/lib/fairlead';
const FILE_FLAGS = ['--filename', '--config', '--junit', '--sarif', '--markdown', '--connections'];

export function completionCommand(program: Command, shell: string): void {
  const scripts: Readonly<Record<string, (nodes: readonly WordNode[]) => string>> = {
    bash: bashScript,
    zsh: zshScript,
    fish: fishScript,
  };
  const script = scripts[shell];
  if (script === undefined)
    throw new FairleadError('invalid', `Cannot complete for shell "${shell}": bash, zsh or fish`);
  process.stdout.write(script(nodesOf(program, [])));
}

/** What may follow the words of one command. */
interface WordNode {
  /** ['connectivity', 'test']; empty for the program itself. */
  readonly path: readonly string[];
  readonly words: readonly { readonly word: string; readonly about: string }[];
  readonly flags: readonly Flag[];
  /** What follows the words is files. */
  readonly hasFiles: boolean;
}

interface Flag {
  readonly names: readonly string[];
  readonly about: string;
  readonly value: 'none' | 'any' | 'file' | 'cluster' | readonly string[];
}

function nodesOf(command: Command, path: readonly string[]): readonly WordNode[] {
  const below = command
    .createHelp()
    .visibleCommands(command)
    .filter((it) => it.name() !== 'help');
  const values = command.registeredArguments.flatMap((it) => it.argChoices ?? []);
  const node: WordNode = {
    path,
    words: [
      ...below.map((it) => ({ word: it.name(), about: it.description() })),
      ...values.map((word) => ({ word, about: '' })),
    ],
    flags: [
      ...command.options.map(flagOf),
      { names: ['-h', '--help'], about: 'display help for command', value: 'none' },
    ],
    hasFiles: command.registeredArguments.some((it) => it.name() === 'file'),
  };
  return [node, ...below.flatMap((it) => nodesOf(it, [...path, it.name()]))];
}

function flagOf(option: Option): Flag {
  const names = [option.short, option.long].filter((it) => it !== undefined);
  const about = option.description;
  if (!option.required && !option.optional) return { names, about, value: 'none' };
  if (option.argChoices !== undefined) return { names, about, value: option.argChoices };
  if (option.long === '--name' || option.long === '--cluster') return { names, about, value: 'cluster' };
  const isFile = FILE_FLAGS.includes(option.long ?? '');
  return { names, about, value: isFile ? 'file' : 'any' };
}

function bashScript(nodes: readonly WordNode[]): string {
  return `# bash completion of fairlead: source <(fairlead completion bash)
_fairlead() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path="" words="" i
  # The command is made of the words that are no flags and no values of flags.
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
${nodes.flatMap(bashStep).join('\n')}
    esac
  done
  case "$path $previous" in
${nodes.flatMap(bashValues).join('\n')}
  esac
  case "$path" in
${nodes.map(bashWords).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _fairlead fairlead
`;
}

function bashStep({ path, words }: WordNode): readonly string[] {
  const at = path.join('/');
  return words.map(({ word }) => `      "${at} ${word}") path="${[...path, word].join('/')}" ;;`);
}

function bashValues({ path, flags }: WordNode): readonly string[] {
  return flags
    .filter(({ value }) => value !== 'none')
    .map(({ names, value }) => {
      const patterns = names.map((name) => `"${path.join('/')} ${name}"`).join(' | ');
      return `    ${patterns}) ${bashValue(value)}; return ;;`;
    });
}

function bashValue(value: Flag['value']): string {
  switch (value) {
    case 'none':
    case 'any':
      return 'COMPREPLY=()';
    case 'file':
      return 'compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$current"))';
    case 'cluster':
      return `COMPREPLY=($(compgen -W "$(ls ${STATE_FOLDER} 2>/dev/null)" -- "$current"))`;
    default:
      return `COMPREPLY=($(compgen -W "${value.join(' ')}" -- "$current"))`;
  }
}

/** Flags are offered once a dash is written: before it, the words alone are what people look for. */
function bashWords({ path, words, flags, hasFiles }: WordNode): string {
  const names = flags.flatMap((it) => it.names.filter((name) => name.startsWith('--'))).join(' ');
  const plain = words.map(({ word }) => word).join(' ');
  if (hasFiles)
    return `    "${path.join('/')}") if [[ $current == -* ]]; then words="${names}"; else ${bashValue('file')}; return; fi ;;`;
  const choice =
    plain === ''
      ? `words="${names}"`
      : `if [[ $current == -* ]]; then words="${names}"; else words="${plain}"; fi`;
  return `    "${path.join('/')}") ${choice} ;;`;
}

function zshScript(nodes: readonly WordNode[]): string {
  return `#compdef fairlead
# zsh completion of fairlead: source <(fairlead completion zsh), or as a file "_fairlead" in $fpath
autoload -U +X bashcompinit && bashcompinit
${bashScript(nodes)}`;
}

function fishScript(nodes: readonly WordNode[]): string {
  const lines = nodes.flatMap((node) => {
    const condition = fishCondition(node, nodes);
    return [
      ...node.words.map(
        ({ word, about }) =>
          `complete -c fairlead -f -n ${quoted(condition)} -a ${word}${about === '' ? '' : ` -d ${quoted(about)}`}`,
      ),
      ...node.flags.map((it) => `complete -c fairlead -n ${quoted(condition)} ${fishFlag(it)}`),
      ...(node.hasFiles ? [`complete -c fairlead -F -n ${quoted(condition)}`] : []),
    ];
  });
  return `# fish completion of fairlead: fairlead completion fish | source\ncomplete -c fairlead -f\n${lines.join('\n')}\n`;
}

/** After all words of the path, and none of those that lead further. */
function fishCondition({ path, words }: WordNode, nodes: readonly WordNode[]): string {
  const further = words
    .map(({ word }) => word)
    .filter((word) => nodes.some((it) => it.path.join('/') === [...path, word].join('/')));
  const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`);
  const unseen = further.length === 0 ? [] : [`not __fish_seen_subcommand_from ${further.join(' ')}`];
  return [...seen, ...unseen].join('; and ') || 'true';
}

function fishFlag({ names, about, value }: Flag): string {
  const forms = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const values: Readonly<Record<string, string>> = {
    none: '',
    any: ' -x',
    file: ' -r -F',
    cluster: ` -x -a ${quoted(`(ls ${STATE_FOLDER} 2>/dev/null)`)}`,
  };
  const of = typeof value === 'string' ? values[value] : ` -x -a ${quoted(value.join(' '))}`;
  return `${forms.join(' ')}${of} -d ${quoted(about)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`;
}
