// `fairlead completion bash|zsh|fish`: generated from the commands themselves, so that it cannot fall behind.

import type { Command } from 'commander';
import { FairleadError } from '../base/errors.ts';

export function completionCommand(program: Command, shell: string): void {
  const scripts: Readonly<Record<string, (words: Words) => string>> = {
    bash: bashScript,
    zsh: zshScript,
    fish: fishScript,
  };
  const script = scripts[shell];
  if (script === undefined) {
    throw new FairleadError('invalid', `Cannot complete for shell "${shell}": bash, zsh or fish`);
  }
  process.stdout.write(script(wordsOf(program)));
}

/** Command -> what may follow it: subcommands and long flags; '' holds the commands themselves. */
type Words = ReadonlyMap<string, readonly string[]>;

function wordsOf(program: Command): Words {
  const visible = program
    .createHelp()
    .visibleCommands(program)
    .filter((it) => it.name() !== 'help');
  const words = new Map<string, readonly string[]>([['', visible.map((it) => it.name())]]);
  for (const it of visible) {
    words.set(it.name(), [
      ...it.commands.map((sub) => sub.name()),
      ...it.options.map((option) => option.long ?? ''),
      '--help',
    ]);
  }
  return words;
}

function bashScript(words: Words): string {
  const cases = [...words]
    .filter(([name]) => name !== '')
    .map(([name, next]) => `    ${name}) words="${next.join(' ')}" ;;`);
  return `# source <(fairlead completion bash)
_fairlead() {
  local current=\${COMP_WORDS[COMP_CWORD]} words="${(words.get('') ?? []).join(' ')}"
  [ "$COMP_CWORD" -gt 1 ] && case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _fairlead fairlead
`;
}

function zshScript(words: Words): string {
  return `# source <(fairlead completion zsh)\nautoload -U +X bashcompinit && bashcompinit\n${bashScript(words)}`;
}

function fishScript(words: Words): string {
  const lines = [...words].flatMap(([name, next]) =>
    name === ''
      ? [`complete -c fairlead -f -n __fish_use_subcommand -a '${next.join(' ')}'`]
      : [`complete -c fairlead -n '__fish_seen_subcommand_from ${name}' -a '${next.join(' ')}'`],
  );
  return `# fairlead completion fish | source\n${lines.join('\n')}\n`;
}
